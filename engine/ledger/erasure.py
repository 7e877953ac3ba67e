"""Purging: whose content goes, and that nothing of it stays in any row. The rules are in `docs/consistency.md`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, func, or_, select, update

from engine import ids
from engine.errors import NotFound
from engine.ledger import codec, feedback_rows, source_rows
from engine.ledger.alias_rows import forget_within
from engine.ledger.conditions import holds
from engine.ledger.contents import blanked, is_blanked, is_within, key_of, memories_named, says
from engine.ledger.schema import events, operations, versions
from engine.ledger.signal_rows import forget
from engine.ledger_port import Operation, OperationKind
from engine.types import SCOPE_FIELDS, Scope

T = TypeVar("T")

_AT_ONCE = 500
"""How many ids one statement names."""
_FINISHED = operations.c.state.in_(["SUCCEEDED", "FAILED"])
_BEGUN = or_(_FINISHED, operations.c.state == "RUNNING")
"""Messages of theirs are memories already, even if facts are still to come."""
_SCOPE = [versions.c[name] for name in SCOPE_FIELDS]
_BLANK_VERSIONS = (
    update(versions)
    .where(versions.c.memory_id == bindparam("id_"))
    .values({**codec.BLANK_VERSION, "live_to": func.coalesce(versions.c.live_to, bindparam("position_"))})
)
_BLANKED = ("lane", "state", "request", "request_hash", "result", "error", "completed_at_us")
_BLANK_OPERATION = (
    update(operations).where(operations.c.seq == bindparam("seq_")).values({name: bindparam(name) for name in _BLANKED})
)


@dataclass(frozen=True, slots=True)
class Doomed:
    """A memory whose content goes. `version`: its last one."""

    memory_id: str
    version: int
    scope: Scope

    def lane(self, project: str) -> str:
        """Where its operations are."""
        return ids.routing_key(project, self.scope)


def doomed_by_id(connection: Connection, project: str, memory_id: str) -> tuple[list[Doomed], frozenset[str]]:
    """The memory, what says the same, and all that these ever said, in canonical form; nothing when it is purged.

    With a message go the facts that were made of it; with a fact the messages that it was made of.

    Raises:
        NotFound: it never was.
    """
    one, said = _doomed(connection, project, memory_id)
    if one is None:
        return [], said
    doomed = [one]
    for other in sorted(
        source_rows.sources_of(connection, [memory_id]) | source_rows.facts_from(connection, [memory_id])
    ):
        also, more = _doomed(connection, project, other)
        doomed += [] if also is None else [also]
        said |= more
    return doomed, said


def _doomed(connection: Connection, project: str, memory_id: str) -> tuple[Doomed | None, frozenset[str]]:
    query = select(versions.c.version, versions.c.fingerprint, versions.c.text, *_SCOPE)
    mine = query.where(versions.c.memory_id == memory_id, versions.c.project == project)
    rows = connection.execute(mine.order_by(versions.c.version)).all()
    if not rows:
        raise NotFound("Memory not found!", {"memory_id": memory_id})
    if rows[-1].fingerprint is None:
        return None, frozenset()
    said = frozenset(ids.canonical_text(row.text) for row in rows)
    return Doomed(memory_id, rows[-1].version, _scope(rows[-1])), said


def doomed_by_scope(connection: Connection, project: str, scope: Scope) -> list[Doomed]:
    """Every memory that has all ids of the scope, live or ended, oldest first."""
    within = [versions.c.project == project, *[versions.c[name] == value for name, value in scope.ids().items()]]
    found: dict[str, tuple[int, Doomed]] = {}
    # Apart, so that each finds its index.
    for part in (versions.c.live_to.is_(None), versions.c.live_to.is_not(None)):
        query = select(versions.c.memory_id, versions.c.version, versions.c.live_from, *_SCOPE).where(*within, part)
        for row in connection.execute(query):
            known = found.get(row.memory_id)
            if known is None or known[1].version < row.version:
                found[row.memory_id] = (row.live_from, Doomed(row.memory_id, row.version, _scope(row)))
    return [one for _, one in sorted(found.values(), key=lambda pair: pair[0])]


def erase_versions(connection: Connection, doomed: Sequence[Doomed], first: int) -> None:
    """Overwrite all their versions. What is live ends: the first one at position `first`, the others after it.

    Their signals and what was thought of them go, and the signals of memories that were encoded together with them.
    """
    rows = [{"id_": one.memory_id, "position_": first + place} for place, one in enumerate(doomed)]
    if rows:
        connection.execute(_BLANK_VERSIONS, rows)
        forget(connection, [one.memory_id for one in doomed])
        feedback_rows.forget(connection, [one.memory_id for one in doomed])


def erase_operations(
    connection: Connection, project: str, doomed: Sequence[Doomed], scope: Scope | None, said: frozenset[str]
) -> list[str]:
    """Blank every operation that has begun and holds content of these memories, or is one of the scope; their keys.

    With a scope the aliases go too that were made in it.

    Args:
        connection: in a transaction.
        project: whose.
        doomed: the memories.
        scope: all operations within it go; None: only those that concern the memories.
        said: texts of theirs; an operation of their lanes that failed to write one of them goes too.
    """
    memories = {one.memory_id for one in doomed}
    found: dict[int, Operation] = {}

    def take(query: Select[Any], concerns: Callable[[Operation], bool]) -> None:
        for row in connection.execute(query):
            operation = codec.operation_of(row)
            if operation.seq not in found and not is_blanked(operation) and concerns(operation):
                found[operation.seq] = operation

    theirs = select(operations).where(_BEGUN, operations.c.project == project)
    for some in _in_pieces(memories):
        made = select(events.c.operation_id).where(events.c.memory_id.in_(some))
        take(theirs.where(operations.c.id.in_(made)), lambda _: True)
    for lanes in _in_pieces({one.lane(project) for one in doomed}):
        named = theirs.where(operations.c.lane.in_(lanes), *_may_name(memories))
        take(named, lambda one: not memories.isdisjoint(memories_named(one)) or says(one, said))
    if scope is not None:
        take(theirs.where(*within_scope(project, scope)), lambda one: is_within(one, scope))
        forget_within(connection, project, scope)
    if found:
        connection.execute(_BLANK_OPERATION, [_blank_row(blanked(operation)) for operation in found.values()])
    return sorted({key for one in found.values() if (key := key_of(one)) is not None})


def blank_operation(connection: Connection, operation: Operation) -> Operation:
    """Blank one finished operation."""
    bare = blanked(operation)
    overwrite(connection, bare)
    return bare


def overwrite(connection: Connection, operation: Operation) -> None:
    """Let the row of a finished operation hold what this one holds, and nothing of before."""
    connection.execute(_BLANK_OPERATION, _blank_row(operation))


def forget_claims(connection: Connection, project: str, keys: Sequence[str]) -> bool:
    """Blank the finished claims of these keys; whether there was one that wasn't."""
    found = []
    for some in _in_pieces(keys):
        query = select(operations).where(
            operations.c.project == project,
            operations.c.idempotency_key.in_(some),
            operations.c.kind == OperationKind.CLAIM.value,
            _FINISHED,
        )
        found += [one for row in connection.execute(query) if not is_blanked(one := codec.operation_of(row))]
    if found:
        connection.execute(_BLANK_OPERATION, [_blank_row(blanked(operation)) for operation in found])
    return bool(found)


def within_scope(project: str, scope: Scope) -> list[ColumnElement[bool]]:
    """What SQL can say of the operations within a scope: it selects too much, never too little.

    A user's operations all lie in the user's lane. An agent's may lie in those of many users; then the request says so.
    """
    if scope.user_id is not None:
        return [operations.c.lane == ids.routing_key(project, Scope(user_id=scope.user_id))]
    owned = {name: ids.routing_key(project, Scope(**{name: value})) for name, value in scope.ids().items()}
    return [
        or_(operations.c.lane == owned[name], holds(operations.c.request, codec.pack(value)))
        for name, value in scope.ids().items()
    ]


def _may_name(memories: set[str]) -> list[ColumnElement[bool]]:
    """For a single memory the database can leave most operations of a busy lane out by itself."""
    if len(memories) != 1:
        return []
    raw = codec.pack(next(iter(memories)))
    columns = (operations.c.request, operations.c.result, operations.c.error)
    held = [and_(column.is_not(None), holds(column, raw)) for column in columns]
    return [or_(operations.c.state == "FAILED", *held)]


def _blank_row(operation: Operation) -> dict[str, Any]:
    return {
        "seq_": operation.seq,
        "lane": operation.lane,
        "state": operation.state.value,
        "completed_at_us": operation.completed_at_us,
        "request": codec.pack(operation.request),
        "request_hash": operation.request_hash,
        "result": None if operation.result is None else codec.pack(operation.result),
        "error": None if operation.error is None else codec.pack(operation.error),
    }


def _scope(row: Row[Any]) -> Scope:
    return Scope(row.user_id, row.agent_id, row.app_id, row.run_id)


def _in_pieces(values: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(values)
    while piece := list(islice(remaining, _AT_ONCE)):
        yield piece
