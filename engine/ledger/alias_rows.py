"""The rows of `aliases`: which names a person has said to mean the same. Synchronous."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from engine.ledger.schema import aliases
from engine.ledger_port import Alias
from engine.types import SCOPE_FIELDS, Scope

_NONE = ""
"""An id that a scope has not: a key has no nulls, and no id is empty."""


def aliases_of(connection: Connection, project: str) -> tuple[Alias, ...]:
    """All of a project, in order of scope and key."""
    query = select(aliases).where(aliases.c.project == project).order_by(*aliases.primary_key.columns)
    return tuple(
        Alias(Scope(*(getattr(row, name) or None for name in SCOPE_FIELDS)), row.key, row.name, row.into)
        for row in connection.execute(query)
    )


def put(connection: Connection, project: str, alias: Alias) -> None:
    """Set what a name means in a scope, in place of what it meant."""
    drop(connection, project, alias.scope, alias.key)
    values = {"key": alias.key, "name": alias.name, "into": alias.into}
    connection.execute(insert(aliases).values(project=project, **_ids(alias.scope), **values))


def drop(connection: Connection, project: str, scope: Scope, key: str) -> None:
    """Let a name mean what it says again."""
    of_scope = [aliases.c[name] == value for name, value in _ids(scope).items()]
    connection.execute(delete(aliases).where(_of(project), *of_scope, aliases.c.key == key))


def forget_within(connection: Connection, project: str, scope: Scope) -> None:
    """Remove those of every scope that has all these ids."""
    within = [aliases.c[name] == value for name, value in scope.ids().items()]
    connection.execute(delete(aliases).where(and_(_of(project), *within)))


def _of(project: str) -> ColumnElement[bool]:
    return aliases.c.project == project


def _ids(scope: Scope) -> dict[str, str]:
    return {name: getattr(scope, name) or _NONE for name in SCOPE_FIELDS}
