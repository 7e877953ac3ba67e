"""Filters as Milvus expressions that may select too much, never too little. Pure; what a filter means: `filters`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.filters import And, Compare, Everything, Filter, Not, Op, Or
from engine.types import SCOPE_FIELDS

TEXT_COLUMNS = frozenset({"memory_id", *SCOPE_FIELDS})
TIME_COLUMNS = {"created_at": "created_at_us", "updated_at": "updated_at_us"}

_NOTHING = 'memory_id == ""'
_SIGNS = {Op.EQ: "==", Op.NE: "!=", Op.GT: ">", Op.GTE: ">=", Op.LT: "<", Op.LTE: "<="}
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPED = re.compile(r'[\\"\n\r\t]')
_SURROGATE = re.compile("[\ud800-\udfff]")
_INT64 = 1 << 63


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a table can take over: `expression` None selects all rows. `exact`: it selects no row too many."""

    expression: str | None
    exact: bool


def pushed(project: str, node: Filter) -> Pushed:
    """`node` within one project, as far as the columns go (absent ids are stored as empty strings)."""
    within = f"project == {quoted(project)}"
    part = _pushed(node)
    return Pushed(within if part.expression is None else f"{within} and ({part.expression})", part.exact)


def quoted(text: str) -> str:
    """`text` as a string literal of Milvus' expression language."""
    return '"' + _ESCAPED.sub(lambda found: _ESCAPES[found.group()], text) + '"'


def _pushed(node: Filter) -> Pushed:
    match node:
        case Everything():
            return Pushed(None, True)
        case And(parts):
            return _all_of([_pushed(part) for part in parts])
        case Or(parts):
            return _any_of([_pushed(part) for part in parts])
        case Not(part):
            return _none_of(_pushed(part))
        case Compare():
            return _compared(node)


def _all_of(parts: Sequence[Pushed]) -> Pushed:
    taken = [f"({part.expression})" for part in parts if part.expression is not None]
    return Pushed(" and ".join(taken) or None, all(part.exact for part in parts))


def _any_of(parts: Sequence[Pushed]) -> Pushed:
    if Pushed(None, True) in parts:
        return Pushed(None, True)
    if any(part.expression is None for part in parts):
        return Pushed(None, False)
    return Pushed(" or ".join(f"({part.expression})" for part in parts) or _NOTHING, all(part.exact for part in parts))


def _none_of(part: Pushed) -> Pushed:
    """Only what is exact may be turned round: the opposite of too much is too little."""
    if not part.exact:
        return Pushed(None, False)
    return Pushed(_NOTHING if part.expression is None else f"not ({part.expression})", True)


def _compared(node: Compare) -> Pushed:
    expression = None
    if node.field in TEXT_COLUMNS:
        expression = _text_compared(node)
    elif node.field in TIME_COLUMNS:
        expression = _time_compared(TIME_COLUMNS[node.field], node)
    return Pushed(expression, expression is not None)


def _text_compared(node: Compare) -> str | None:
    match node.op:
        case Op.EQ | Op.NE if _is_plain(node.value):
            return f"{node.field} {_SIGNS[node.op]} {quoted(node.value)}"
        case Op.IN if all(map(_is_plain, node.value)):
            return f"{node.field} in [{', '.join(map(quoted, node.value))}]" if node.value else _NOTHING
        case Op.PRESENT:
            return f'{node.field} != ""'
        case _:
            return None


def _time_compared(column: str, node: Compare) -> str | None:
    match node.op:
        case Op.IN if all(map(_is_int64, node.value)):
            return f"{column} in [{', '.join(map(str, node.value))}]" if node.value else _NOTHING
        case sign if sign in _SIGNS and _is_int64(node.value):
            return f"{column} {_SIGNS[sign]} {node.value}"
        case _:
            return None


def _is_plain(value: Any) -> bool:
    """Not empty, which in a column means absent, and sayable in UTF-8."""
    return isinstance(value, str) and value != "" and not _SURROGATE.search(value)


def _is_int64(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -_INT64 < value < _INT64
