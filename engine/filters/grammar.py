"""The grammar: Mem0 Platform's, plus `role` and `name` as fields of Remora's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

from engine.filters.checks import check
from engine.filters.conditions import condition_of, operators_of
from engine.filters.fields import by_category, by_memory_ids, by_metadata, by_scope_id, by_text, by_value
from engine.filters.moments import TIME_NAMES, by_expiry, by_time
from engine.filters.refusals import shown, wrong
from engine.filters.scope_ids import SCOPE_NAMES
from engine.filters.tree import Filter, Not, Or, conjunction


def parse(raw: Mapping[str, Any], *, max_depth: int = 16, max_nodes: int = 1000) -> Filter:
    """The filter that Mem0 Platform's grammar spells as `raw`; `{}` is `Everything`.

    Sibling keys are ANDed; a `NOT` of a list is "none of these". A bare date stands for its whole day (UTC): `lte` and
    `gte` include it, `lt` and `gt` don't. Timestamps without offset are UTC.

    Args:
        raw: The decoded JSON object.
        max_depth: How deep objects and lists may nest.
        max_nodes: How many keys and list items there may be in all.

    Raises:
        InvalidInput: anything that the grammar doesn't know; the message names the key.
    """
    check(raw, max_depth, max_nodes)
    return _object(raw)


def _object(raw: Mapping[str, Any]) -> Filter:
    return conjunction(*(_member(key, condition) for key, condition in raw.items()))


def _member(key: str, condition: Any) -> Filter:
    read = _MEMBERS.get(key)
    if read is None:
        message = f"Top-level key must be a logical operator or an allowed field: {shown(key)!r} is none of "
        raise wrong(shown(key), f"{message}{', '.join(_MEMBERS)}. A key of metadata goes under metadata")
    return read(key, condition)


def _and(key: str, raw: Any) -> Filter:
    return conjunction(*_filters(key, raw))


def _or(key: str, raw: Any) -> Filter:
    return _any_of(_filters(key, raw))


def _not(key: str, raw: Any) -> Filter:
    return Not(_any_of(_filters(key, [raw] if isinstance(raw, Mapping) else raw)))


def _filters(key: str, raw: Any) -> list[Filter]:
    if not isinstance(raw, list | tuple) or not raw:
        raise wrong(key, f"{key} should be a non-empty list of filters")
    if not all(isinstance(one, Mapping) and one for one in raw):
        raise wrong(key, f"each part of {key} should be a non-empty filter object")
    return [_object(one) for one in raw]


def _any_of(parts: list[Filter]) -> Filter:
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


_Member: TypeAlias = Callable[[str, Any], Filter]
_MEMBERS: Final[dict[str, _Member]] = {
    "AND": _and,
    "OR": _or,
    "NOT": _not,
    **{key: partial(condition_of, build=by_scope_id) for key in SCOPE_NAMES},
    **{key: partial(condition_of, build=by_time) for key in TIME_NAMES},
    "expiration_date": partial(condition_of, build=by_expiry),
    "metadata": by_metadata,
    "categories": partial(operators_of, build=by_category),
    "keywords": partial(operators_of, build=by_text),
    "text": partial(operators_of, build=by_text),
    "memory_ids": by_memory_ids,
    "role": partial(condition_of, build=by_value),
    "name": partial(condition_of, build=by_value),
}
