"""What a filter says of one field: a bare value, or an object of operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from engine.filters.refusals import unsupported, wrong
from engine.filters.tree import Filter, Op, conjunction

Build: TypeAlias = Callable[[str, Op, Any], Filter]


def condition_of(key: str, raw: Any, build: Build) -> Filter:
    """A bare value, or an object of operators."""
    return operators_of(key, raw, build) if isinstance(raw, Mapping) else build(key, Op.EQ, raw)


def operators_of(key: str, raw: Any, build: Build) -> Filter:
    """The AND of what an object of operators says."""
    if not isinstance(raw, Mapping) or not raw:
        raise wrong(key, f"{key} should be an object of operators such as {{'in': [...]}} or {{'contains': ...}}")
    return conjunction(*(build(key, _operator(key, word), value) for word, value in raw.items()))


def _operator(key: str, word: str) -> Op:
    try:
        op = Op(word)
    except ValueError:
        raise unsupported(key, word) from None
    if op is Op.PRESENT:
        raise unsupported(key, word)
    return op


def list_of(key: str, raw: Any) -> list[Any]:
    """The values of an `in`."""
    if not isinstance(raw, list | tuple):
        raise wrong(key, f"{key}: 'in' should have a list")
    return list(raw)
