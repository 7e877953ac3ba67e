"""The rows of `sources`: which messages stand behind which facts. Synchronous."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, not_, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.ledger import codec
from engine.ledger.schema import sources, versions
from engine.types import MemoryVersion

_AT_ONCE = 500
"""How many ids one statement names."""
_SHOWN = [column for column in versions.c if column.name not in ("vector", "fingerprint")]
_OF_ANOTHER = sources.c.memory_id != sources.c.fact_id
_NEW = {
    dialect.name: dialect_insert(sources).on_conflict_do_nothing()
    for dialect, dialect_insert in ((sqlite.dialect, sqlite.insert), (postgresql.dialect, postgresql.insert))
}


def stand_behind(connection: Connection, project: str, fact_id: str, messages: Iterable[str], since: int) -> None:
    """Let a fact be from these messages; those that it is from already stay as they are."""
    rows = [{"memory_id": one, "fact_id": fact_id, "project": project, "since": since} for one in messages]
    if rows:
        connection.execute(_NEW[connection.dialect.name], rows)


def mark_read(connection: Connection, project: str, messages: Iterable[str], since: int) -> None:
    """Somebody has looked for facts in these messages. Where there were none, a message stands for itself."""
    rows = [{"memory_id": one, "fact_id": one, "project": project, "since": since} for one in messages]
    if rows:
        connection.execute(_NEW[connection.dialect.name], rows)


def no_evidence(position: int | None = None) -> ColumnElement[bool]:
    """Of versions: those that aren't messages that have been read for facts. `position`: as it was then; None: now."""
    behind = select(sources.c.fact_id).where(sources.c.memory_id == versions.c.memory_id)
    if position is not None:
        behind = behind.where(sources.c.since <= position)
    return not_(exists(behind))


def is_fact() -> ColumnElement[bool]:
    """Of versions: those that are facts."""
    return exists(select(sources.c.fact_id).where(sources.c.fact_id == versions.c.memory_id, _OF_ANOTHER))


def facts_of(
    connection: Connection, project: str, memory_ids: Sequence[str], position: int | None = None
) -> dict[str, tuple[MemoryVersion, ...]]:
    """Per message that has been read for facts those that are live, or were at a position; maybe none is left.

    A message in which there were none stands for itself.
    """
    found: dict[str, list[str]] = {}
    for some in _in_pieces(memory_ids):
        query = select(sources.c.memory_id, sources.c.fact_id).where(
            sources.c.memory_id.in_(some), sources.c.project == project
        )
        if position is not None:
            query = query.where(sources.c.since <= position)
        for row in connection.execute(query.order_by(sources.c.since, sources.c.fact_id)):
            found.setdefault(row.memory_id, []).append(row.fact_id)
    found = {message: [one for one in facts if one != message] or [message] for message, facts in found.items()}
    wanted = {one for facts in found.values() for one in facts}
    known = _versions(connection, project, wanted, position)
    return {
        message: tuple(known[one] for one in facts if one in known and _is_from(known[one], message))
        for message, facts in found.items()
    }


def _is_from(version: MemoryVersion, message: str) -> bool:
    """Whether it is still from that message; a new reading of the message may have said otherwise."""
    return not version.sources or message in version.sources


def sources_of(connection: Connection, fact_ids: Iterable[str]) -> set[str]:
    """The messages behind facts."""
    return _related(connection, sources.c.memory_id, sources.c.fact_id, fact_ids)


def facts_from(connection: Connection, memory_ids: Iterable[str]) -> set[str]:
    """The facts, live or not, that messages stand behind."""
    return _related(connection, sources.c.fact_id, sources.c.memory_id, memory_ids)


def _related(
    connection: Connection, wanted: ColumnElement[Any], given: ColumnElement[Any], ids: Iterable[str]
) -> set[str]:
    found: set[str] = set()
    for some in _in_pieces(sorted(ids)):
        found |= set(connection.execute(select(wanted).where(given.in_(some), _OF_ANOTHER)).scalars())
    return found


def _versions(
    connection: Connection, project: str, memory_ids: Iterable[str], position: int | None
) -> Mapping[str, MemoryVersion]:
    live: ColumnElement[bool] = versions.c.live_to.is_(None)
    if position is not None:
        live = and_(versions.c.live_from <= position, or_(live, versions.c.live_to > position))
    found: dict[str, MemoryVersion] = {}
    for some in _in_pieces(sorted(memory_ids)):
        where = (versions.c.memory_id.in_(some), versions.c.project == project, versions.c.fingerprint.is_not(None))
        for row in connection.execute(select(*_SHOWN).where(*where, live)):
            found[row.memory_id] = codec.version_of(row)
    return found


def _in_pieces(whole: Sequence[str]) -> Iterator[Sequence[str]]:
    return (whole[start : start + _AT_ONCE] for start in range(0, len(whole), _AT_ONCE))
