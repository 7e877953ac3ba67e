"""The rows of `feedback`. Synchronous."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select

from engine.ledger.schema import feedback, versions
from engine.ledger_port import Feedback, FeedbackPage, Rating

_AT_ONCE = 500
"""How many ids one statement names."""


def put(connection: Connection, project: str, memory_id: str, given: Feedback | None) -> bool:
    """Set what is thought of a live memory, in place of what was; None: nothing. False: there is no such memory."""
    mine = (versions.c.memory_id == memory_id, versions.c.project == project, versions.c.live_to.is_(None))
    if connection.execute(select(versions.c.version).where(*mine)).first() is None:
        return False
    forget(connection, [memory_id])
    if given is not None:
        values = {"feedback": str(given.rating), "reason": given.reason, "at_us": given.at_us}
        connection.execute(insert(feedback).values(memory_id=memory_id, project=project, **values))
    return True


def page(connection: Connection, project: str, rating: Rating | None, limit: int) -> FeedbackPage:
    """The newest of a project; `rating`: only such."""
    wanted = [feedback.c.project == project]
    if rating is not None:
        wanted.append(feedback.c.feedback == str(rating))
    count = connection.execute(select(func.count()).select_from(feedback).where(*wanted)).scalar_one()
    newest = select(feedback).where(*wanted).order_by(feedback.c.at_us.desc(), feedback.c.memory_id).limit(limit)
    rows = connection.execute(newest)
    return FeedbackPage(count, [Feedback(row.memory_id, Rating(row.feedback), row.reason, row.at_us) for row in rows])


def forget(connection: Connection, memory_ids: Sequence[str]) -> None:
    """Remove what is thought of them."""
    for start in range(0, len(memory_ids), _AT_ONCE):
        connection.execute(delete(feedback).where(feedback.c.memory_id.in_(memory_ids[start : start + _AT_ONCE])))
