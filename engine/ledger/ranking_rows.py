"""The rows of `rankings`. Synchronous."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select

from engine.ledger.codec import pack, unpack
from engine.ledger.schema import rankings


def ranking(connection: Connection, project: str) -> dict[str, float]:
    """The weights that a project has set; empty: none."""
    row = connection.execute(select(rankings.c.weights).where(rankings.c.project == project)).scalar_one_or_none()
    return unpack(row) or {}


def put(connection: Connection, project: str, weights: Mapping[str, float]) -> None:
    """Set them; empty: as shipped again."""
    connection.execute(delete(rankings).where(rankings.c.project == project))
    if weights:
        connection.execute(insert(rankings).values(project=project, weights=pack(dict(weights))))
