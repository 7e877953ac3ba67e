"""What a ledger is asked, on one connection: one snapshot a call. Synchronous."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, not_, select

from engine.digests import graph_digest, vector_digest
from engine.filters import Filter, matches
from engine.ledger import codec, signal_rows
from engine.ledger.conditions import condition, holds
from engine.ledger.contents import PARTS, is_within
from engine.ledger.erasure import within_scope
from engine.ledger.schema import FAILED, OPEN, events, operations, shard, versions
from engine.ledger.source_rows import no_evidence
from engine.ledger_port import (
    Deferred,
    Event,
    Keys,
    LedgerAudit,
    LedgerAuditRow,
    Operation,
    OperationKind,
    OperationsPage,
    Page,
    ScopeCount,
)
from engine.types import (
    SCOPE_FIELDS,
    Block,
    BlockKey,
    Change,
    ChangeBatch,
    EventKind,
    LiveRows,
    MemoryVersion,
    OperationState,
    Scope,
)

_SHOWN = [column for column in versions.c if column.name not in ("vector", "fingerprint")]
"""What a version consists of: its vector is much larger than the rest."""
_NEWEST = (versions.c.created_at_us.desc(), versions.c.memory_id.desc())
_IS_LIVE = versions.c.live_to.is_(None)
_OPEN_STATES = {OperationState.PENDING, OperationState.RUNNING}
_AT_ONCE = 500
"""How many ids one statement names."""
_SHARED = (OperationKind.DELETE_ALL.value, OperationKind.PURGE.value)
_IS_PART = and_(operations.c.kind.in_(_SHARED), holds(operations.c.request, codec.pack(PARTS) + codec.pack(0)))
"""One part of an operation over shards, which stands for nothing by itself."""


def unfinished(connection: Connection) -> list[Operation]:
    """Open operations that haven't begun, by `seq`."""
    query = select(operations).where(OPEN, operations.c.state == OperationState.PENDING.value)
    return [codec.operation_of(row) for row in connection.execute(query.order_by(operations.c.seq))]


def deferred(connection: Connection, after: int, limit: int) -> list[Deferred]:
    """Open operations that have begun, by `seq`."""
    columns = (operations.c.seq, operations.c.id, operations.c.project, operations.c.lane)
    query = select(*columns).where(OPEN, operations.c.state == OperationState.RUNNING.value, operations.c.seq > after)
    return [Deferred(*row) for row in connection.execute(query.order_by(operations.c.seq).limit(limit))]


def operation(connection: Connection, project: str, operation_id: str) -> Operation | None:
    """One operation of the project."""
    query = select(operations).where(operations.c.id == operation_id, operations.c.project == project)
    row = connection.execute(query).one_or_none()
    return None if row is None else codec.operation_of(row)


def operation_named(connection: Connection, project: str, key: str) -> Operation | None:
    """The one that its caller gave this key."""
    query = select(operations).where(operations.c.project == project, operations.c.idempotency_key == key)
    row = connection.execute(query).one_or_none()
    return None if row is None else codec.operation_of(row)


def operations_page(
    connection: Connection,
    project: str,
    scope: Scope | None,
    states: frozenset[OperationState],
    offset: int,
    limit: int,
) -> OperationsPage:
    """Newest first; what SQL can't say of the scope the predicate does."""
    where = [operations.c.project == project, operations.c.kind != OperationKind.CLAIM.value, not_(_IS_PART)]
    where += _in_states(states)
    newest = (operations.c.created_at_us.desc(), operations.c.id.desc())
    if scope is not None:
        where += within_scope(project, scope)
    if scope is None or set(scope.ids()) == {"user_id"}:  # a user's lane has the user's operations and no others
        count: int = connection.execute(select(func.count()).select_from(operations).where(*where)).scalar_one()
        query = select(operations.c.seq).where(*where).order_by(*newest).offset(offset).limit(limit)
        wanted = list(connection.execute(query).scalars())
    else:
        bare = [column for column in operations.c if column.name not in ("result", "error")]
        rows = connection.execute(select(*bare).where(*where))
        found = sorted(
            ((row.created_at_us, row.id, row.seq) for row in rows if is_within(codec.asked_of(row), scope)),
            reverse=True,
        )
        count, wanted = len(found), [seq for _, _, seq in found[offset : offset + limit]]
    shown = connection.execute(select(operations).where(operations.c.seq.in_(wanted)).order_by(*newest))
    return OperationsPage(count, tuple(codec.operation_of(row) for row in shown))


def get(connection: Connection, project: str, memory_ids: Sequence[str]) -> list[MemoryVersion | None]:
    """Live versions by id, in the order asked."""
    query = select(*_SHOWN).where(versions.c.memory_id.in_(list(memory_ids)), versions.c.project == project, _IS_LIVE)
    found = {row.memory_id: codec.version_of(row) for row in connection.execute(query)}
    return [found.get(memory_id) for memory_id in memory_ids]


def purged(connection: Connection, project: str, memory_id: str) -> bool:
    """Whether a version of it lies there without content."""
    query = select(versions.c.version).where(
        versions.c.memory_id == memory_id, versions.c.project == project, versions.c.fingerprint.is_(None)
    )
    return connection.execute(query.limit(1)).first() is not None


def page(
    connection: Connection, project: str, node: Filter, offset: int, limit: int, *, evidence: bool = False
) -> Page:
    """Newest first; what SQL can't say of the filter the predicate does."""
    where, exact = _where(project, node, evidence=evidence)
    newest = select(*_SHOWN).where(*where).order_by(*_NEWEST)
    if exact:
        rows = connection.execute(newest.offset(offset).limit(limit))
        return Page(_count(connection, where), tuple(codec.version_of(row) for row in rows))
    found = [v for row in connection.execute(newest) if matches(node, v := codec.version_of(row))]
    return Page(len(found), tuple(found[offset : offset + limit]))


def keys(connection: Connection, project: str, node: Filter, limit: int, *, evidence: bool = False) -> Keys:
    """Newest first, as `page`; reads whole versions only where SQL can't say all of the filter."""
    where, exact = _where(project, node, evidence=evidence)
    columns = [versions.c.created_at_us, versions.c.memory_id] if exact else _SHOWN
    newest = select(*columns).where(*where).order_by(*_NEWEST)
    if exact:
        rows = connection.execute(newest.limit(limit))
        return Keys(_count(connection, where), tuple((row.created_at_us, row.memory_id) for row in rows))
    found = [
        (row.created_at_us, row.memory_id) for row in connection.execute(newest) if matches(node, codec.version_of(row))
    ]
    return Keys(len(found), tuple(found[:limit]))


def history(connection: Connection, project: str, memory_id: str) -> list[Event]:
    """Events of a memory with the versions around them, without those that have no content any more."""
    mine = and_(events.c.memory_id == memory_id, events.c.project == project)
    rows = connection.execute(select(events).where(mine).order_by(events.c.position)).all()
    known = connection.execute(
        select(*_SHOWN).where(
            versions.c.memory_id == memory_id, versions.c.project == project, versions.c.fingerprint.is_not(None)
        )
    )
    by_number = {row.version: codec.version_of(row) for row in known}
    return [_event(row, by_number) for row in rows]


def scopes(connection: Connection, project: str) -> list[ScopeCount]:
    """Who has live memories, by field and id."""
    return [found for field in SCOPE_FIELDS for found in _count_by(connection, project, field)]


def changes(connection: Connection, after: int, limit: int) -> ChangeBatch:
    """The stream that indexes are fed from. What was purged later comes without a version: as gone already."""
    made = and_(
        versions.c.memory_id == events.c.memory_id,
        versions.c.version == events.c.version,
        versions.c.fingerprint.is_not(None),
        events.c.kind.not_in([EventKind.DELETE.value, EventKind.PURGE.value]),
    )
    query = (
        select(events.c.position, events.c.kind, events.c.memory_id.label("of"), events.c.project.label("owner"))
        .add_columns(versions)
        .select_from(events.outerjoin(versions, made))
        .where(events.c.position > after)
        .order_by(events.c.position)
        .limit(limit)
    )
    return _batch(after, connection.execute(query).all())


def block(connection: Connection, key: BlockKey) -> Block:
    """Live versions of a block, oldest first, and the position at which they were."""
    query = (
        select(versions)
        .where(versions.c.project == key.project, versions.c[key.field] == key.value, _IS_LIVE)
        .order_by(versions.c.live_from)
    )
    position = _position(connection)
    rows = connection.execute(query).all()
    found = tuple(codec.version_of(row) for row in rows)
    derived = signal_rows.of_block(connection, [versions.c.project == key.project, versions.c[key.field] == key.value])
    return Block(key, position, found, codec.stack([row.vector for row in rows]), derived)


def live(connection: Connection, after: str, limit: int) -> LiveRows:
    """A stretch of all live versions, by id."""
    position = _position(connection)
    query = select(versions).where(_IS_LIVE, versions.c.memory_id > after).order_by(versions.c.memory_id)
    return _live_rows(position, connection.execute(query.limit(limit)).all())


def rows(connection: Connection, memory_ids: Sequence[str]) -> LiveRows:
    """The live versions among these, by id."""
    position = _position(connection)
    wanted = sorted(set(memory_ids))
    found: list[Row[Any]] = []
    for start in range(0, len(wanted), _AT_ONCE):
        some = versions.c.memory_id.in_(wanted[start : start + _AT_ONCE])
        found += connection.execute(select(versions).where(_IS_LIVE, some).order_by(versions.c.memory_id)).all()
    return _live_rows(position, found)


def audit(connection: Connection, after: str, limit: int) -> LedgerAudit:
    """The same stretch as digests."""
    stretch = live(connection, after, limit)
    return LedgerAudit(
        stretch.position,
        tuple(
            LedgerAuditRow(version.memory_id, version.live_from, vector_digest(version, vector), graph_digest(version))
            for version, vector in zip(stretch.versions, stretch.vectors, strict=True)
        ),
    )


def count_live(connection: Connection) -> int:
    """How many memories there are."""
    return _count(connection, [_IS_LIVE])


def _position(connection: Connection) -> int:
    found: int = connection.execute(select(shard.c.position)).scalar_one()
    return found


def _live_rows(position: int, found: Sequence[Row[Any]]) -> LiveRows:
    return LiveRows(position, tuple(codec.version_of(row) for row in found), codec.stack([row.vector for row in found]))


def _in_states(states: frozenset[OperationState]) -> list[ColumnElement[bool]]:
    """As the partial indexes have it where they can serve."""
    if states >= set(OperationState):
        return []
    if states == {OperationState.FAILED}:
        return [and_(FAILED)]
    asked = operations.c.state.in_(sorted(state.value for state in states))
    return [and_(OPEN, asked)] if states <= _OPEN_STATES else [asked]


def _where(project: str, node: Filter, *, evidence: bool) -> tuple[list[ColumnElement[bool]], bool]:
    """The live versions that the filter selects, as far as SQL can say it, and whether that is all of it."""
    clause, exact = condition(versions, node)
    where = [versions.c.project == project, _IS_LIVE, *([] if evidence else [no_evidence()])]
    return (where if clause is None else [*where, clause]), exact


def _count(connection: Connection, where: Sequence[ColumnElement[bool]]) -> int:
    found: int = connection.execute(select(func.count()).select_from(versions).where(*where)).scalar_one()
    return found


def _event(row: Row[Any], by_number: dict[int, MemoryVersion]) -> Event:
    kind = EventKind(row.kind)
    gone = kind in (EventKind.DELETE, EventKind.PURGE)
    return Event(
        position=row.position,
        kind=kind,
        memory_id=row.memory_id,
        at_us=row.at_us,
        operation_id=row.operation_id,
        before=by_number.get(row.version if gone else row.version - 1),
        after=None if gone else by_number.get(row.version),
        superseded_by=row.superseded_by,
    )


def _count_by(connection: Connection, project: str, field: Any) -> list[ScopeCount]:
    column = versions.c[field]
    query = (
        select(column, func.count(), func.min(versions.c.created_at_us), func.max(versions.c.updated_at_us))
        .where(versions.c.project == project, _IS_LIVE, column.is_not(None), no_evidence())
        .group_by(column)
        .order_by(column)
    )
    return [ScopeCount(field, *row) for row in connection.execute(query)]


def _batch(after: int, found: Sequence[Row[Any]]) -> ChangeBatch:
    told = []
    vectors = []
    for row in found:
        version = None if row.version is None else codec.version_of(row)
        told.append(Change(row.position, EventKind(row.kind), row.of, row.owner, version))
        if version is not None:
            vectors.append(row.vector)
    until = told[-1].position if told else after
    return ChangeBatch(after, until, tuple(told), codec.stack(vectors))
