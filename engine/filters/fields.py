"""What each field can be compared with; times are in `moments`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.filters.checks import string_of
from engine.filters.conditions import list_of, operators_of
from engine.filters.refusals import shown, unsupported, wrong
from engine.filters.scope_ids import SCOPE_NAMES, entity_id, equals_id
from engine.filters.tree import Compare, Filter, Not, Op, conjunction
from engine.ids import canonical_id

# Words that elsewhere are operators: beside these a nested object in `metadata` is a mistake, not a value.
_OPERATOR_WORDS: Final = frozenset(op.value for op in Op) | frozenset(
    {"nin", "not_in", "not", "exists", "startswith", "endswith", "regex", "like", "between"}
    | {"=", "==", "!=", "<>", ">", ">=", "<", "<="}
    | {"$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$contains", "$exists", "$regex", "$not"}
)


def by_scope_id(key: str, op: Op, value: Any) -> Filter:
    """A condition on a user, agent, app or run id."""
    name = SCOPE_NAMES[key]
    match op:
        case Op.EQ:
            return equals_id(name, value)
        case Op.NE:
            return Not(equals_id(name, value)) if value == "*" else Compare(name, Op.NE, entity_id(value, key))
        case Op.IN:
            ids = dict.fromkeys(entity_id(one, key) for one in list_of(key, value))
            return Compare(name, Op.IN, tuple(ids))
        case _:
            raise unsupported(key, op)


def by_value(key: str, op: Op, value: Any) -> Filter:
    """A condition on a field that holds a word."""
    match op:
        case Op.EQ if value == "*":
            return Compare(key, Op.PRESENT, None)
        case Op.EQ | Op.NE:
            return Compare(key, op, string_of(value, key))
        case Op.IN:
            return Compare(key, Op.IN, tuple(string_of(one, key) for one in list_of(key, value)))
        case _:
            raise unsupported(key, op)


def by_category(key: str, op: Op, value: Any) -> Filter:
    """A condition on the categories."""
    match op:
        case Op.IN:
            return Compare(key, op, tuple(string_of(one, key) for one in list_of(key, value)))
        case Op.CONTAINS:
            return Compare(key, op, _part(key, value))
        case _:
            raise unsupported(key, op)


def by_text(key: str, op: Op, value: Any) -> Filter:
    """A condition on the text."""
    if op not in (Op.CONTAINS, Op.ICONTAINS):
        raise unsupported(key, op)
    return Compare("text", op, _part(key, value))


def _part(key: str, value: Any) -> str:
    if not string_of(value, key):
        raise wrong(key, f"{key} should contain something: the text is empty")
    return str(value)


def by_memory_ids(key: str, raw: Any) -> Filter:
    """A list of memory ids, bare or in an `in`."""
    return operators_of(key, raw, _ids) if isinstance(raw, Mapping) else _ids(key, Op.IN, raw)


def _ids(key: str, op: Op, value: Any) -> Filter:
    if op is not Op.IN:
        raise unsupported(key, op)
    if not isinstance(value, list | tuple):
        raise wrong(key, f"{key} should be a list of memory ids")
    return Compare("memory_id", Op.IN, tuple(dict.fromkeys(canonical_id(one, key) for one in value)))


def by_metadata(key: str, raw: Any) -> Filter:
    """The AND of the conditions on keys of the metadata."""
    if not isinstance(raw, Mapping) or not raw:
        raise wrong(key, "metadata should be an object of keys and values")
    return conjunction(*(_metadata_key(name, value) for name, value in raw.items()))


def _metadata_key(key: str, raw: Any) -> Filter:
    if not isinstance(raw, Mapping) or not _OPERATOR_WORDS.intersection(raw):
        return Compare("metadata", Op.EQ, raw, key)
    where = f"metadata.{shown(key)}"
    parts: list[Filter] = []
    for word, value in raw.items():
        if word not in ("eq", "ne", "contains"):
            raise unsupported(where, word)
        if word == "contains" and (value is None or value == "" or isinstance(value, Mapping | list | tuple)):
            raise wrong(where, f"{where} should contain a text, a number or a boolean")
        parts.append(Compare("metadata", Op(word), value, key))
    return conjunction(*parts)
