"""One write transaction: commands in order, each in its own savepoint. Synchronous; the rules are in
`docs/consistency.md`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, delete, null, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from engine.errors import Conflict, InvariantViolated, NotFound, Purged, RemoraError
from engine.ledger import codec, erasure
from engine.ledger.contents import discreet, is_blanked
from engine.ledger.effects import Effects
from engine.ledger.schema import operations
from engine.ledger_port import (
    Accept,
    AcceptAndCommit,
    Command,
    Commit,
    Fail,
    Forget,
    Operation,
    OperationKind,
    Plan,
    Retry,
    Written,
)
from engine.types import ChangeBatch, Json, OperationState

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


class Transaction:
    """Does commands on one connection; `effects` remembers what changed."""

    def __init__(self, connection: Connection, position: int, now_us: int) -> None:
        self._connection = connection
        self._accepting = _ACCEPT[connection.dialect.name]
        self._now_us = now_us
        self.effects = Effects(connection, position, now_us)

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
            case Retry(project, operation_id):
                return self._retry(project, operation_id)
            case Forget(project, keys):
                erased = erasure.forget_claims(self._connection, project, keys)
                self.effects.erased |= erased
                return Written(None, fresh=erased)

    def _accept(self, operation: Operation) -> Written:
        seq = self._insert_operation(operation)
        if seq is not None:
            return Written(replace(operation, seq=seq))
        if (known := self._by_id(operation.id)) is not None:
            return _known(known)
        if operation.idempotency_key is None:
            raise InvariantViolated("the database refused a new operation", {"operation_id": operation.id})
        known = self._by_key(operation)
        if known is None:
            return self._accept(operation)
        if not is_blanked(known) and known.request_hash != operation.request_hash:
            error = Conflict("the idempotency key was used for another request", {"operation_id": known.id})
            return Written(None, fresh=False, error=error)
        return _known(known)

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
            return Written(None, fresh=False, error=_no_operation(operation_id))
        if operation.state not in _OPEN or (plan.more and operation.state is OperationState.RUNNING):
            return Written(operation, fresh=False)
        try:
            return Written(self._take_effect(operation, plan))
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, this operation fails, and it alone
            ours = _as_ours(error)
            if isinstance(ours, Conflict) and ours.details.get("retry"):  # another plan may fit
                return Written(operation, fresh=False, error=ours)
            failed = self._fail(operation_id, {"code": ours.code, "message": ours.message, "details": ours.details})
            return self._without_content(failed) if isinstance(ours, Purged) else failed

    def _without_content(self, failed: Written) -> Written:
        """What it asked concerns a memory that was erased before its turn came: that goes too."""
        if failed.operation is None:
            return failed
        self.effects.erased = True
        return replace(failed, operation=erasure.blank_operation(self._connection, failed.operation))

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

    def _retry(self, project: str, operation_id: str) -> Written:
        known = self._by_id(operation_id)
        if known is None or known.project != project or known.kind is OperationKind.CLAIM:
            return Written(None, fresh=False, error=_no_operation(operation_id))
        if known.state is not OperationState.FAILED or is_blanked(known):
            return _known(known)
        self._connection.execute(_FORGET_OPERATION, {"id_": operation_id})
        begun = known.result is not None
        state = OperationState.RUNNING if begun else OperationState.PENDING
        anew = replace(known, state=state, error=None, completed_at_us=None)
        seq = self._insert_operation(anew)
        if seq is None:
            raise InvariantViolated("the database refused an operation that it had", {"operation_id": operation_id})
        if begun:
            self._finish(anew)
        return Written(replace(anew, seq=seq))

    def _finish(self, operation: Operation) -> Operation:
        """Its state and result as given; one that is still open has no time of completion."""
        done = operation if operation.state in _OPEN else replace(operation, completed_at_us=self._now_us)
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
        with self.effects.whole():
            result = self.effects.of(operation, plan)
            state = OperationState.RUNNING if plan.more else OperationState.SUCCEEDED
            done = self._finish(replace(operation, state=state, result=result))
            if operation.kind is OperationKind.PURGE:
                done = discreet(done, result["count"])
                erasure.overwrite(self._connection, done)
        return done


def _known(operation: Operation) -> Written:
    """What a command is answered that was done already."""
    if is_blanked(operation):
        error = Purged("what this request made was erased for good", {"operation_id": operation.id})
        return Written(None, fresh=False, error=error)
    return Written(operation, fresh=False)


def _no_operation(operation_id: str) -> NotFound:
    return NotFound("no such operation", {"operation_id": operation_id})


def _as_ours(error: Exception) -> RemoraError:
    """A RemoraError as it is; anything else is a bug, and says so."""
    return error if isinstance(error, RemoraError) else InvariantViolated(f"{type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True)
class Done:
    """What commands did. `erased`: content was overwritten, so the database's files have to be rid of it."""

    written: tuple[Written, ...]
    changes: ChangeBatch
    erased: bool


def do_all(connection: Connection, commands: Sequence[Command], position: int, now_us: int) -> Done:
    """All commands in order on one connection."""
    transaction = Transaction(connection, position, now_us)
    written = tuple(transaction.do(command) for command in commands)
    return Done(written, transaction.effects.changes(), transaction.effects.erased)
