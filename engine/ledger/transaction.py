"""One write transaction: commands in order, each in its own savepoint. Synchronous; the rules are in
`docs/consistency.md`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, null, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from engine import ids
from engine.answers import add_row, changed_row
from engine.errors import Conflict, InvariantViolated, NotFound, RemoraError
from engine.ledger import codec
from engine.ledger.schema import events, operations, versions
from engine.ledger_port import (
    Accept,
    AcceptAndCommit,
    AddEvent,
    Command,
    Commit,
    DeleteEvent,
    DeleteScopeEvent,
    Fail,
    Operation,
    OperationKind,
    Plan,
    PlannedEvent,
    UpdateEvent,
    Written,
)
from engine.types import Change, ChangeBatch, EventKind, Json, MemoryVersion, OperationState

IDEMPOTENCY_TTL_US = 24 * 3600 * 1_000_000
_OPEN = (OperationState.PENDING, OperationState.RUNNING)

# Built once: making a statement costs SQLAlchemy more than SQLite needs to run it.
_BY_ID = select(operations).where(operations.c.id == bindparam("id_"))
_BY_KEY = select(operations).where(
    operations.c.project == bindparam("project_"), operations.c.idempotency_key == bindparam("key_")
)
_FORGET_KEY = update(operations).where(operations.c.seq == bindparam("seq_")).values(idempotency_key=null())
_FORGET_OPERATION = delete(operations).where(operations.c.id == bindparam("id_"))
_FINISH = (
    update(operations)
    .where(operations.c.id == bindparam("id_"))
    .values({name: bindparam(name) for name in ("state", "result", "error", "completed_at_us")})
)
_ACCEPT = {
    dialect.name: dialect_insert(operations).on_conflict_do_nothing().returning(operations.c.seq)
    for dialect, dialect_insert in ((sqlite.dialect, sqlite.insert), (postgresql.dialect, postgresql.insert))
}
_NEW_VERSIONS = insert(versions)
_NEW_EVENTS = insert(events)
_LIVE = select(versions).where(versions.c.project == bindparam("project_"), versions.c.live_to.is_(None))
_LIVE_BY_ID = _LIVE.where(versions.c.memory_id == bindparam("id_"))
_TWIN = _LIVE.where(versions.c.fingerprint == bindparam("fingerprint_"))
_END = (
    update(versions)
    .where(versions.c.memory_id == bindparam("id_"), versions.c.version == bindparam("number_"))
    .values(live_to=bindparam("live_to"))
)
_LATER = (
    select(events.c.position)
    .where(events.c.memory_id == bindparam("id_"), events.c.position > bindparam("position_"))
    .limit(1)
)


class Transaction:
    """Does commands on one connection and remembers what changed. `position` grows by one an event."""

    def __init__(self, connection: Connection, position: int, now_us: int) -> None:
        self._connection = connection
        self._accepting = _ACCEPT[connection.dialect.name]
        self._now_us = now_us
        self._after = position
        self.position = position
        self._changes: list[Change] = []
        self._vectors: list[bytes] = []

    def changes(self) -> ChangeBatch:
        """Everything that this transaction changed."""
        return ChangeBatch(self._after, self.position, tuple(self._changes), codec.stack(self._vectors))

    def do(self, command: Command) -> Written:
        """One command; a rule that it breaks ends the operation or leaves no trace, and never touches the others."""
        try:
            return self._do(command)
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: a command that can't be done must not take others along
            return Written(None, fresh=False, error=_as_ours(error))

    def _do(self, command: Command) -> Written:
        match command:
            case Accept(operation):
                return self._accept(operation)
            case Commit(operation_id, plan):
                return self._commit(operation_id, plan)
            case AcceptAndCommit(operation, plan):
                return self._accept_and_commit(operation, plan)
            case Fail(operation_id, error):
                return self._fail(operation_id, error)

    def _accept(self, operation: Operation) -> Written:
        seq = self._insert_operation(operation)
        if seq is not None:
            return Written(replace(operation, seq=seq))
        if (known := self._by_id(operation.id)) is not None:
            return Written(known, fresh=False)
        if operation.idempotency_key is None:
            raise InvariantViolated("the database refused a new operation", {"operation_id": operation.id})
        known = self._by_key(operation)
        if known is None:
            return self._accept(operation)
        if known.request_hash != operation.request_hash:
            error = Conflict("the idempotency key was used for another request", {"operation_id": known.id})
            return Written(None, fresh=False, error=error)
        return Written(known, fresh=False)

    def _insert_operation(self, operation: Operation) -> int | None:
        """Its `seq`, or None when its id or its key is taken. The usual case costs one statement."""
        inserted = self._connection.execute(self._accepting, codec.operation_row(operation)).scalar_one_or_none()
        return None if inserted is None else int(inserted)

    def _by_key(self, operation: Operation) -> Operation | None:
        same = {"project_": operation.project, "key_": operation.idempotency_key}
        row = self._connection.execute(_BY_KEY, same).one_or_none()
        if row is None:
            return None
        known = codec.operation_of(row)
        if known.state not in _OPEN and known.created_at_us < operation.created_at_us - IDEMPOTENCY_TTL_US:
            self._connection.execute(_FORGET_KEY, {"seq_": known.seq})
            return None
        return known

    def _by_id(self, operation_id: str) -> Operation | None:
        row = self._connection.execute(_BY_ID, {"id_": operation_id}).one_or_none()
        return None if row is None else codec.operation_of(row)

    def _commit(self, operation_id: str, plan: Plan) -> Written:
        operation = self._by_id(operation_id)
        if operation is None:
            return Written(None, fresh=False, error=NotFound("no such operation", {"operation_id": operation_id}))
        if operation.state not in _OPEN:
            return Written(operation, fresh=False)
        try:
            return Written(self._take_effect(operation, plan))
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, this operation fails, and it alone
            ours = _as_ours(error)
            return self._fail(operation_id, {"code": ours.code, "message": ours.message, "details": ours.details})

    def _accept_and_commit(self, operation: Operation, plan: Plan) -> Written:
        accepted = self._accept(operation)
        if not accepted.fresh or accepted.operation is None:
            return accepted
        try:
            return Written(self._take_effect(accepted.operation, plan))
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it leaves no trace
            self._connection.execute(_FORGET_OPERATION, {"id_": operation.id})
            return Written(None, fresh=False, error=_as_ours(error))

    def _fail(self, operation_id: str, error: Json) -> Written:
        operation = self._by_id(operation_id)
        if operation is None or operation.state not in _OPEN:
            return Written(operation, fresh=False)
        return Written(self._finish(replace(operation, state=OperationState.FAILED, error=error)))

    def _finish(self, operation: Operation) -> Operation:
        done = replace(operation, completed_at_us=self._now_us)
        self._connection.execute(
            _FINISH,
            {
                "id_": operation.id,
                "state": done.state.value,
                "result": None if done.result is None else codec.pack(done.result),
                "error": None if done.error is None else codec.pack(done.error),
                "completed_at_us": done.completed_at_us,
            },
        )
        return done

    def _take_effect(self, operation: Operation, plan: Plan) -> Operation:
        """All of the plan, or a RemoraError and nothing of it."""
        mark = (self.position, len(self._changes), len(self._vectors))
        savepoint = self._connection.begin_nested()
        try:
            self._check(plan)
            rows = [row for event in plan.events for row in self._event(operation, plan, event)]
            result = {**plan.answer, "results": rows, "position": self.position}
            if operation.kind is OperationKind.DELETE_ALL:
                result |= {"results": [], "count": len(rows)}
            done = self._finish(replace(operation, state=OperationState.SUCCEEDED, result=result))
        except BaseException:
            savepoint.rollback()
            self.position, changes, vectors = mark
            del self._changes[changes:], self._vectors[vectors:]
            raise
        savepoint.commit()
        return done

    def _check(self, plan: Plan) -> None:
        for required in plan.requires:
            since = {"id_": required.memory_id, "position_": required.position}
            if self._connection.execute(_LATER, since).first() is not None:
                raise Conflict("a memory has changed meanwhile", {"memory_id": required.memory_id, "retry": True})

    def _event(self, operation: Operation, plan: Plan, event: PlannedEvent) -> list[Json]:
        match event:
            case AddEvent():
                return [self._add(operation, plan, event)]
            case UpdateEvent():
                return [self._update(operation, plan, event)]
            case DeleteEvent(memory_id):
                return [self._end(operation, self._live_or_missing(operation.project, memory_id))]
            case DeleteScopeEvent(scope):
                within = [versions.c[name] == value for name, value in scope.ids().items()]
                doomed = _LIVE.where(*within).order_by(versions.c.live_from)
                rows = self._connection.execute(doomed, {"project_": operation.project}).all()
                return [self._end(operation, row) for row in rows]

    def _add(self, operation: Operation, plan: Plan, event: AddEvent) -> Json:
        twin = self._twin(operation.project, event.fingerprint)
        if twin is not None:
            return add_row(EventKind.NONE, codec.version_of(twin), event.message_index)
        version = MemoryVersion(
            memory_id=event.memory_id,
            project=operation.project,
            scope=event.scope,
            text=event.text,
            version=1,
            live_from=self.position + 1,
            created_at_us=event.created_at_us,
            updated_at_us=event.created_at_us,
            role=event.role,
            name=event.name,
            metadata=event.metadata,
            expiration_date=event.expiration_date,
            entities=event.entities,
            relations=event.relations,
            operation_id=operation.id,
        )
        vector = codec.vector_bytes(plan.vectors[event.row])
        self._insert(version, vector, event.fingerprint)
        self._record(operation, EventKind.ADD, version.memory_id, version.version, version, vector)
        return add_row(EventKind.ADD, version, event.message_index)

    def _update(self, operation: Operation, plan: Plan, event: UpdateEvent) -> Json:
        row = self._live_or_missing(operation.project, event.memory_id)
        old, given = codec.version_of(row), event.given
        version = replace(
            old,
            version=old.version + 1,
            live_from=self.position + 1,
            updated_at_us=self._now_us,
            operation_id=operation.id,
            text=event.text if "text" in given else old.text,
            entities=event.entities if "text" in given else old.entities,
            metadata=event.metadata if "metadata" in given else old.metadata,
            expiration_date=event.expiration_date if "expiration_date" in given else old.expiration_date,
            created_at_us=event.created_at_us if "timestamp" in given else old.created_at_us,
        )
        fingerprint: bytes | None = row.fingerprint
        if "text" in given:
            fingerprint = ids.fingerprint(version.scope, version.role, version.name, version.text)
            twin = self._twin(operation.project, fingerprint)
            if twin is not None and twin.memory_id != event.memory_id:
                raise Conflict("a memory with this text exists already", {"memory_id": twin.memory_id})
        vector = row.vector if event.row is None else codec.vector_bytes(plan.vectors[event.row])
        self._close_version(old)
        self._insert(version, vector, fingerprint)
        self._record(operation, EventKind.UPDATE, version.memory_id, version.version, version, vector)
        return changed_row(EventKind.UPDATE, version)

    def _end(self, operation: Operation, row: Row[Any]) -> Json:
        old = codec.version_of(row)
        self._close_version(old)
        self._record(operation, EventKind.DELETE, old.memory_id, old.version, None, None)
        return changed_row(EventKind.DELETE, old)

    def _twin(self, project: str, fingerprint: bytes) -> Row[Any] | None:
        same = {"project_": project, "fingerprint_": fingerprint}
        return self._connection.execute(_TWIN, same).one_or_none()

    def _live_or_missing(self, project: str, memory_id: str) -> Row[Any]:
        row = self._connection.execute(_LIVE_BY_ID, {"project_": project, "id_": memory_id}).one_or_none()
        if row is None:
            raise NotFound("Memory not found!", {"memory_id": memory_id})
        return row

    def _insert(self, version: MemoryVersion, vector: bytes, fingerprint: bytes | None) -> None:
        self._connection.execute(_NEW_VERSIONS, codec.version_row(version, vector, fingerprint))

    def _close_version(self, old: MemoryVersion) -> None:
        this = {"id_": old.memory_id, "number_": old.version, "live_to": self.position + 1}
        self._connection.execute(_END, this)

    def _record(
        self,
        operation: Operation,
        kind: EventKind,
        memory_id: str,
        version_number: int,
        version: MemoryVersion | None,
        vector: bytes | None,
    ) -> None:
        self.position += 1
        self._connection.execute(
            _NEW_EVENTS,
            {
                "position": self.position,
                "kind": kind.value,
                "memory_id": memory_id,
                "version": version_number,
                "project": operation.project,
                "at_us": self._now_us,
                "operation_id": operation.id,
            },
        )
        self._changes.append(Change(self.position, kind, memory_id, operation.project, version))
        if vector is not None:
            self._vectors.append(vector)


def _as_ours(error: Exception) -> RemoraError:
    """A RemoraError as it is; anything else is a bug, and says so."""
    return error if isinstance(error, RemoraError) else InvariantViolated(f"{type(error).__name__}: {error}")


def do_all(
    connection: Connection, commands: Sequence[Command], position: int, now_us: int
) -> tuple[tuple[Written, ...], ChangeBatch]:
    """All commands in order on one connection."""
    transaction = Transaction(connection, position, now_us)
    written = tuple(transaction.do(command) for command in commands)
    return written, transaction.changes()
