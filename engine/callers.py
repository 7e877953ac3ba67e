"""Those who wait for a write: what each is answered, when, and what becomes of a write that nobody waits for."""

from __future__ import annotations

import asyncio

from engine.answers import write_answer
from engine.errors import Purged, Unavailable
from engine.faults import FaultPoints, WritePoint
from engine.gate import Gate
from engine.index_waits import IndexWaits
from engine.ledger_port import Operation, OperationKind
from engine.ledger_writer import LedgerWriter
from engine.operations import is_blanked, stored_error
from engine.run import Run
from engine.types import Json, OperationState


class Callers:
    """Answers the callers of runs.

    Args:
        writer: gives back what it has not begun to write.
        indexes: that a caller waits for.
        gate: says when to come again.
        faults: named points that tests arm.

    Attributes:
        degraded: answers so far to those who waited that name an index, or the ledger, as behind.
    """

    def __init__(self, *, writer: LedgerWriter, indexes: IndexWaits, gate: Gate, faults: FaultPoints) -> None:
        self._writer = writer
        self._indexes = indexes
        self._gate = gate
        self._faults = faults
        self.degraded = 0

    async def heard(self, run: Run, *, wait: bool, deadline_s: float) -> Json:
        """What a caller is answered; when the last of them leaves early, the run may end."""
        run.callers += 1
        try:
            return await self._answer(run, wait=wait, deadline_s=deadline_s)
        finally:
            run.callers -= 1
            self._given_up(run)

    async def _answer(self, run: Run, *, wait: bool, deadline_s: float) -> Json:
        owing = ["ledger"] if run.operation.kind is OperationKind.PURGE else []
        try:
            async with asyncio.timeout(deadline_s):
                known = _good(await asyncio.shield(run.done if wait else run.accepted))
                owes = known.kind is OperationKind.PURGE and await self._indexes.ledger_owes(known)
                owing = ["ledger"] if owes else []
                if wait:
                    await self._indexes.wait(known)
                await self._faults.reach(WritePoint.BEFORE_ANSWER)
        except TimeoutError:
            if not run.accepted.done():
                raise self._unaccepted(run) from None
            if not run.done.done():
                return write_answer(run.operation if run.operation.result else run.accepted.result())
            known = _good(run.done.result())
        degraded = owing + self._indexes.behind(known)
        self.degraded += wait and bool(degraded)
        return write_answer(known, degraded)

    def _unaccepted(self, run: Run) -> Unavailable:
        """What the last of its callers is told whose time is up before the operation is accepted."""
        run.callers -= 1
        taken_back = self._given_up(run)
        run.callers += 1
        if taken_back:
            details: Json = {"retry_after_s": self._gate.retry_s(), "rolled_back": True}
            return Unavailable("the request could not be accepted in time, and was not", details)
        details = {"operation_id": run.operation.id, "retry_after_s": self._gate.retry_s()}
        return Unavailable("not known yet whether the request was accepted", details)

    def _given_up(self, run: Run) -> bool:
        """End what nobody waits for and the ledger has not been given; whether it was that."""
        if run.callers or run.accepted.done():
            return False
        if run.sent is not None:
            return self._writer.take_back(run.sent)
        return run.task is not None and run.task.cancel()


def _good(known: Operation) -> Operation:
    """The operation, unless there is something wrong with it that its caller has to hear.

    Raises:
        RemoraError: what it failed with.
        Purged: what it was about has been erased.
    """
    if is_blanked(known):
        raise Purged("what this request was about has been purged", {"operation_id": known.id})
    if known.state is OperationState.FAILED:
        raise stored_error(known)
    return known
