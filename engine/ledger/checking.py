"""Whether a ledger contradicts itself: everything is read once, in order, a little at a time. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, not_, or_, select, text

from engine import ids
from engine.ledger import codec
from engine.ledger.schema import OPEN, events, operations, shard, signals, versions
from engine.ledger.soundness import Kept, Told, contradictions
from engine.types import SCOPE_FIELDS, Scope

_MOST = 50
"""So many sentences are told: a damaged ledger may have one for every row."""
_AT_ONCE = 1000
_ID = itemgetter(0)
_SETTLED_US = 60_000_000
"""An operation that overtook another did so this long ago: what is under way right now may look like it."""


def check(connection: Connection, now_us: int) -> list[str]:
    """What contradicts itself, a sentence each, the first ones; empty when it is sound.

    Args:
        connection: in one snapshot.
        now_us: by the clock that the operations were finished by.
    """
    parts: tuple[Callable[[Connection], Iterable[str]], ...] = (
        _file,
        _positions,
        _memories,
        _live,
        _events_without_operation,
        _results,
        _signals,
        lambda c: _overtaken(c, now_us),
    )
    found = list(islice(chain.from_iterable(part(connection) for part in parts), _MOST + 1))
    return found if len(found) <= _MOST else [*found[:_MOST], "and more"]


def _file(connection: Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        problems = [str(row[0]) for row in connection.execute(text("PRAGMA quick_check(5)"))]
        yield from (f"the database file: {problem}" for problem in problems if problem != "ok")


def _positions(connection: Connection) -> Iterator[str]:
    position = connection.execute(select(shard.c.position)).scalar_one()
    columns = (func.count(), func.min(events.c.position), func.max(events.c.position))
    count, first, last = connection.execute(select(*columns).select_from(events)).one()
    if (last or 0) != position:
        yield f"the ledger is at position {position}, its last event at {last or 0}"
    if count and (first != 1 or last != count):
        yield f"the {count} events have positions {first} to {last}: not 1 to {count} without gaps"


def _memories(connection: Connection) -> Iterator[str]:
    """Versions and events of each memory side by side, both by memory id."""
    made = select(
        versions.c.memory_id,
        versions.c.version,
        versions.c.live_from,
        versions.c.live_to,
        versions.c.operation_id,
        versions.c.fingerprint.is_(None).label("erased"),
        and_(versions.c.text == "", func.length(versions.c.vector) == 0).label("empty"),
    ).order_by(versions.c.memory_id, versions.c.version)
    told = select(
        events.c.memory_id, events.c.position, events.c.kind, events.c.version, events.c.operation_id
    ).order_by(events.c.memory_id, events.c.position)
    both = merge(
        ((row[0], _kept(row)) for row in _stream(connection, made)),
        ((row[0], _told(row)) for row in _stream(connection, told)),
        key=_ID,
    )
    for memory_id, some in groupby(both, key=_ID):
        rows = [row for _, row in some]
        events_told = [row for row in rows if isinstance(row, Told)]
        yield from contradictions(memory_id, events_told, [row for row in rows if isinstance(row, Kept)])


def _kept(row: Iterable[Any]) -> Kept:
    _, version, live_from, live_to, operation_id, erased, empty = row
    return Kept(version, live_from, live_to, operation_id, bool(erased), bool(empty))


def _told(row: Iterable[Any]) -> Told:
    _, position, kind, version, operation_id = row
    return Told(position, kind, version, operation_id)


def _live(connection: Connection) -> Iterator[str]:
    """Fingerprints are those of the texts, and all vectors are of one length."""
    columns = [versions.c[name] for name in (*SCOPE_FIELDS, "memory_id", "role", "name", "text", "fingerprint")]
    query = select(*columns, func.length(versions.c.vector).label("size")).where(versions.c.live_to.is_(None))
    size: int | None = None
    for *scope, memory_id, role, name, said, fingerprint, found in _stream(connection, query):
        if fingerprint != ids.fingerprint(Scope(*scope), role, name, said):
            yield f"memory {memory_id}: its fingerprint isn't that of its text"
        size = found if size is None else size
        if found != size or found % 4:
            yield f"memory {memory_id}: its vector has {found} bytes, another one's has {size}"


def _events_without_operation(connection: Connection) -> Iterator[str]:
    """Of one that is RUNNING, or that has failed since, the messages have taken effect."""
    failed_at_once = and_(operations.c.state == "FAILED", operations.c.result.is_(None))
    query = (
        select(events.c.position, events.c.operation_id)
        .select_from(events.outerjoin(operations, operations.c.id == events.c.operation_id))
        .where(or_(operations.c.id.is_(None), operations.c.state == "PENDING", failed_at_once))
    )
    for row in _stream(connection, query):
        yield f"the event at {row.position} is of operation {row.operation_id}, which has not succeeded"


def _results(connection: Connection) -> Iterator[str]:
    """Every memory that a result names was there."""
    query = select(operations.c.id, operations.c.result).where(operations.c.state == "SUCCEEDED")
    rows = _stream(connection, query)
    while some := list(islice(rows, _AT_ONCE)):
        named = {
            str(one.get("id")): row.id
            for row in some
            for one in (codec.unpack(row.result) or {}).get("results", ())
            if isinstance(one, dict)
        }
        known: set[str] = set()
        wanted = list(named)
        for start in range(0, len(wanted), _AT_ONCE):
            piece = versions.c.memory_id.in_(wanted[start : start + _AT_ONCE])
            known |= set(connection.execute(select(versions.c.memory_id).where(piece)).scalars())
        for memory_id in named.keys() - known:
            yield f"the result of operation {named[memory_id]} names memory {memory_id}, which is not there"


def _signals(connection: Connection) -> Iterator[str]:
    """Signals are those of live versions, all of the same making."""
    its_version = and_(
        versions.c.memory_id == signals.c.memory_id,
        versions.c.version == signals.c.version,
        versions.c.live_to.is_(None),
    )
    columns = (signals.c.memory_id, signals.c.version)
    query = select(*columns).select_from(signals.outerjoin(versions, its_version)).where(versions.c.memory_id.is_(None))
    for memory_id, version in _stream(connection, query):
        yield f"there are signals of version {version} of memory {memory_id}, which isn't live"
    makers = connection.execute(select(func.count(signals.c.made_by.distinct()))).scalar_one()
    if makers > 1:
        yield f"{makers} models made the signals"


def _overtaken(connection: Connection, now_us: int) -> Iterator[str]:
    """In a lane nothing succeeds before what was accepted earlier is finished; facts may come later."""
    begun = operations.c.state == "RUNNING"
    waiting = select(operations.c.lane, operations.c.id, operations.c.seq).where(
        OPEN, not_(begun), operations.c.lane.is_not(None)
    )
    first: dict[str, Row[Any]] = {}
    for row in _stream(connection, waiting.order_by(operations.c.seq)):
        first.setdefault(row.lane, row)
    done = select(operations.c.id).where(
        operations.c.lane == bindparam("lane_"),
        operations.c.seq > bindparam("seq_"),
        operations.c.state == "SUCCEEDED",
        operations.c.completed_at_us < now_us - _SETTLED_US,
    )
    for lane, row in first.items():
        later = connection.execute(done.limit(1), {"lane_": lane, "seq_": row.seq}).scalar()
        if later is not None:
            yield f"operation {later} has taken effect before {row.id}, which was accepted earlier in its lane"


def _stream(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    return iter(connection.execute(query, execution_options={"yield_per": _AT_ONCE}))
