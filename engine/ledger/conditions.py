"""Filters as SQL conditions that select too much, never too little. Pure."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement, LargeBinary, Table, and_, literal, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from engine.filters import And, Compare, Everything, Filter, Not, Op, Or
from engine.types import SCOPE_FIELDS


def condition(table: Table, node: Filter) -> tuple[ColumnElement[bool] | None, bool]:
    """What of the filter SQL can say (None: nothing), and whether that is all of it."""
    match node:
        case Everything():
            return None, True
        case And(parts):
            return _every(table, parts)
        case Or(parts):
            return _any(table, parts)
        case Not(Compare(field="expiration_date", op=Op.LT, value=day)):
            return or_(table.c.expiration_date.is_(None), table.c.expiration_date >= day), True
        case Compare(field=field, op=op, value=value) if field in SCOPE_FIELDS:
            return _compare(table.c[field], op, value)
        case _:
            return None, False


def _every(table: Table, parts: tuple[Filter, ...]) -> tuple[ColumnElement[bool] | None, bool]:
    answers = [condition(table, part) for part in parts]
    said = [clause for clause, _ in answers if clause is not None]
    return (and_(*said) if said else None), all(exact for _, exact in answers)


def _any(table: Table, parts: tuple[Filter, ...]) -> tuple[ColumnElement[bool] | None, bool]:
    answers = [condition(table, part) for part in parts]
    said = [clause for clause, _ in answers if clause is not None]
    if not said or len(said) < len(answers):
        return None, False
    return or_(*said), all(exact for _, exact in answers)


def _compare(column: ColumnElement[Any], op: Op, value: Any) -> tuple[ColumnElement[bool] | None, bool]:
    match op:
        case Op.EQ:
            return column == value, True
        case Op.IN:
            return column.in_(list(value)), True
        case Op.PRESENT:
            return column.is_not(None), True
        case _:
            return None, False


class _Holds(FunctionElement[bool]):
    """Each database has a word of its own for it."""

    name = "holds"
    type = Boolean()
    inherit_cache = True


@compiles(_Holds, "sqlite")
def _instr(element: _Holds, compiler: SQLCompiler, **options: Any) -> str:
    return f"(instr({compiler.process(element.clauses, **options)}) > 0)"


@compiles(_Holds, "postgresql")
def _position(element: _Holds, compiler: SQLCompiler, **options: Any) -> str:
    whole, part = [compiler.process(clause, **options) for clause in element.clauses]
    return f"(position({part} in {whole}) > 0)"


def holds(column: ColumnElement[Any], raw: bytes) -> ColumnElement[bool]:
    """Whether the bytes of a column contain others."""
    return _Holds(column, literal(raw, LargeBinary()))
