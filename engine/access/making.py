"""Keys made, listed, revoked and rotated, by whoever may."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from engine.access import keys as plain
from engine.access.key_file import KeyFile
from engine.access.keys import Key, Principal, Role, Secret
from engine.errors import Forbidden, InvalidInput, NotFound
from engine.types import Json, Scope
from engine.values import is_number

_FIELDS: Final = frozenset({"name", "role", "project", "expires_in_s", "user_id", "agent_id", "app_id", "run_id"})
_OVERLAP_S: Final = 86_400.0
_LONGEST_S: Final = 100 * 366 * 86_400.0


def issued(file: KeyFile, asked: Mapping[str, Any], who: Principal | None, project: str, now_s: float) -> Json:
    """A new key as people see it, with the `key` itself.

    Args:
        file: where it is kept.
        asked: `name`, `role` (write unless told), `project`, `expires_in_s`, and the ids that bind it.
        who: makes it; None: whoever may do everything.
        project: the key's, where nobody says which.
        now_s: unix seconds.

    Raises:
        InvalidInput: a field is wrong or unknown.
        Forbidden: the key would open more than the one that makes it.
    """
    unknown = sorted(map(str, asked.keys() - _FIELDS))
    if unknown:
        raise InvalidInput(f"unknown: {unknown[0]}; a key has {', '.join(sorted(_FIELDS))}", {"field": unknown[0]})
    lasts_s = _seconds(asked.get("expires_in_s"), "expires_in_s")
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    whole = plain.minted(key_id, secret)
    key = Key(
        key_id=key_id,
        name=plain.name_of(asked.get("name")),
        role=_role(asked.get("role")),
        created_s=now_s,
        secrets=(Secret(plain.digest_of(whole)),),
        project=plain.project_of(asked.get("project") or (who.project if who else project)),
        scope=plain.scope_of(asked),
        expires_s=None if lasts_s is None else now_s + lasts_s,
    )
    _check_no_more(key, who)
    file.change(lambda keys: plain.with_new(keys, key))
    return {**plain.shown(key, now_s), "key": whole}


def ordered(file: KeyFile, who: Principal | None, now_s: float) -> list[Json]:
    """The keys that `who` may see, the oldest first."""
    seen = [one for one in file.read().values() if _is_of(one, who)]
    return [plain.shown(one, now_s) for one in sorted(seen, key=lambda one: (one.created_s, one.key_id))]


def revoked(file: KeyFile, key_id: str, who: Principal | None, now_s: float) -> Json:
    """A key that opens nothing any more. Raises NotFound."""
    file.change(lambda keys: plain.with_revoked(_seen(keys, who), key_id, now_s) | _unseen(keys, who))
    return plain.shown(file.read()[key_id], now_s)


def rotated(file: KeyFile, key_id: str, overlap_s: object, who: Principal | None, now_s: float) -> Json:
    """A key with a new secret, which is told as `key`; the old one holds for `overlap_s` more, a day unless told.

    Raises:
        NotFound: there is no such key, or it has ended.
        InvalidInput: `overlap_s` is no time.
    """
    given_s = _seconds(overlap_s, "overlap_s", least_s=0.0)
    lasts_s = _OVERLAP_S if given_s is None else given_s
    if key_id not in _seen(file.read(), who):
        raise NotFound(f"no key {key_id}", {"key_id": key_id})
    whole = plain.minted(key_id, secrets.token_urlsafe(32))
    digest = plain.digest_of(whole)
    file.change(lambda keys: plain.with_rotated(_seen(keys, who), key_id, digest, now_s, lasts_s) | _unseen(keys, who))
    return {**plain.shown(file.read()[key_id], now_s), "key": whole}


def _is_of(key: Key, who: Principal | None) -> bool:
    return who is None or (key.project == who.project and _holds(key.scope, who.scope))


def _holds(scope: Scope, within: Scope) -> bool:
    """Whether a scope has all ids of another: it means no more."""
    return within.ids().items() <= scope.ids().items()


def _seen(keys: Mapping[str, Key], who: Principal | None) -> dict[str, Key]:
    return {name: one for name, one in keys.items() if _is_of(one, who)}


def _unseen(keys: Mapping[str, Key], who: Principal | None) -> dict[str, Key]:
    return {name: one for name, one in keys.items() if not _is_of(one, who)}


def _check_no_more(key: Key, who: Principal | None) -> None:
    if who is not None and not (who.role.may(key.role) and _is_of(key, who)):
        raise Forbidden("a key can't open more than the one that makes it: its project, its role, the ids that bind it")


def _role(raw: object) -> Role:
    if raw is None:
        return Role.WRITE
    if raw not in list(Role):
        raise InvalidInput(f"role should be one of {', '.join(Role)}", {"field": "role"})
    return Role(str(raw))


def _seconds(raw: object, where: str, least_s: float = 1e-3) -> float | None:
    if raw is None:
        return None
    if not is_number(raw) or not least_s <= float(raw) <= _LONGEST_S:  # type: ignore[arg-type]
        raise InvalidInput(f"{where} should be a number of seconds", {"field": where})
    return float(raw)  # type: ignore[arg-type]
