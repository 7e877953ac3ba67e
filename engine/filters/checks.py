"""What no filter may be or hold, whatever its grammar."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from engine.errors import InvalidInput
from engine.filters.refusals import wrong


def check(raw: Any, max_depth: int, max_nodes: int) -> None:
    """Refuse what is too deep, too large, or holds a value that JSON or a store can't: without recursion."""
    if not isinstance(raw, Mapping):
        raise wrong("filters", "filters should be an object")
    waiting: list[tuple[Any, int]] = [(raw, 1)]
    nodes = 0
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, Mapping | list | tuple):
            nodes += len(value)
            if depth > max_depth:
                raise InvalidInput(f"filters nest deeper than {max_depth}", {"max_depth": max_depth})
            if nodes > max_nodes:
                raise InvalidInput(f"filters have more than {max_nodes} parts", {"max_nodes": max_nodes})
            waiting.extend((one, depth + 1) for one in _children(value))
        else:
            _check_scalar(value)


def _children(value: Mapping[Any, Any] | list[Any] | tuple[Any, ...]) -> Iterable[Any]:
    if not isinstance(value, Mapping):
        return value
    for key in value:
        string_of(key, "a key of filters")
    return value.values()


def _check_scalar(value: Any) -> None:
    if isinstance(value, str):
        string_of(value, "filters")
    elif isinstance(value, float) and not math.isfinite(value):
        raise wrong("filters", "filters hold a number that is not finite")
    elif value is not None and not isinstance(value, bool | int | float):
        raise wrong("filters", f"filters hold a value of type {type(value).__name__}")


def string_of(raw: Any, what: str) -> str:
    """`raw` as a string that every store can hold."""
    if not isinstance(raw, str):
        raise wrong(what, f"{what} should be a string")
    if "\0" in raw or any("\ud800" <= char <= "\udfff" for char in raw):
        raise wrong(what, f"{what} holds characters that can't be stored (NUL or half a surrogate pair)")
    return raw
