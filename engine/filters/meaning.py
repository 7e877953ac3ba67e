"""What a filter means: the predicate that every store has to agree with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.errors import InvalidInput
from engine.filters.tree import And, Compare, Everything, Filter, Not, Op, Or
from engine.types import MemoryVersion

_READ: Final[dict[str, Callable[[MemoryVersion], Any]]] = {
    "user_id": lambda version: version.scope.user_id,
    "agent_id": lambda version: version.scope.agent_id,
    "app_id": lambda version: version.scope.app_id,
    "run_id": lambda version: version.scope.run_id,
    "memory_id": lambda version: version.memory_id,
    "role": lambda version: version.role,
    "name": lambda version: version.name,
    "text": lambda version: version.text,
    "created_at": lambda version: version.created_at_us,
    "updated_at": lambda version: version.updated_at_us,
    "expiration_date": lambda version: version.expiration_date,
}


def matches(node: Filter, version: MemoryVersion) -> bool:
    """Whether the version is among what the filter selects.

    A comparison with a missing value is false, except `ne`, which is always the opposite of `eq`.
    """
    match node:
        case Compare():
            return _holds(node, version)
        case And(parts):
            return all(matches(part, version) for part in parts)
        case Or(parts):
            return any(matches(part, version) for part in parts)
        case Not(part):
            return not matches(part, version)
        case Everything():
            return True


def _holds(node: Compare, version: MemoryVersion) -> bool:
    if node.field == "categories":
        return _category_holds(node, version.categories)
    if node.field == "metadata":
        return _value_holds(node.op, version.metadata.get(node.key or ""), node.value)
    read = _READ.get(node.field)
    if read is None:
        raise InvalidInput(f"a filter can't compare {node.field!a}", {"field": node.field})
    return _value_holds(node.op, read(version), node.value)


def _category_holds(node: Compare, categories: tuple[str, ...]) -> bool:
    match node.op:
        case Op.IN:
            return any(category in node.value for category in categories)
        case Op.CONTAINS | Op.ICONTAINS:
            part = node.value.casefold()
            return any(part in category.casefold() for category in categories)
        case _:
            raise InvalidInput(f"categories can't be compared with {node.op.value!a}", {"field": "categories"})


def _value_holds(op: Op, actual: Any, value: Any) -> bool:
    match op:
        case Op.EQ:
            return same(actual, value)
        case Op.NE:
            return not same(actual, value)
        case Op.IN:
            return any(same(actual, one) for one in value)
        case Op.PRESENT:
            return actual is not None
        case Op.CONTAINS | Op.ICONTAINS:
            return _contains(op, actual, value)
        case Op.GT | Op.GTE | Op.LT | Op.LTE:
            return actual is not None and _in_order(op, actual, value)


def _in_order(op: Op, actual: Any, value: Any) -> bool:
    match op:
        case Op.GT:
            return bool(actual > value)
        case Op.GTE:
            return bool(actual >= value)
        case Op.LT:
            return bool(actual < value)
        case _:
            return bool(actual <= value)


def _contains(op: Op, actual: Any, value: Any) -> bool:
    if isinstance(actual, str) and isinstance(value, str):
        return value in actual if op is Op.CONTAINS else value.casefold() in actual.casefold()
    return isinstance(actual, list | tuple) and any(same(one, value) for one in actual)


def same(left: Any, right: Any) -> bool:
    """JSON equality: 1 equals 1.0, but True is not 1; lists in order, objects by key."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping):
        return (
            isinstance(right, Mapping)
            and left.keys() == right.keys()
            and all(same(value, right[key]) for key, value in left.items())
        )
    if isinstance(left, list | tuple):
        return (
            isinstance(right, list | tuple)
            and len(left) == len(right)
            and all(same(one, other) for one, other in zip(left, right, strict=True))
        )
    return bool(left == right)
