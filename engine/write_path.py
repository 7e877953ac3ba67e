"""How a write takes effect: admission, acceptance, lanes, commit, indexes. The rules are in `docs/consistency.md`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine import ids, ingest
from engine.answers import write_answer
from engine.batch_queue import BatchQueue
from engine.concurrency import TaskSet
from engine.errors import (
    DeadlineExceeded,
    InvariantViolated,
    Overloaded,
    RemoraError,
    StaleEpoch,
    Unavailable,
    from_parts,
)
from engine.faults import FaultPoints
from engine.figures import Histogram
from engine.gate import Gate
from engine.index_feed import IndexFeed
from engine.lanes import Lanes, Turn
from engine.ledger_port import (
    Accept,
    AcceptAndCommit,
    Command,
    Commit,
    Fail,
    Ledger,
    Operation,
    OperationKind,
    Ownership,
    Plan,
    Written,
)
from engine.models import Models, entities_or_none
from engine.ports import Priority
from engine.types import Json, OperationState, indexed_text

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
_COMPANY_S = 0.003
"""How long a transaction waits for more operations after the one before it: less than an fsync takes."""
_PASSING = (Unavailable, DeadlineExceeded, Overloaded)
"""Errors that the same request may not meet again."""


@dataclass(slots=True)
class _Run:
    """One operation on its way through this process. `accepted` and `done` hold it as the ledger has it."""

    operation: Operation
    accepted: asyncio.Future[Operation]
    done: asyncio.Future[Operation]
    priority: Priority


@dataclass(slots=True)
class WriteStats:
    """Counted since the start; `took_ms`: from submission to the end of an operation."""

    accepted: int = 0
    finished: int = 0
    degraded: int = 0
    took_ms: Histogram = field(default_factory=Histogram)


def needs_model(operation: Operation) -> bool:
    """Whether something has to be embedded before the operation can commit."""
    if operation.kind is OperationKind.UPDATE:
        return "text" in operation.request["given"]
    return operation.kind is OperationKind.ADD


class WritePath:
    """Carries operations out. One per shard; after `start` it is the shard's owner until somebody else starts.

    Args:
        ledger: the truth.
        models: for prepare.
        feeds: of the indexes that a write waits for.
        gate: bounds what is under way.
        batch_operations: commands in one transaction, at most.
        apply_deadline_s: how long a write waits for the indexes.
        faults: named points that tests arm.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        models: Models,
        feeds: Sequence[IndexFeed],
        gate: Gate,
        batch_operations: int,
        apply_deadline_s: float,
        faults: FaultPoints,
    ) -> None:
        self._ledger = ledger
        self._models = models
        self._feeds = feeds
        self._gate = gate
        self._apply_deadline_s = apply_deadline_s
        self._faults = faults
        self._lanes = Lanes()
        self._running: dict[str, _Run] = {}
        self._tasks = TaskSet()
        self._writes: BatchQueue[Command, Written] = BatchQueue(
            self._write_batch, name="ledger", max_items=batch_operations, linger_s=_COMPANY_S
        )
        self._ownership: Ownership | None = None
        self.fenced = False
        self.stats = WriteStats()

    @property
    def ownership(self) -> Ownership:
        """What `start` got.

        Raises:
            Unavailable: not started yet, or somebody else owns the shard now.
        """
        if self._ownership is None or self.fenced:
            raise Unavailable("the shard has another owner" if self.fenced else "the runtime is starting")
        return self._ownership

    @property
    def queued(self) -> int:
        """Commands that wait for the ledger."""
        return len(self._writes)

    async def start(self) -> Ownership:
        """Take the shard over, and put what is unfinished back into its lanes before anything new."""
        ownership = await self._ledger.open()
        for operation in await self._ledger.unfinished():
            self._begin(operation, accepted=True)
        self._ownership = ownership
        return ownership

    async def close(self) -> None:
        """Stop; what is accepted and not finished is finished after the next start."""
        await self._tasks.close()
        await self._writes.close()

    async def submit(
        self,
        operation: Operation,
        *,
        wait: bool,
        deadline_s: float,
        missing: bool = False,
        priority: Priority = Priority.ADD,
    ) -> Json:
        """Carry a new operation out and answer its caller. One that is under way already is joined, not begun again.

        Args:
            operation: not yet accepted, as far as its caller knows.
            wait: False: answer as soon as it is durable.
            deadline_s: then the caller gets the operation as it stands, and it goes on by itself.
            missing: the memory that it names isn't there, so that it can only be a repetition or fail.
            priority: with which the models are asked.

        Raises:
            Overloaded: there is no room; nothing was accepted.
            Unavailable: it isn't known whether it was accepted; the details name the operation.
            RemoraError: what the operation failed with.
        """
        _ = self.ownership
        run = self._running.get(operation.id) or self._admit(operation, missing=missing, priority=priority)
        try:
            async with asyncio.timeout(deadline_s):
                known = await asyncio.shield(run.done if wait else run.accepted)
                if known.state is OperationState.FAILED:
                    raise _stored_error(known)
                degraded = await self._degraded(known) if _is_indexed(known) else []
        except TimeoutError:
            if not run.accepted.done():
                details = {"operation_id": operation.id, "retry_after_s": 1}
                raise Unavailable("not known yet whether the request was accepted", details) from None
            if not run.done.done():
                return write_answer(run.accepted.result())
            known = run.done.result()
            if known.state is OperationState.FAILED:
                raise _stored_error(known) from None
            degraded = [feed.name for feed in self._feeds if feed.lag]
        return write_answer(known, degraded)

    def _admit(self, operation: Operation, *, missing: bool, priority: Priority) -> _Run:
        size = ingest.size_bytes(operation.request)
        self._gate.enter(size)
        return self._begin(
            operation, accepted=False, missing=missing, priority=priority, finished=lambda: self._gate.leave(size)
        )

    def _begin(
        self,
        operation: Operation,
        *,
        accepted: bool,
        missing: bool = False,
        priority: Priority = Priority.ADD,
        finished: Callable[[], None] = lambda: None,
    ) -> _Run:
        loop = asyncio.get_running_loop()
        run = _Run(operation, loop.create_future(), loop.create_future(), priority)
        for outcome in (run.accepted, run.done):
            outcome.add_done_callback(_seen)
        turn = self._lanes.enter(f"missing:{operation.id}" if missing else operation.lane)
        self._running[operation.id] = run
        if accepted:
            run.accepted.set_result(operation)
            work = self._finish(run, turn)
        elif missing or (turn.free and not needs_model(operation)):
            work = self._at_once(run)
        else:
            work = self._accept_and_finish(run, turn)
        began_s = time.monotonic()
        task = self._tasks.start(self._supervise(run, work), name=f"operation {operation.id}")

        def over(_: asyncio.Task[Any]) -> None:
            self.stats.took_ms.record((time.monotonic() - began_s) * 1000)
            turn.leave()
            self._running.pop(operation.id, None)
            finished()

        task.add_done_callback(over)
        return run

    async def _supervise(self, run: _Run, work: Any) -> None:
        """Whatever ends the work, whoever waits hears of it."""
        try:
            await work
        except asyncio.CancelledError:
            _fail(run, Unavailable("the runtime is stopping", {"operation_id": run.operation.id}))
            raise
        except Exception as error:  # whatever it is, and it goes on to the task's owner
            _fail(run, error)
            raise

    async def _at_once(self, run: _Run) -> None:
        """Acceptance and commit in one transaction."""
        await self._faults.reach("before accept")
        plan = await self._plan(run.operation, run.priority, missing=True)
        written = await self._writes.submit(AcceptAndCommit(run.operation, plan))
        await self._take_over(run, written)

    async def _accept_and_finish(self, run: _Run, turn: Turn) -> None:
        await self._faults.reach("before accept")
        preparing = self._tasks.start(self._prepared(run), name=f"prepare {run.operation.id}")
        try:
            written = await self._writes.submit(Accept(run.operation))
            if await self._take_over(run, written):
                await self._faults.reach("after accept")
                await self._finish(run, turn, preparing)
        finally:
            preparing.cancel()

    async def _take_over(self, run: _Run, written: Written) -> bool:
        """What the ledger said of a new operation; True: it is accepted, open, and ours to finish."""
        if written.error is not None:
            raise written.error
        known = written.operation
        if known is None:
            raise InvariantViolated("the ledger lost an operation while accepting it")
        self.stats.accepted += written.fresh
        if known.state in (OperationState.SUCCEEDED, OperationState.FAILED):
            _resolve(run.accepted, known)
            _resolve(run.done, known)
            return False
        _resolve(run.accepted, known)
        if known.id == run.operation.id:
            run.operation = known
            return True
        twin = self._running.get(known.id)
        if twin is None:
            raise Unavailable("the first request with this key is being recovered", {"operation_id": known.id})
        _resolve(run.done, await asyncio.shield(twin.done))
        return False

    async def _finish(self, run: _Run, turn: Turn, preparing: asyncio.Task[Plan] | None = None) -> None:
        """Prepare, wait for the turn to commit, commit."""
        try:
            plan = await (preparing if preparing is not None else self._prepared(run))
            await self._faults.reach("after prepare")
            command: Commit | Fail = Commit(run.operation.id, plan)
        except RemoraError as error:
            command = Fail(run.operation.id, error_object(error))
        async with turn:
            # A place in the queue behind those of the same lane is all the order it needs: one transaction takes many.
            sent = self._writes.put(command)
        written = await self._written_or_failed(command.operation_id, sent)
        await self._faults.reach("after commit")
        if written.operation is None:
            raise written.error or InvariantViolated("the ledger lost an accepted operation")
        self.stats.finished += 1
        _resolve(run.done, written.operation)

    async def _written_or_failed(self, operation_id: str, sent: asyncio.Future[Written]) -> Written:
        """An accepted operation never stays open because of what is in it."""
        try:
            return await sent
        except _PASSING:
            raise
        except RemoraError as error:
            return await self._writes.submit(Fail(operation_id, error_object(error)))

    async def _prepared(self, run: _Run) -> Plan:
        """The plan; while a model is away it is waited for, whatever is wrong with the request itself ends it."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return await self._plan(run.operation, run.priority)
            except _PASSING:
                await asyncio.sleep(pause_s)
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    async def _plan(self, operation: Operation, priority: Priority, *, missing: bool = False) -> Plan:
        nothing = np.zeros((0, 0), dtype=np.float32)
        match operation.kind:
            case OperationKind.ADD:
                return await self._plan_add(operation, priority)
            case OperationKind.UPDATE if needs_model(operation) and not missing:
                text = [operation.request["given"]["text"]]
                indexed = [indexed_text(operation.request["name"], text[0])]
                vectors, entities = await asyncio.gather(
                    self._models.vectors(indexed, priority), entities_or_none(self._models, text, priority)
                )
                return ingest.plan_update(operation, vectors, entities[0])
            case OperationKind.UPDATE:
                return ingest.plan_update(operation, nothing, None)
            case OperationKind.DELETE | OperationKind.DELETE_ALL:
                return ingest.plan_delete(operation, nothing)
            case OperationKind.CLAIM:
                return Plan((), nothing)

    async def _plan_add(self, operation: Operation, priority: Priority) -> Plan:
        fragments = await self._models.fragments(ingest.messages_of(operation.request))
        texts = [fragment.text for fragment in fragments]
        indexed = [indexed_text(fragment.name, fragment.text) for fragment in fragments]
        vectors, entities = await asyncio.gather(
            self._models.vectors(indexed, priority), entities_or_none(self._models, texts, priority)
        )
        return ingest.plan_add(operation, self._secret, fragments, vectors, entities)

    @property
    def _secret(self) -> bytes:
        return self.ownership.secret

    async def _write_batch(self, commands: list[Command]) -> list[Written | Exception]:
        """One transaction; when its answer is lost the same commands are sent again: each is conditional."""
        epoch = self.ownership.epoch
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                answer = await self._ledger.write(epoch, commands)
            except StaleEpoch:
                self.fenced = True
                raise
            except _PASSING:
                await asyncio.sleep(pause_s)
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
            except RemoraError:
                if len(commands) == 1:
                    raise
                return await self._one_by_one(commands)
            else:
                for feed in self._feeds:
                    feed.offer(answer.changes)
                return list(answer.written)

    async def _one_by_one(self, commands: list[Command]) -> list[Written | Exception]:
        """What can't be written together: the command at fault fails, the others are written."""
        outcomes: list[Written | Exception] = []
        for command in commands:
            try:
                outcomes += await self._write_batch([command])
            except RemoraError as error:
                outcomes.append(error)
        return outcomes

    async def _degraded(self, operation: Operation) -> list[str]:
        """Wait for the indexes, side by side; the names of those that are late."""
        position = (operation.result or {}).get("position", 0)
        late = await asyncio.gather(*[self._late(feed, position) for feed in self._feeds])
        names = [feed.name for feed, is_late in zip(self._feeds, late, strict=True) if is_late]
        self.stats.degraded += bool(names)
        await self._faults.reach("before answer")
        return names

    async def _late(self, feed: IndexFeed, position: int) -> bool:
        try:
            async with asyncio.timeout(self._apply_deadline_s):
                await feed.reached(position)
        except TimeoutError:
            return True
        return False

    def status(self) -> Json:
        """What is under way."""
        return {
            "operations": self._gate.pending,
            "bytes": self._gate.pending_bytes,
            "lanes": len(self._lanes),
            "queued": self.queued,
            "accepted": self.stats.accepted,
            "finished": self.stats.finished,
            "degraded": self.stats.degraded,
            "transactions": self._writes.stats.batches,
            "took_ms": self.stats.took_ms.figures(),
        }

    def queue(self) -> Json:
        """Figures of the queue in front of the ledger."""
        return self._writes.figures()

    def gate(self) -> Json:
        """What is admitted."""
        return self._gate.figures()


def new_operation(
    kind: OperationKind,
    body: Json,
    *,
    project: str,
    lane: str | None,
    slot_key: str,
    idempotency_key: str | None,
    now_us: int,
    noise: bytes,
) -> Operation:
    """An operation that nobody has accepted yet. `slot_key` gives its slot where it has no lane of its own."""
    return Operation(
        id=ids.operation_id(ids.slot_of(lane or slot_key), noise),
        project=project,
        kind=kind,
        lane=lane,
        request=body,
        created_at_us=now_us,
        idempotency_key=idempotency_key,
        request_hash=ingest.request_hash(kind, body) if idempotency_key is not None else b"",
    )


def error_object(error: RemoraError) -> Json:
    """An error as an operation keeps it."""
    return {"code": error.code, "message": error.message, "details": error.details}


def _is_indexed(operation: Operation) -> bool:
    """Whether the indexes have to hear of what it did: of a claim there is nothing to hear."""
    return operation.state is OperationState.SUCCEEDED and operation.kind is not OperationKind.CLAIM


def _stored_error(operation: Operation) -> RemoraError:
    stored = operation.error or {}
    details = {**stored.get("details", {}), "operation_id": operation.id}
    return from_parts(stored.get("code", "internal"), stored.get("message", "the operation failed"), details)


def _seen(outcome: asyncio.Future[Operation]) -> None:
    """Nobody may be waiting any more: that is no mistake."""
    if not outcome.cancelled():
        outcome.exception()


def _resolve(outcome: asyncio.Future[Operation], operation: Operation) -> None:
    if not outcome.done():
        outcome.set_result(operation)


def _fail(run: _Run, error: Exception) -> None:
    for outcome in (run.accepted, run.done):
        if not outcome.done():
            outcome.set_exception(error)
