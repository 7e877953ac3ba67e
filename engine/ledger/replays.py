"""What a new reading of stored messages is compared with: the adds themselves, and what became of their facts.
Synchronous."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from engine.ledger import codec
from engine.ledger.contents import is_blanked, is_within
from engine.ledger.erasure import within_scope
from engine.ledger.schema import events, operations, versions
from engine.ledger.source_rows import facts_from
from engine.ledger_port import Operation, OperationKind, Step, Trace
from engine.types import EventKind, MemoryVersion, OperationState, Scope

_AT_ONCE = 500
"""How many ids one statement names."""
_STREAMED = 50
"""Operations in memory at once while those are looked for that are meant."""
_SHOWN = [column for column in versions.c if column.name not in ("vector", "fingerprint")]
_ENDS = (EventKind.DELETE, EventKind.PURGE)


def adds(connection: Connection, project: str, scope: Scope, after: int, limit: int) -> list[Operation]:
    """Adds of a scope that have succeeded, by `seq`; what SQL can't say of the scope the predicate does."""
    where = [
        operations.c.project == project,
        operations.c.kind == OperationKind.ADD.value,
        operations.c.state == OperationState.SUCCEEDED.value,
        operations.c.seq > after,
    ]
    if scope.ids():
        where += within_scope(project, scope)
    query = select(operations).where(*where).order_by(operations.c.seq)
    found: list[Operation] = []
    with connection.execute(query, execution_options={"yield_per": _STREAMED}) as rows:
        for row in rows:
            one = codec.operation_of(row)
            if not is_blanked(one) and is_within(one, scope):
                found.append(one)
            if len(found) == limit:
                break
    return found


def traces(connection: Connection, project: str, memory_ids: Sequence[str]) -> list[Trace]:
    """What has become of the facts that these messages stood behind, by id; nothing of what has been purged."""
    facts = sorted(facts_from(connection, memory_ids))
    told = [
        row
        for row in _within(connection, [events], events.c.memory_id, facts, events.c.position)
        if row.project == project
    ]
    known = {
        (row.memory_id, row.version): codec.version_of(row)
        for row in _within(connection, _SHOWN, versions.c.memory_id, facts, versions.c.version)
        if row.text
    }
    asked = [operations.c.id, operations.c.kind, operations.c.request]
    wanted = sorted({row.operation_id for row in told})
    made = {row.id: row for row in _within(connection, asked, operations.c.id, wanted, operations.c.seq)}
    steps: dict[str, list[Step]] = {}
    purged = {row.memory_id for row in told if row.kind == EventKind.PURGE.value}
    for row in told:
        if row.memory_id not in purged:
            steps.setdefault(row.memory_id, []).append(_step(row, made.get(row.operation_id), known))
    return [Trace(memory_id, tuple(steps[memory_id])) for memory_id in sorted(steps)]


def _step(event: Row[Any], operation: Row[Any] | None, known: Mapping[tuple[str, int], MemoryVersion]) -> Step:
    kind = EventKind(event.kind)
    version = None if kind in _ENDS else known.get((event.memory_id, event.version))
    if operation is None:
        return Step(kind, None, None, version)
    by, said = OperationKind(operation.kind), None
    conversation = operation.id if by is OperationKind.ADD else None
    if by is OperationKind.REINFER:
        request = codec.unpack(operation.request)
        conversation = request.get("of")
        said = next((one["said"] for one in request.get("events", ()) if _says_of(one, event.memory_id)), None)
    return Step(kind, by, conversation, version, said)


def _says_of(planned: Mapping[str, Any], memory_id: str) -> bool:
    return planned.get("memory_id") == memory_id and "said" in planned


def _within(
    connection: Connection,
    columns: Iterable[Any],
    named: ColumnElement[str],
    values: Sequence[str],
    order: ColumnElement[int],
) -> list[Row[Any]]:
    found: list[Row[Any]] = []
    for start in range(0, len(values), _AT_ONCE):
        some = named.in_(values[start : start + _AT_ONCE])
        found += connection.execute(select(*columns).where(some).order_by(order)).all()
    return found
