"""Single values of a request: checked, or refused with the name of their field. Pure.

Each raises `InvalidInput` for what is wrong, `TooLarge` for what is over a limit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from engine.config import LimitSettings
from engine.errors import InvalidInput, TooLarge
from engine.types import Json

_WORD_CHARS = 64
_INT_BITS = 63


def text_of(raw: object, where: str, most_chars: int) -> str:
    """A text that is not blank, not too long, and that every store can hold."""
    if not isinstance(raw, str):
        raise InvalidInput(f"{where} should be a string", {"field": where})
    if len(raw) > most_chars:
        raise TooLarge(
            f"{where} has {len(raw)} characters, at most {most_chars}", {"field": where, "limit": most_chars}
        )
    if not raw.strip():
        raise InvalidInput(f"{where} should not be blank", {"field": where})
    _storable(raw, where)
    return raw


def _storable(raw: str, where: str) -> None:
    if "\0" in raw:
        raise InvalidInput(f"{where} holds a NUL character", {"field": where})
    try:
        raw.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{where} holds half a surrogate pair", {"field": where}) from error


def word_of(raw: object, where: str) -> str:
    """A short text without spaces."""
    word = text_of(raw, where, _WORD_CHARS)
    if any(char.isspace() or not char.isprintable() for char in word):
        raise InvalidInput(f"{where} should be one word", {"field": where})
    return word


def metadata_of(raw: object, limits: LimitSettings) -> Json:
    """Metadata: what JSON can hold, not too deep and not too large."""
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise InvalidInput("metadata should be an object", {"field": "metadata"})
    raw = dict(raw)
    _json_value(raw, "metadata", limits.metadata_depth)
    size = len(json.dumps(raw, ensure_ascii=False).encode())
    if size > limits.metadata_bytes:
        limit = limits.metadata_bytes
        raise TooLarge(f"metadata has {size} bytes, at most {limit}", {"field": "metadata", "limit": limit})
    return raw


def _json_value(value: object, where: str, depth: int) -> None:
    """Refuse what JSON or a store can't hold. Recursion ends at the depth limit."""
    if depth < 0:
        raise InvalidInput(f"{where} is nested too deep", {"field": where})
    match value:
        case None | bool():
            pass
        case str():
            _storable(value, where)
        case int() | float() if _is_storable_number(value):
            pass
        case dict():
            for key, item in value.items():
                _json_key(key, where)
                _json_value(item, where, depth - 1)
        case list() | tuple():
            for item in value:
                _json_value(item, where, depth - 1)
        case _:
            raise InvalidInput(f"{where} holds a value that JSON can't: {type(value).__name__}", {"field": where})


def _json_key(key: object, where: str) -> None:
    if not isinstance(key, str):
        raise InvalidInput(f"{where} has a key that isn't a string", {"field": where})
    _storable(key, where)


def flag_of(fields: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """True or false; None counts as not given."""
    value = fields.get(name, default)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidInput(f"{name} should be true or false", {"field": name})
    return value


def count_of(raw: object, name: str, default: int, most: int, *, least: int = 1) -> int:
    """A whole number within bounds."""
    if raw is None:
        return default
    if isinstance(raw, bool) or not isinstance(raw, int) or not least <= raw <= most:
        raise InvalidInput(f"{name} should be a whole number from {least} to {most}", {"field": name})
    return raw


def _is_storable_number(value: int | float) -> bool:
    return value.bit_length() <= _INT_BITS if isinstance(value, int) else math.isfinite(value)


def is_number(raw: object) -> bool:
    """Whether it is a finite number, no truth value, and not too large to count with."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return False
    try:
        return math.isfinite(raw)
    except OverflowError:
        return False


def share_of(raw: object, name: str) -> float:
    """A number from 0 to 1."""
    if isinstance(raw, int | float) and is_number(raw) and 0 <= raw <= 1:
        return float(raw)
    raise InvalidInput(f"{name} should be a number from 0 to 1", {"field": name})
