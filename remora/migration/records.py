"""A memory of Mem0, in any shape that Mem0 gives it, as an add of Remora's. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

SCOPE = ("user_id", "agent_id", "app_id", "run_id")
ORIGIN = "mem0_id"
"""Under which name a memory's metadata has the id that it had."""
CHANGED = "mem0_updated_at"

_PAYLOAD = frozenset({
    "data", "hash", "created_at", "updated_at", "text_lemmatized", "user_id", "agent_id", "run_id", "actor_id", "role",
    "attributed_to", "expiration_date",
})  # fmt: skip
"""What Mem0's library doesn't take for metadata in a row of its vector store."""
_SPEAKERS = frozenset({"user", "assistant"})


class BadRow(ValueError):
    """A row that is no memory; the message says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a source holds at a place: `number` counts from 1. `value` is unchecked."""

    number: int
    value: object


def of_payload(point_id: object, payload: object) -> Json:
    """A row of Mem0's vector store as Mem0 shows a memory."""
    if not isinstance(payload, Mapping):
        return {"id": point_id}
    metadata = {name: value for name, value in payload.items() if name not in _PAYLOAD}
    shown = {name: value for name, value in payload.items() if name in _PAYLOAD}
    return {**shown, "id": point_id, "memory": payload.get("data"), "metadata": metadata}


def item_of(value: object) -> Json:
    """The item of `add_batch` that stores the memory as it is, without a language model.

    It carries a key that follows from all of it.

    Raises:
        BadRow: it is no memory, or lacks what one needs.
    """
    if not isinstance(value, Mapping):
        raise BadRow("is no JSON object")
    if "payload" in value:
        value = of_payload(value.get("id"), value["payload"])
    text = value.get("memory", value.get("data", value.get("text")))
    if not isinstance(text, str) or not text.strip():
        raise BadRow("has no text in `memory`")
    scope = _scope(value)
    if not scope:
        raise BadRow(f"has none of {', '.join(SCOPE)}")
    item: Json = {
        "messages": [_message(value, text)],
        **scope,
        "infer": False,
        **_given(
            metadata=_metadata(value),
            categories=_categories(value.get("categories")),
            timestamp=_moment(value.get("created_at"), "created_at"),
            expiration_date=_day(value.get("expiration_date")),
        ),
    }
    return {**item, "idempotency_key": _key(item)}


def origin_of(item: Json) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    """By what an item is known again: the id that it had, and whose it is."""
    return item.get("metadata", {}).get(ORIGIN), scope_of(item)


def scope_of(item: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Whose an item or a memory is, as something to compare."""
    return tuple((name, str(item[name])) for name in SCOPE if item.get(name) is not None)


def listed(document: object) -> Iterator[object]:
    """The memories of a JSON document: a list, an answer with `results` or `memories`, or one memory."""
    if isinstance(document, Mapping):
        for name in ("results", "memories"):
            if isinstance(document.get(name), list):
                yield from document[name]
                return
        yield document
    elif isinstance(document, list):
        yield from document
    else:
        yield document


def _scope(value: Mapping[str, Any]) -> Json:
    found = {name: value.get(name) for name in SCOPE}
    if found["run_id"] is None:
        found["run_id"] = value.get("session_id")
    ids = {name: _id(name, one) for name, one in found.items() if one is not None}
    return {name: one for name, one in ids.items() if one}


def _id(name: str, raw: object) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise BadRow(f"has a {name} that is no text")
    return str(raw).strip()


def _message(value: Mapping[str, Any], text: str) -> Json:
    role, name = value.get("role") or value.get("attributed_to"), value.get("actor_id", value.get("name"))
    message = {"role": role if role in _SPEAKERS else "user", "content": text}
    return {**message, "name": name} if isinstance(name, str) and name.strip() else message


def _metadata(value: Mapping[str, Any]) -> Json:
    """Its own, and what Remora has no field for."""
    raw = value.get("metadata")
    if raw is not None and not isinstance(raw, Mapping):
        raise BadRow("has metadata that is no object")
    told = {ORIGIN: value.get("id"), CHANGED: _moment(value.get("updated_at"), "updated_at")}
    return {**(raw or {}), **{name: str(one) for name, one in told.items() if one is not None}}


def _categories(raw: object) -> list[str] | None:
    if raw is None or raw == []:
        return None
    if not isinstance(raw, list) or not all(isinstance(one, str) and one.strip() for one in raw):
        raise BadRow("has categories that are no list of texts")
    return raw


def _moment(raw: object, name: str) -> str | int | float | None:
    """A time with its offset; Mem0's that have none are UTC."""
    if raw is None or (isinstance(raw, int | float) and not isinstance(raw, bool)):
        return raw
    try:
        at = datetime.fromisoformat(raw) if isinstance(raw, str) else None
    except ValueError:
        at = None
    if at is None:
        raise BadRow(f"has a {name} that is no time")
    return at.isoformat() if at.tzinfo is not None else at.replace(tzinfo=UTC).isoformat()


def _day(raw: object) -> str | None:
    if raw is None:
        return None
    try:
        return date.fromisoformat(str(raw)[:10]).isoformat()
    except ValueError:
        raise BadRow("has an expiration_date that is no date") from None


def _key(item: Json) -> str:
    try:
        # Not as ASCII: half a character is to be refused here, not with all that is sent beside it.
        spelled = json.dumps(item, sort_keys=True, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRow(f"holds what is no JSON: {error}") from error
    return f"mem0-{hashlib.sha256(spelled).hexdigest()}"


def _given(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None and value != {}}
