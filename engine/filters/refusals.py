"""How a filter is refused."""

from __future__ import annotations

from typing import Final

from engine.errors import InvalidInput

_SHOWN_CHARS: Final = 80


def wrong(what: str, message: str) -> InvalidInput:
    """A refusal that names the field."""
    return InvalidInput(message, {"field": what})


def unsupported(key: str, word: str) -> InvalidInput:
    """The refusal of an operator that the field doesn't have."""
    return InvalidInput(f"{key} doesn't support the operator {shown(word)!r}", {"field": key, "operator": shown(word)})


def no_time(key: str) -> InvalidInput:
    """The refusal of what is no time."""
    return wrong(key, f"{key} should be a date, an ISO 8601 timestamp or unix seconds")


def shown(key: object) -> str:
    """A key as it may stand in a message: short and printable."""
    text = key if isinstance(key, str) else repr(type(key).__name__)
    return text[:_SHOWN_CHARS].encode("ascii", "backslashreplace").decode().replace("\0", "\\0")
