"""Keys of callers: what each may do, and how they are kept. Pure: time and randomness are arguments."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from engine.errors import InvalidInput, NotFound
from engine.types import DEFAULT_PROJECT, SCOPE_FIELDS, Json, Scope
from engine.values import text_of, word_of

_FORM: Final = re.compile(r"rk_([0-9a-f]{12})_([0-9A-Za-z_-]{43})")
_MOST: Final = 10_000
_NAME_CHARS: Final = 100
_ID_CHARS: Final = 256


class Role(StrEnum):
    """What a key may do, each more than the one before: ask, change memories, change how the project works."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def may(self, needed: Role) -> bool:
        """Whether it is that or more."""
        order = [*Role]
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `scope`: the ids that a key is bound to: it sees and changes nothing that hasn't all of them."""

    key_id: str
    project: str
    role: Role
    scope: Scope


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret of a key, as it is kept. `until_s`: when it ends, in unix seconds; None: with the key."""

    digest: str
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept; times in unix seconds. `secrets`: the newest first."""

    key_id: str
    name: str
    role: Role
    created_s: float
    secrets: tuple[Secret, ...]
    project: str = DEFAULT_PROJECT
    scope: Scope = field(default_factory=Scope)
    expires_s: float | None = None
    revoked_s: float | None = None

    def is_live(self, now_s: float) -> bool:
        """Whether it opens anything at all."""
        return self.revoked_s is None and (self.expires_s is None or now_s < self.expires_s)

    def principal(self) -> Principal:
        """Who comes with it."""
        return Principal(self.key_id, self.project, self.role, self.scope)


def minted(key_id: str, secret: str) -> str:
    """The key as its holder has it. `key_id`: 12 hex digits; `secret`: 32 random bytes as URL-safe base64."""
    key = f"rk_{key_id}_{secret}"
    if _FORM.fullmatch(key) is None:
        raise ValueError("no id or no secret of a key")
    return key


def digest_of(key: str) -> str:
    """What is kept of a key: it has 256 random bits, so a plain hash can't be searched."""
    return hashlib.sha256(key.encode()).hexdigest()


def found(keys: Mapping[str, Key], sent: str, now_s: float) -> Key | None:
    """The live key that was sent; None: there is none. Takes as long whatever its secret is."""
    form = _FORM.fullmatch(sent)
    key = keys.get(form[1]) if form is not None else None
    if key is None:
        return None
    digest = digest_of(sent)
    fits = [
        hmac.compare_digest(digest, one.digest) for one in key.secrets if one.until_s is None or now_s < one.until_s
    ]
    return key if any(fits) and key.is_live(now_s) else None


def with_new(keys: Mapping[str, Key], key: Key) -> dict[str, Key]:
    """The keys and one more.

    Raises:
        InvalidInput: there are too many.
    """
    if len(keys) >= _MOST:
        raise InvalidInput(f"there are {_MOST} keys already: remove some that are revoked", {"limit": _MOST})
    return {**keys, key.key_id: key}


def with_revoked(keys: Mapping[str, Key], key_id: str, now_s: float) -> dict[str, Key]:
    """The keys, one of them revoked; one that was is left as it is. Raises NotFound."""
    key = _one(keys, key_id)
    return {**keys, key_id: key if key.revoked_s is not None else replace(key, revoked_s=now_s)}


def with_rotated(keys: Mapping[str, Key], key_id: str, digest: str, now_s: float, overlap_s: float) -> dict[str, Key]:
    """The keys, one of them with a new secret; the old ones hold for `overlap_s` more. Raises NotFound."""
    key = _one(keys, key_id)
    if not key.is_live(now_s):
        raise NotFound(f"key {key_id} has ended", {"key_id": key_id})
    until_s = now_s + overlap_s
    old = [replace(one, until_s=until_s if one.until_s is None else min(one.until_s, until_s)) for one in key.secrets]
    kept = [one for one in old if one.until_s is not None and one.until_s > now_s]
    return {**keys, key_id: replace(key, secrets=(Secret(digest), *kept))}


def scope_of(given: Mapping[str, Any]) -> Scope:
    """The ids that a key shall be bound to. Raises InvalidInput."""
    ids = {name: text_of(given[name], name, _ID_CHARS) for name in SCOPE_FIELDS if given.get(name) is not None}
    return Scope(**ids)


def name_of(raw: object) -> str:
    """What a key is called by people. Raises InvalidInput."""
    return text_of(raw, "name", _NAME_CHARS).strip()


def project_of(raw: object) -> str:
    """The project of a key. Raises InvalidInput."""
    return word_of(raw, "project")


def written(keys: Iterable[Key]) -> str:
    """The keys as text."""
    return json.dumps({"version": 1, "keys": [_record(one) for one in keys]}, indent=1)


def read(text: str) -> dict[str, Key]:
    """The keys that a text holds, by their ids.

    Raises:
        InvalidInput: it holds something else.
    """
    try:
        raw = json.loads(text)
        if raw["version"] != 1:
            raise ValueError(f"version {raw['version']}")
        return {one.key_id: one for one in map(_key, raw["keys"])}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"that are no keys: {error!r}") from error


def shown(key: Key, now_s: float) -> Json:
    """A key for people: nothing of its secrets."""
    state = "revoked" if key.revoked_s is not None else "active" if key.is_live(now_s) else "expired"
    return {
        "id": key.key_id,
        "name": key.name,
        "project": key.project,
        "role": key.role.value,
        **{name: getattr(key.scope, name) for name in SCOPE_FIELDS},
        "state": state,
        "created_s": key.created_s,
        "expires_s": key.expires_s,
        "revoked_s": key.revoked_s,
    }


def _one(keys: Mapping[str, Key], key_id: str) -> Key:
    if key_id not in keys:
        raise NotFound(f"no key {key_id}", {"key_id": key_id})
    return keys[key_id]


def _record(key: Key) -> Json:
    return {
        "id": key.key_id,
        "name": key.name,
        "project": key.project,
        "role": key.role.value,
        "scope": key.scope.ids(),
        "created_s": key.created_s,
        "expires_s": key.expires_s,
        "revoked_s": key.revoked_s,
        "secrets": [[one.digest, one.until_s] for one in key.secrets],
    }


def _key(record: Json) -> Key:
    return Key(
        key_id=record["id"],
        name=record["name"],
        project=record["project"],
        role=Role(record["role"]),
        scope=Scope(**record["scope"]),
        created_s=record["created_s"],
        expires_s=record["expires_s"],
        revoked_s=record["revoked_s"],
        secrets=tuple(Secret(digest, until_s) for digest, until_s in record["secrets"]),
    )
