"""Filters as Mem0's library and server spell them, as the platform's grammar has them. Pure.

There the keys of metadata stand beside the ids, `nin` is an operator, a list means any of its values, and `"*"` any
value. What the platform's grammar hasn't either is
refused by its reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from engine.errors import InvalidInput
from engine.filters.scope_ids import SCOPE_NAMES
from engine.types import Json

_Of: TypeAlias = Callable[[str, Any], Json]
_MOST_DEPTH: Final = 32
_LISTS: Final = {"AND": "AND", "OR": "OR", "NOT": "NOT", "$and": "AND", "$or": "OR", "$not": "NOT"}
_OWN: Final = frozenset({"created_at", "updated_at", "expiration_date", "role", "name", "categories"}) | frozenset(
    {"metadata", "memory_ids", "text", "keywords", "timestamp"}
)
"""Fields of a memory; whatever is neither an id nor one of these is a key of its metadata."""
_RENAMED: Final = {"actor_id": "name"}


def platform_filter(raw: object, depth: int = 0) -> Json:
    """The same in the platform's grammar.

    Raises:
        InvalidInput: it is no object, nests too deep, or an operator has no value that it can take.
    """
    if not isinstance(raw, Mapping):
        raise InvalidInput("filters should be an object", {"field": "filters"})
    if depth > _MOST_DEPTH:
        raise InvalidInput(f"filters nest deeper than {_MOST_DEPTH}", {"field": "filters"})
    return _all([_member(str(key), value, depth) for key, value in raw.items()])


def _member(key: str, value: Any, depth: int) -> Json:
    if key in _LISTS:
        if not isinstance(value, list):
            raise InvalidInput(f"{key!a} should have a list of filters", {"field": "filters"})
        return {_LISTS[key]: [platform_filter(one, depth + 1) for one in value]}
    name = _RENAMED.get(key, key)
    is_field = name in SCOPE_NAMES or name in _OWN
    if name == "metadata":
        return {name: value}
    if isinstance(value, list) and name != "memory_ids":
        value = {"in": value}
    if not isinstance(value, Mapping):
        return {name: value} if is_field else _of_metadata(name, value)
    if not value:
        raise InvalidInput(f"{key!a} has no condition", {"field": f"filters.{key!a}"})
    of = _of_field if is_field else _of_metadata
    return _all([_condition(name, operator, operand, of) for operator, operand in value.items()])


def _condition(name: str, operator: str, operand: Any, of: _Of) -> Json:
    if operator in {"in", "nin"} and not isinstance(operand, list):
        raise InvalidInput(f"{operator!a} of {name!a} should have a list of values", {"field": f"filters.{name!a}"})
    return {"NOT": [of(name, {"in": operand})]} if operator == "nin" else of(name, {operator: operand})


def _of_field(name: str, condition: Any) -> Json:
    return {name: condition}


def _of_metadata(name: str, condition: Any) -> Json:
    """`in` means any of them, `"*"` whatever there is."""
    if not isinstance(condition, Mapping):
        return {"metadata": {name: {"ne": None} if condition == "*" else condition}}
    [(operator, operand)] = condition.items()
    if operator == "eq":
        return {"metadata": {name: operand}}
    if operator != "in":
        return {"metadata": {name: dict(condition)}}
    if not operand:
        raise InvalidInput(f"the list of values of {name!a} is empty", {"field": f"filters.{name!a}"})
    return {"OR": [{"metadata": {name: one}} for one in operand]}


def _all(members: Sequence[Json]) -> Json:
    return members[0] if len(members) == 1 else {"AND": [*members]} if members else {}
