"""The rows of `project_settings`. Synchronous."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from engine.ledger.codec import pack, unpack
from engine.ledger.schema import project_settings
from engine.types import Json


def setting(connection: Connection, project: str, name: str) -> Json:
    """What a project has set under that name; empty: nothing."""
    query = select(project_settings.c.value).where(_of(project, name))
    return unpack(connection.execute(query).scalar_one_or_none()) or {}


def put(connection: Connection, project: str, name: str, value: Json) -> None:
    """Set it in place of what was set before; empty: nothing is set any more."""
    connection.execute(delete(project_settings).where(_of(project, name)))
    if value:
        connection.execute(insert(project_settings).values(project=project, name=name, value=pack(value)))


def _of(project: str, name: str) -> ColumnElement[bool]:
    return and_(project_settings.c.project == project, project_settings.c.name == name)
