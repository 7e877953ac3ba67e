"""What every request has: who asks, how long they wait, and their name for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import InvalidInput
from engine.types import DEFAULT_PROJECT
from engine.values import is_number, text_of, word_of

CALL_FIELDS = frozenset({"project", "deadline_s"})
_KEYS = ("idempotency_key", "operation_id")
WRITE_FIELDS = CALL_FIELDS | frozenset(_KEYS)
_KEY_CHARS = 255


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks, and how long the caller waits (None: as long as the server lets it)."""

    project: str
    deadline_s: float | None
    idempotency_key: str | None = None


def parse_call(fields: Mapping[str, Any], known: frozenset[str] | set[str]) -> Call:
    """What every call has; a field that the verb doesn't know is refused, so that a slip of the pen can't widen it."""
    unknown = sorted(set(fields) - known, key=str)
    if unknown:
        raise InvalidInput(f"unknown field {unknown[0]!r}; known: {', '.join(sorted(known))}", {"field": unknown[0]})
    deadline_s = fields.get("deadline_s")
    if deadline_s is not None and (not is_number(deadline_s) or deadline_s <= 0):
        raise InvalidInput("deadline_s should be a number above 0", {"field": "deadline_s"})
    return Call(
        project=word_of(fields.get("project", DEFAULT_PROJECT), "project"),
        deadline_s=deadline_s,
        idempotency_key=_key_of(fields),
    )


def _key_of(fields: Mapping[str, Any]) -> str | None:
    """The caller's name for the request, under whichever of its two names it comes."""
    given = [text_of(fields[name], name, _KEY_CHARS) for name in _KEYS if fields.get(name) is not None]
    if len(set(given)) > 1:
        raise InvalidInput(
            "idempotency_key and operation_id are two names for one thing: give one of them", {"field": "operation_id"}
        )
    return printable(given[0], "idempotency_key") if given else None


def key_of(raw: object, where: str) -> str:
    """A caller's name for a request, which may be any text in one line."""
    return printable(text_of(raw, where, _KEY_CHARS), where)


def printable(key: str, where: str) -> str:
    """A key that can stand in a header and in a log."""
    if not key.isprintable():
        raise InvalidInput(f"{where} holds control characters", {"field": where})
    return key
