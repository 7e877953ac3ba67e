"""How a write takes effect: admission, acceptance, lanes, commit, indexes. The rules are in `docs/consistency.md`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.answers import write_answer
from engine.callers import Callers
from engine.concurrency import Pauses, TaskSet
from engine.errors import PASSING, InvariantViolated, Purged, RemoraError, Unavailable
from engine.faults import FaultPoints, WritePoint
from engine.figures import Histogram
from engine.gate import Gate, Load
from engine.index_feed import IndexFeed
from engine.index_waits import IndexWaits
from engine.inference import Inference
from engine.lanes import Lanes, Turn
from engine.ledger_port import (
    Accept,
    AcceptAndCommit,
    Commit,
    Fail,
    Forget,
    Ledger,
    Operation,
    Ownership,
    Plan,
    Retry,
    Written,
)
from engine.ledger_writer import LedgerWriter, Listener
from engine.models import Models
from engine.operations import error_object, is_blanked, is_final, needs_model
from engine.planning import Planner
from engine.ports import Priority
from engine.run import Run
from engine.types import Json, OperationState
from engine.weighing import write_load

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class WriteStats:
    """Counted since the start; `took_ms`: from submission to the end of an operation."""

    accepted: int = 0
    finished: int = 0
    took_ms: Histogram = field(default_factory=Histogram)


class WritePath:
    """Carries operations out. One per shard; after `start` it is the shard's owner until somebody else starts.

    Args:
        ledger: the truth.
        models: for prepare.
        feeds: of the indexes that a write waits for.
        listeners: who else is told of what was committed, before it is answered.
        gate: bounds what is under way.
        batch_operations: commands in one transaction, at most.
        apply_deadline_s: how long a write waits for the indexes.
        faults: named points that tests arm.
        rules: relations are read from the texts.
        inference: makes, with the writer, what makes facts of messages; None: messages are kept as they are.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        models: Models,
        feeds: Sequence[IndexFeed],
        listeners: Sequence[Listener] = (),
        gate: Gate,
        batch_operations: int,
        apply_deadline_s: float,
        faults: FaultPoints,
        rules: bool = True,
        inference: Callable[[LedgerWriter], Inference] | None = None,
    ) -> None:
        self._ledger = ledger
        self._planner = Planner(models, rules=rules, infers=inference is not None)
        self._gate = gate
        self._faults = faults
        self._lanes = Lanes()
        self._running: dict[str, Run] = {}
        self._tasks = TaskSet()
        self._writer = LedgerWriter(ledger, (*feeds, *listeners), batch_operations=batch_operations)
        self.inference = None if inference is None else inference(self._writer)
        indexes = IndexWaits(ledger, feeds, apply_deadline_s=apply_deadline_s)
        self._callers = Callers(writer=self._writer, indexes=indexes, gate=gate, faults=faults)
        self.stats = WriteStats()

    @property
    def ownership(self) -> Ownership:
        """What `start` got.

        Raises:
            Unavailable: not started yet, or somebody else owns the shard now.
        """
        return self._writer.ownership

    @property
    def fenced(self) -> bool:
        """Whether somebody else owns the shard now."""
        return self._writer.fenced

    @property
    def queued(self) -> int:
        """Commands that wait for the ledger."""
        return len(self._writer)

    def is_running(self, operation_id: str) -> bool:
        """Whether the operation is being prepared or committed here, not waiting for its turn or for a model."""
        run = self._running.get(operation_id)
        return run is not None and run.busy

    async def start(self) -> Ownership:
        """Take the shard over, and put what is unfinished back into its lanes before anything new."""
        ownership = await self._ledger.open()
        for operation in await self._ledger.unfinished():
            # Nobody waits for these, and they were admitted once: new ones have to leave them room.
            load = write_load(operation.request)
            self._gate.count(load)
            self._begin(operation, load, accepted=True, priority=Priority.BULK)
        self._writer.own(ownership)
        if self.inference is not None:
            self.inference.start()
        return ownership

    async def close(self) -> None:
        """Stop; what is accepted and not finished is finished after the next start."""
        if self.inference is not None:
            await self.inference.close()
        await self._tasks.close()
        await self._writer.close()

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
            wait: False: answer as soon as it is durable, without waiting for any index.
            deadline_s: then the caller gets the operation as it stands, and it goes on by itself if it is accepted.
            missing: the memory that it names isn't there, so that it can only be a repetition or fail.
            priority: with which the models are asked, if its caller waits for it.

        A caller that is cancelled takes it along, as long as nothing of it is on its way to the ledger.

        Raises:
            Overloaded: there is no room; nothing was accepted.
            Unavailable: it isn't known whether it was accepted; the details name the operation. With `rolled_back` in
                them it is known: nothing was.
            RemoraError: what the operation failed with.
        """
        _ = self.ownership
        run = self._running.get(operation.id)
        if run is None:
            priority = priority if wait else Priority.BULK
            run = self._admit(operation, missing=missing, waited=priority is Priority.ADD, priority=priority)
        return await self._callers.heard(run, wait=wait, deadline_s=deadline_s)

    async def retry(self, operation: Operation, *, wait: bool, deadline_s: float) -> Json:
        """Carry a FAILED operation out again, as if it were sent now; any other is answered as it is.

        Args:
            operation: as the ledger has just told it.
            wait: False: answer as soon as it is durable that it is open again.
            deadline_s: as in `submit`.

        Raises:
            Overloaded: there is no room; it stays FAILED.
            Purged: what it was about has been erased.
            RemoraError: as `submit`.
        """
        _ = self.ownership
        if operation.state is not OperationState.FAILED:
            return write_answer(operation)
        if is_blanked(operation):
            raise Purged("the content of this operation has been erased for good", {"operation_id": operation.id})
        run = self._running.get(operation.id)
        if run is None or run.done.done():
            load = write_load(operation.request)
            self._gate.enter(load, waited=wait)
            run = self._begin(operation, load, accepted=False, again=True, waited=wait)
        return await self._callers.heard(run, wait=wait, deadline_s=deadline_s)

    async def forget(self, project: str, keys: Sequence[str]) -> None:
        """Blank the claims of idempotency keys; see `Forget`."""
        _ = self.ownership
        written = await self._writer.submit(Forget(project, tuple(keys)))
        if written.error is not None:
            raise written.error

    def _admit(self, operation: Operation, *, missing: bool, waited: bool, priority: Priority) -> Run:
        load = write_load(operation.request)
        self._gate.enter(load, waited=waited)
        return self._begin(operation, load, accepted=False, missing=missing, waited=waited, priority=priority)

    def _begin(
        self,
        operation: Operation,
        load: Load,
        *,
        accepted: bool,
        again: bool = False,
        missing: bool = False,
        waited: bool = False,
        priority: Priority = Priority.ADD,
    ) -> Run:
        """Set out with an operation that the gate has counted in; `again`: it has failed before."""
        run = Run(operation, priority)
        turn = self._lanes.enter(f"missing:{operation.id}" if missing else operation.lane)
        self._running[operation.id] = run
        if accepted:
            run.accept(operation)
            work = self._finish(run, turn)
        elif again:
            work = self._open_and_finish(run, turn)
        elif missing or (turn.free and not needs_model(operation)):
            work = self._at_once(run)
        else:
            work = self._accept_and_finish(run, turn)
        began_s = time.monotonic()

        def over(task: asyncio.Task[None]) -> None:
            self.stats.took_ms.record((time.monotonic() - began_s) * 1000)
            turn.leave()
            if self._running.get(operation.id) is run:
                del self._running[operation.id]
            self._gate.leave(load, waited=waited, done=not task.cancelled() and task.exception() is None)

        run.task = self._tasks.start(self._supervise(run, work), name=f"operation {operation.id}")
        run.task.add_done_callback(over)
        return run

    async def _supervise(self, run: Run, work: Any) -> None:
        """Whatever ends the work, whoever waits hears of it."""
        try:
            await work
        except asyncio.CancelledError:
            run.fail(Unavailable("the runtime is stopping", {"operation_id": run.operation.id}))
            raise
        except Exception as error:  # whatever it is, and it goes on to the task's owner
            run.fail(error)
            raise

    async def _at_once(self, run: Run) -> None:
        """Acceptance and commit in one transaction."""
        await self._faults.reach(WritePoint.BEFORE_ACCEPT)
        plan = await self._plan(run, missing=True)
        await self._faults.reach(WritePoint.AFTER_PREPARE)
        run.sent = self._writer.put(AcceptAndCommit(run.operation, plan))
        written = await run.sent
        await self._faults.reach(WritePoint.AFTER_COMMIT)
        await self._take_over(run, written)

    async def _accept_and_finish(self, run: Run, turn: Turn) -> None:
        await self._faults.reach(WritePoint.BEFORE_ACCEPT)
        preparing = self._tasks.start(self._prepared(run), name=f"prepare {run.operation.id}")
        try:
            run.sent = self._writer.put(Accept(run.operation))
            written = await run.sent
            if await self._take_over(run, written):
                await self._finish(run, turn, preparing)
        finally:
            preparing.cancel()

    async def _open_and_finish(self, run: Run, turn: Turn) -> None:
        """One that failed, from where it was accepted."""
        await self._faults.reach(WritePoint.BEFORE_ACCEPT)
        run.sent = self._writer.put(Retry(run.operation.project, run.operation.id))
        written = await run.sent
        if await self._take_over(run, written):
            await self._faults.reach(WritePoint.AFTER_ACCEPT)
            await self._finish(run, turn)

    async def _take_over(self, run: Run, written: Written) -> bool:
        """What the ledger said of a new operation; True: it is accepted, open, and ours to finish."""
        if written.error is not None:
            raise written.error
        known = written.operation
        if known is None:
            raise InvariantViolated("the ledger lost an operation while accepting it")
        self.stats.accepted += written.fresh
        if is_final(known):
            run.finish(known)
            return False
        run.accept(known)
        if known.state is OperationState.RUNNING:
            await self._await_facts(run, known)
            return False
        if known.id == run.operation.id:
            run.operation = known
            return True
        twin = self._running.get(known.id)
        if twin is None:
            raise Unavailable("the first request with this key is being recovered", {"operation_id": known.id})
        run.finish(await asyncio.shield(twin.done))
        return False

    async def _await_facts(self, run: Run, known: Operation) -> None:
        """Its messages are memories already; whoever waits hears when their facts are there."""
        run.operation = known
        if self.inference is None:
            run.finish(known)
        else:
            self.inference.notice()
            await self.inference.look(run)

    async def _finish(self, run: Run, turn: Turn, preparing: asyncio.Task[Plan] | None = None) -> None:
        """Prepare, wait for the turn to commit, commit."""
        try:
            if preparing is not None:
                await self._faults.reach(WritePoint.AFTER_ACCEPT)
            plan = await (preparing if preparing is not None else self._prepared(run))
            await self._faults.reach(WritePoint.AFTER_PREPARE)
            command: Commit | Fail = Commit(run.operation.id, plan)
        except RemoraError as error:
            command = Fail(run.operation.id, error_object(error))
        except Exception as error:  # noqa: BLE001 - a bug: left open, it would be overtaken, and met at every start
            _log.exception("operation %s can't be prepared", run.operation.id)
            told = InvariantViolated(f"the operation can't be prepared: {type(error).__name__}")
            command = Fail(run.operation.id, error_object(told))
        run.busy = turn.free
        if self.inference is not None:
            self.inference.expect(run)
        async with turn:
            run.busy = True
            # A place in the queue behind those of the same lane is all the order it needs: one transaction takes many.
            sent = self._writer.put(command)
        written = await self._written_or_failed(command.operation_id, sent)
        await self._faults.reach(WritePoint.AFTER_COMMIT)
        if written.operation is None:
            raise written.error or InvariantViolated("the ledger lost an accepted operation")
        if written.operation.state is OperationState.RUNNING:
            run.accept(written.operation)
            await self._await_facts(run, written.operation)
            return
        self.stats.finished += 1
        run.finish(written.operation)

    async def _written_or_failed(self, operation_id: str, sent: asyncio.Future[Written]) -> Written:
        """An accepted operation never stays open because of what is in it."""
        try:
            return await sent
        except PASSING:
            raise
        except RemoraError as error:
            return await self._writer.submit(Fail(operation_id, error_object(error)))

    async def _prepared(self, run: Run) -> Plan:
        """The plan; while a model is away it is waited for, whatever is wrong with the request itself ends it."""
        pauses = Pauses()
        while True:
            try:
                plan = await self._plan(run)
            except PASSING:
                run.busy = False
                await pauses.wait()
            else:
                run.busy = True
                return plan

    async def _plan(self, run: Run, *, missing: bool = False) -> Plan:
        return await self._planner.plan(run.operation, self.ownership.secret, run.priority, missing=missing)

    def status(self) -> Json:
        """What is under way."""
        return {
            "operations": self._gate.pending,
            "bytes": self._gate.pending_bytes,
            "lanes": len(self._lanes),
            "queued": self.queued,
            "accepted": self.stats.accepted,
            "finished": self.stats.finished,
            "degraded": self._callers.degraded,
            "transactions": self._writer.transactions,
            "took_ms": self.stats.took_ms.figures(),
        }

    def queue(self) -> Json:
        """Figures of the queue in front of the ledger."""
        return self._writer.figures()

    def gate(self) -> Json:
        """What is admitted."""
        return self._gate.figures()
