"""The ledger as it was after an earlier event, on one connection. Synchronous.

A version is there at a position p when `live_from <= p < live_to`. Live and ended versions are asked for apart, so that
each finds its index: of a scope's ended versions only those are looked at that ended after p. What has been purged
since is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select, tuple_, union_all

from engine.as_of import AsOf, Moment
from engine.filters import Filter, matches
from engine.ledger import codec, signal_rows
from engine.ledger.conditions import condition
from engine.ledger.schema import events, shard, versions
from engine.ledger.source_rows import no_evidence
from engine.ledger_port import Keys, Page, PastRows
from engine.types import BlockKey, MemoryVersion

T = TypeVar("T")

_SHOWN = [column for column in versions.c if column.name not in ("vector", "fingerprint")]
_PLACE = (versions.c.created_at_us, versions.c.memory_id, versions.c.version)
_AT_ONCE = 300
"""How many versions one statement names."""

Place = tuple[int, str, int]
"""When a memory was said, its id and the number of the version: enough to order a list by."""


def moment(connection: Connection, asked: AsOf, now_us: int) -> Moment:
    """The last state of the shard that is not after what is asked for. Position 0: before all that happened."""
    present: int = connection.execute(select(shard.c.position)).scalar_one()
    wanted = present if asked.position is None else min(asked.position, present)
    position = wanted if asked.at_us is None else _position_at(connection, asked.at_us, present)
    latest = position == present
    if asked.at_us is not None:
        return Moment(position, asked.at_us, latest)
    return Moment(position, now_us if latest else _time_of(connection, position), latest)


def get(connection: Connection, project: str, memory_ids: Sequence[str], position: int) -> list[MemoryVersion | None]:
    """Versions that were live then, by id, in the order asked."""
    wanted = sorted(set(memory_ids))
    found: dict[str, MemoryVersion] = {}
    for some in _in_pieces(wanted):
        where = [versions.c.memory_id.in_(some), versions.c.project == project]
        for part in _live_at(position):
            rows = connection.execute(select(*_SHOWN).where(*where, part))
            found.update({row.memory_id: _as_it_was(row) for row in rows})
    return [found.get(memory_id) for memory_id in memory_ids]


def page(
    connection: Connection,
    project: str,
    node: Filter,
    position: int,
    offset: int,
    limit: int,
    *,
    evidence: bool = False,
) -> Page:
    """Newest first; what SQL can't say of the filter the predicate does."""
    where, exact = _where(project, node, position, evidence=evidence)
    if not exact:
        found = _newest_first(_matching(connection, where, node, position))
        return Page(len(found), tuple(found[offset : offset + limit]))
    places = _places(connection, where, position, offset + limit)[offset:]
    return Page(_count(connection, where, position), tuple(_read(connection, places)))


def keys(
    connection: Connection, project: str, node: Filter, position: int, limit: int, *, evidence: bool = False
) -> Keys:
    """Newest first, as `page`."""
    where, exact = _where(project, node, position, evidence=evidence)
    if exact:
        places = _places(connection, where, position, limit)
        return Keys(_count(connection, where, position), tuple((said, one) for said, one, _ in places))
    found = _newest_first(_matching(connection, where, node, position))
    return Keys(len(found), tuple((one.created_at_us, one.memory_id) for one in found[:limit]))


def rows(connection: Connection, project: str, block: BlockKey | None, position: int, limit: int) -> PastRows:
    """Versions that were live then, with their vectors and the signals that their memories have now, oldest first.

    More than `limit` are only counted.
    """
    where = [versions.c.project == project]
    if block is not None:
        where.append(versions.c[block.field] == block.value)
    count = _count(connection, where, position)
    if count > limit:
        return PastRows(count, (), codec.stack([]), ())
    found = [row for part in _live_at(position) for row in connection.execute(select(versions).where(*where, part))]
    found.sort(key=lambda row: (row.live_from, row.memory_id))
    return PastRows(
        count,
        tuple(_as_it_was(row) for row in found),
        codec.stack([row.vector for row in found]),
        signal_rows.of_block(connection, where),
    )


def _position_at(connection: Connection, at_us: int, present: int) -> int:
    """The last position whose event isn't later. Positions have no gaps and times grow with them: halve, and look."""
    known, beyond = 0, present + 1
    while beyond - known > 1:
        middle = (known + beyond) // 2
        if _time_of(connection, middle) <= at_us:
            known = middle
        else:
            beyond = middle
    return known


def _time_of(connection: Connection, position: int) -> int:
    found = connection.execute(select(events.c.at_us).where(events.c.position == position)).scalar_one_or_none()
    return found or 0


def _live_at(position: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Which of the live versions, and which of those that have ended, were live then."""
    return (
        and_(versions.c.live_to.is_(None), versions.c.live_from <= position),
        and_(
            versions.c.live_to.is_not(None),
            versions.c.live_to > position,
            versions.c.live_from <= position,
            versions.c.fingerprint.is_not(None),
        ),
    )


def _where(project: str, node: Filter, position: int, *, evidence: bool) -> tuple[list[ColumnElement[bool]], bool]:
    clause, exact = condition(versions, node)
    where = [versions.c.project == project, *([] if evidence else [no_evidence(position)])]
    return (where if clause is None else [*where, clause]), exact


def _places(connection: Connection, where: Sequence[ColumnElement[bool]], position: int, limit: int) -> list[Place]:
    """The newest, so many, without what they say."""
    parts = union_all(*[select(*_PLACE).where(*where, part) for part in _live_at(position)]).subquery()
    newest = select(parts).order_by(parts.c.created_at_us.desc(), parts.c.memory_id.desc()).limit(limit)
    return [(row.created_at_us, row.memory_id, row.version) for row in connection.execute(newest)]


def _count(connection: Connection, where: Sequence[ColumnElement[bool]], position: int) -> int:
    counts = [select(func.count()).select_from(versions).where(*where, part) for part in _live_at(position)]
    return sum(connection.execute(query).scalar_one() for query in counts)


def _matching(
    connection: Connection, where: Sequence[ColumnElement[bool]], node: Filter, position: int
) -> Iterable[MemoryVersion]:
    for part in _live_at(position):
        for row in connection.execute(select(*_SHOWN).where(*where, part)):
            if matches(node, version := _as_it_was(row)):
                yield version


def _read(connection: Connection, places: Sequence[Place]) -> list[MemoryVersion]:
    """The versions at these places, in their order."""
    found: dict[str, MemoryVersion] = {}
    for some in _in_pieces([(memory_id, number) for _, memory_id, number in places]):
        query = select(*_SHOWN).where(tuple_(versions.c.memory_id, versions.c.version).in_(some))
        found.update({row.memory_id: _as_it_was(row) for row in connection.execute(query)})
    return [found[memory_id] for _, memory_id, _ in places]


def _as_it_was(row: Row[Any]) -> MemoryVersion:
    return replace(codec.version_of(row), live_to=None)


def _newest_first(found: Iterable[MemoryVersion]) -> list[MemoryVersion]:
    return sorted(found, key=lambda version: (version.created_at_us, version.memory_id), reverse=True)


def _in_pieces(whole: Sequence[T]) -> Iterable[Sequence[T]]:
    return (whole[start : start + _AT_ONCE] for start in range(0, len(whole), _AT_ONCE))
