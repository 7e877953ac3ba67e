"""Filters: one syntax tree, its meaning as a Python predicate, and the strict parser of Mem0 Platform's grammar.

The predicate defines the meaning. A store may push a filter down as long as it selects too much, never too little.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Final, TypeAlias

from engine.errors import InvalidInput
from engine.ids import canonical_id
from engine.times import iso, parse_time
from engine.types import SCOPE_FIELDS, MemoryVersion, ScopeField


class Op(StrEnum):
    """The comparisons. `PRESENT` is the grammar's "*": the field is not null."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    CONTAINS = "contains"
    ICONTAINS = "icontains"
    PRESENT = "*"


@dataclass(frozen=True, slots=True)
class Everything:
    """Matches all."""


@dataclass(frozen=True, slots=True)
class Compare:
    """`field op value`.

    `field` is one of: the four scope ids, `memory_id`, `role`, `name`, `text`, `categories`, `created_at`,
    `updated_at` (both with values in microseconds), `expiration_date` (values `YYYY-MM-DD`), or `metadata` with `key`.
    """

    field: str
    op: Op
    value: Any
    key: str | None = None


@dataclass(frozen=True, slots=True)
class And:
    """Every part matches."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part matches."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part doesn't match."""

    part: Filter


Filter: TypeAlias = "Everything | Compare | And | Or | Not"


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


def conjunction(*filters: Filter) -> Filter:
    """All of them at once; none at all is `Everything`."""
    parts: list[Filter] = []
    for node in filters:
        match node:
            case Everything():
                pass
            case And(inner):
                parts.extend(inner)
            case _:
                parts.append(node)
    if not parts:
        return Everything()
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def scope_filter(scope: Mapping[str, Any]) -> Filter:
    """The AND of `field == id` over the given ids; None counts as not given, "*" as "has such an id".

    Raises:
        InvalidInput: a key is no scope id, or an id is blank or no string.
    """
    parts: list[Filter] = []
    for key, raw in scope.items():
        name = _SCOPE_NAMES.get(key)
        if name is None:
            raise InvalidInput(f"{_shown(key)} is not a scope id", {"field": _shown(key)})
        if raw is not None:
            parts.append(_equals_id(name, raw))
    return conjunction(*parts)


def required_scope(node: Filter) -> tuple[ScopeField, str] | None:
    """An id that every match must have, or None: user_id if there is one, then agent_id, app_id, run_id."""
    found = _demands(node, negated=False)
    return min(found, key=lambda pair: (SCOPE_FIELDS.index(pair[0]), pair[1]), default=None)


def _demands(node: Filter, *, negated: bool) -> frozenset[tuple[ScopeField, str]]:
    match node:
        case Compare():
            return _compare_demands(node, negated=negated)
        case Not(part):
            return _demands(part, negated=not negated)
        case And(parts) | Or(parts):
            found = [_demands(part, negated=negated) for part in parts]
            every = isinstance(node, Or) is negated
            if not found:
                return frozenset()
            return frozenset.union(*found) if every else frozenset.intersection(*found)
        case Everything():
            return frozenset()


def _compare_demands(node: Compare, *, negated: bool) -> frozenset[tuple[ScopeField, str]]:
    name = _SCOPE_NAMES.get(node.field)
    if name is None:
        return frozenset()
    if node.op is (Op.NE if negated else Op.EQ):
        return frozenset({(name, node.value)})
    if node.op is Op.IN and not negated and len(node.value) == 1:
        return frozenset({(name, node.value[0])})
    return frozenset()


def has_positive_scope(node: Filter) -> bool:
    """Whether the filter names a scope, as search and list demand: "*" counts, a `NOT` or `ne` alone doesn't."""
    return _names_scope(node, negated=False)


def _names_scope(node: Filter, *, negated: bool) -> bool:
    match node:
        case Compare(field=name, op=op):
            positive = op is Op.NE if negated else op in (Op.EQ, Op.IN, Op.PRESENT)
            return name in SCOPE_FIELDS and positive
        case Not(part):
            return _names_scope(part, negated=not negated)
        case And(parts) | Or(parts):
            return any(_names_scope(part, negated=negated) for part in parts)
        case Everything():
            return False


# The grammar from here on: Mem0 Platform's, plus `role` and `name` as fields of Remora's own.

_SCOPE_NAMES: Final[dict[str, ScopeField]] = {
    "user_id": "user_id",
    "agent_id": "agent_id",
    "app_id": "app_id",
    "run_id": "run_id",
    "session_id": "run_id",
    "userId": "user_id",
    "agentId": "agent_id",
    "appId": "app_id",
    "runId": "run_id",
    "sessionId": "run_id",
}
_TIME_NAMES: Final = {"created_at": "created_at", "updated_at": "updated_at", "timestamp": "created_at"}
# Words that elsewhere are operators: beside these a nested object in `metadata` is a mistake, not a value.
_OPERATOR_WORDS: Final = frozenset(op.value for op in Op) | frozenset(
    {"nin", "not_in", "not", "exists", "startswith", "endswith", "regex", "like", "between"}
    | {"=", "==", "!=", "<>", ">", ">=", "<", "<="}
    | {"$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$contains", "$exists", "$regex", "$not"}
)
_DAY_US: Final = 86_400_000_000
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ID_BITS: Final = 64
_SHOWN_CHARS: Final = 80


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
    _check(raw, max_depth, max_nodes)
    return _object(raw)


def entity_id(raw: Any, what: str) -> str:
    """`raw` as a user, agent, app or run id; an integer counts as its string.

    Raises:
        InvalidInput: it is blank, "*", no string, or holds NUL or half a surrogate pair.
    """
    if isinstance(raw, int) and not isinstance(raw, bool) and raw.bit_length() <= _ID_BITS:
        return str(raw)
    value = _string(raw, what)
    if not value.strip() or value == "*":
        raise _wrong(what, f"{what} should be a non-empty id")
    return value


def _wrong(what: str, message: str) -> InvalidInput:
    return InvalidInput(message, {"field": what})


def _shown(key: object) -> str:
    """A key as it may stand in a message: short and printable."""
    text = key if isinstance(key, str) else repr(type(key).__name__)
    return text[:_SHOWN_CHARS].encode("ascii", "backslashreplace").decode().replace("\0", "\\0")


def _check(raw: Any, max_depth: int, max_nodes: int) -> None:
    """Refuse what is too deep, too large, or holds a value that JSON or a store can't: without recursion."""
    if not isinstance(raw, Mapping):
        raise _wrong("filters", "filters should be an object")
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
        _string(key, "a key of filters")
    return value.values()


def _check_scalar(value: Any) -> None:
    if isinstance(value, str):
        _string(value, "filters")
    elif isinstance(value, float) and not math.isfinite(value):
        raise _wrong("filters", "filters hold a number that is not finite")
    elif value is not None and not isinstance(value, bool | int | float):
        raise _wrong("filters", f"filters hold a value of type {type(value).__name__}")


def _string(raw: Any, what: str) -> str:
    if not isinstance(raw, str):
        raise _wrong(what, f"{what} should be a string")
    if "\0" in raw or any("\ud800" <= char <= "\udfff" for char in raw):
        raise _wrong(what, f"{what} holds characters that can't be stored (NUL or half a surrogate pair)")
    return raw


def _object(raw: Mapping[str, Any]) -> Filter:
    return conjunction(*(_member(key, condition) for key, condition in raw.items()))


def _member(key: str, condition: Any) -> Filter:
    read = _MEMBERS.get(key)
    if read is None:
        message = f"Top-level key must be a logical operator or an allowed field: {_shown(key)!r} is none of "
        raise _wrong(_shown(key), message + ", ".join(_MEMBERS))
    return read(key, condition)


def _and(key: str, raw: Any) -> Filter:
    return conjunction(*_filters(key, raw))


def _or(key: str, raw: Any) -> Filter:
    return _any_of(_filters(key, raw))


def _not(key: str, raw: Any) -> Filter:
    return Not(_any_of(_filters(key, [raw] if isinstance(raw, Mapping) else raw)))


def _filters(key: str, raw: Any) -> list[Filter]:
    if not isinstance(raw, list | tuple) or not raw:
        raise _wrong(key, f"{key} should be a non-empty list of filters")
    if not all(isinstance(one, Mapping) and one for one in raw):
        raise _wrong(key, f"each part of {key} should be a non-empty filter object")
    return [_object(one) for one in raw]


def _any_of(parts: list[Filter]) -> Filter:
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


_Build: TypeAlias = Callable[[str, Op, Any], Filter]


def _condition(key: str, raw: Any, build: _Build) -> Filter:
    """A bare value, or an object of operators."""
    return _operators(key, raw, build) if isinstance(raw, Mapping) else build(key, Op.EQ, raw)


def _operators(key: str, raw: Any, build: _Build) -> Filter:
    if not isinstance(raw, Mapping) or not raw:
        raise _wrong(key, f"{key} should be an object of operators such as {{'in': [...]}} or {{'contains': ...}}")
    return conjunction(*(build(key, _operator(key, word), value) for word, value in raw.items()))


def _operator(key: str, word: str) -> Op:
    try:
        op = Op(word)
    except ValueError:
        raise _unsupported(key, word) from None
    if op is Op.PRESENT:
        raise _unsupported(key, word)
    return op


def _unsupported(key: str, word: str) -> InvalidInput:
    return InvalidInput(
        f"{key} doesn't support the operator {_shown(word)!r}", {"field": key, "operator": _shown(word)}
    )


def _list(key: str, raw: Any) -> list[Any]:
    if not isinstance(raw, list | tuple):
        raise _wrong(key, f"{key}: 'in' should have a list")
    return list(raw)


def _scope_id(key: str, op: Op, value: Any) -> Filter:
    name = _SCOPE_NAMES[key]
    match op:
        case Op.EQ:
            return _equals_id(name, value)
        case Op.NE:
            return Not(_equals_id(name, value)) if value == "*" else Compare(name, Op.NE, entity_id(value, key))
        case Op.IN:
            ids = dict.fromkeys(entity_id(one, key) for one in _list(key, value))
            return Compare(name, Op.IN, tuple(ids))
        case _:
            raise _unsupported(key, op)


def _equals_id(name: ScopeField, value: Any) -> Filter:
    return Compare(name, Op.PRESENT, None) if value == "*" else Compare(name, Op.EQ, entity_id(value, name))


def _plain(key: str, op: Op, value: Any) -> Filter:
    match op:
        case Op.EQ if value == "*":
            return Compare(key, Op.PRESENT, None)
        case Op.EQ | Op.NE:
            return Compare(key, op, _string(value, key))
        case Op.IN:
            return Compare(key, Op.IN, tuple(_string(one, key) for one in _list(key, value)))
        case _:
            raise _unsupported(key, op)


def _category(key: str, op: Op, value: Any) -> Filter:
    match op:
        case Op.IN:
            return Compare(key, op, tuple(_string(one, key) for one in _list(key, value)))
        case Op.CONTAINS:
            return Compare(key, op, _part(key, value))
        case _:
            raise _unsupported(key, op)


def _text(key: str, op: Op, value: Any) -> Filter:
    if op not in (Op.CONTAINS, Op.ICONTAINS):
        raise _unsupported(key, op)
    return Compare("text", op, _part(key, value))


def _part(key: str, value: Any) -> str:
    if not _string(value, key):
        raise _wrong(key, f"{key} should contain something: the text is empty")
    return str(value)


def _memory_ids(key: str, raw: Any) -> Filter:
    return _operators(key, raw, _ids) if isinstance(raw, Mapping) else _ids(key, Op.IN, raw)


def _ids(key: str, op: Op, value: Any) -> Filter:
    if op is not Op.IN:
        raise _unsupported(key, op)
    if not isinstance(value, list | tuple):
        raise _wrong(key, f"{key} should be a list of memory ids")
    return Compare("memory_id", Op.IN, tuple(dict.fromkeys(canonical_id(one, key) for one in value)))


def _metadata(key: str, raw: Any) -> Filter:
    if not isinstance(raw, Mapping) or not raw:
        raise _wrong(key, "metadata should be an object of keys and values")
    return conjunction(*(_metadata_key(name, value) for name, value in raw.items()))


def _metadata_key(key: str, raw: Any) -> Filter:
    if not isinstance(raw, Mapping) or not _OPERATOR_WORDS.intersection(raw):
        return Compare("metadata", Op.EQ, raw, key)
    where = f"metadata.{_shown(key)}"
    parts: list[Filter] = []
    for word, value in raw.items():
        if word not in ("eq", "ne", "contains"):
            raise _unsupported(where, word)
        if word == "contains" and (value is None or value == "" or isinstance(value, Mapping | list | tuple)):
            raise _wrong(where, f"{where} should contain a text, a number or a boolean")
        parts.append(Compare("metadata", Op(word), value, key))
    return conjunction(*parts)


_COMPARISONS: Final = (Op.EQ, Op.NE, Op.GT, Op.GTE, Op.LT, Op.LTE)


def _time(key: str, op: Op, value: Any) -> Filter:
    name = _TIME_NAMES[key]
    if op is Op.IN:
        return Or(tuple(_time(key, Op.EQ, one) for one in _list(key, value)))
    if op not in _COMPARISONS:
        raise _unsupported(key, op)
    start, is_day = _moment(key, value)
    return _day(name, op, start) if is_day else Compare(name, op, start)


def _day(name: str, op: Op, start: int) -> Filter:
    """`name op day`, said in microseconds."""
    from_start, before_end = Compare(name, Op.GTE, start), Compare(name, Op.LT, start + _DAY_US)
    match op:
        case Op.GT:
            return Compare(name, Op.GTE, start + _DAY_US)
        case Op.GTE:
            return from_start
        case Op.LT:
            return Compare(name, Op.LT, start)
        case Op.LTE:
            return before_end
        case Op.NE:
            return Not(And((from_start, before_end)))
        case _:
            return And((from_start, before_end))


def _expiry(key: str, op: Op, value: Any) -> Filter:
    if op is Op.IN:
        return Compare(key, op, tuple(_expiry_day(key, one) for one in _list(key, value)))
    if op not in _COMPARISONS:
        raise _unsupported(key, op)
    return Compare(key, op, _expiry_day(key, value))


def _expiry_day(key: str, value: Any) -> str:
    start, _ = _moment(key, value)
    try:
        return iso(start)[: len("YYYY-MM-DD")]
    except OverflowError:  # the offset moves it out of the years 1 to 9999
        raise _no_time(key) from None


def _moment(key: str, raw: Any) -> tuple[int, bool]:
    """Microseconds since the epoch, and whether a whole day from there on is meant."""
    if isinstance(raw, str) and not _DATE.match(raw):
        raise _no_time(key)
    return parse_time(raw, key), isinstance(raw, str) and _DATE.fullmatch(raw) is not None


def _no_time(key: str) -> InvalidInput:
    return _wrong(key, f"{key} should be a date, an ISO 8601 timestamp or unix seconds")


_Member: TypeAlias = Callable[[str, Any], Filter]
_MEMBERS: Final[dict[str, _Member]] = {
    "AND": _and,
    "OR": _or,
    "NOT": _not,
    **{key: partial(_condition, build=_scope_id) for key in _SCOPE_NAMES},
    **{key: partial(_condition, build=_time) for key in _TIME_NAMES},
    "expiration_date": partial(_condition, build=_expiry),
    "metadata": _metadata,
    "categories": partial(_operators, build=_category),
    "keywords": partial(_operators, build=_text),
    "text": partial(_operators, build=_text),
    "memory_ids": _memory_ids,
    "role": partial(_condition, build=_plain),
    "name": partial(_condition, build=_plain),
}
