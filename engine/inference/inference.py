"""Carries inference out: whose facts are to come is in the ledger, so nothing is lost and nothing has to be queued.

So many adds are worked on at once, the oldest first, and those of one lane take effect in their order. While the model
is away they are tried again, with pauses; adds and searches go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakSet

from engine.concurrency import Pauses, TaskSet
from engine.config import Policy
from engine.errors import PASSING, Conflict, RemoraError, StaleEpoch
from engine.facts.made import SoFar
from engine.faults import FactPoint, FaultPoints
from engine.figures import Histogram
from engine.inference.draft import Draft
from engine.inference.drafting import Drafter
from engine.inference.planning import all_added, plan_facts, plan_nothing
from engine.inference.reconciling import Reconciler
from engine.lanes import Lanes, Turn
from engine.ledger_port import Commit, Deferred, Ledger, Operation, Plan
from engine.ledger_writer import LedgerWriter
from engine.run import Run
from engine.types import Json, OperationState
from engine.values import is_number

T = TypeVar("T")

_log = logging.getLogger(__name__)

_AHEAD = 2
"""So many adds are begun for each that the model takes: some wait for their turn in a lane."""
_TRIES = 3
"""How often facts are compared with what is known before they are kept beside it."""


_READINGS = 10
"""How often messages are tried that the model has no answer to; then they stay what they are, marked."""
_LONGEST_TOLD_S = 60.0
"""The model may come back sooner than it says."""


class _Pauses(Pauses):
    """Between tries while the model is away."""

    first_s = 0.2
    longest_s = 10.0

    async def told(self, error: RemoraError) -> None:
        """One pause, and no shorter than the model asks for."""
        asked: Any = error.details.get("retry_after_s")
        if is_number(asked):
            await asyncio.sleep(min(float(asked), _LONGEST_TOLD_S))
        await self.wait()


class _ReadingPauses(Pauses):
    """Between tries while the model answers, and its answers are none: some minutes in all."""

    first_s = 1.0
    longest_s = 60.0


@dataclass(slots=True)
class InferenceStats:
    """Counted since the start; `took_ms`: from the first question to the commit, with all pauses."""

    finished: int = 0
    facts: int = 0
    unread: int = 0
    postponed: int = 0
    took_ms: Histogram = field(default_factory=Histogram)


class Inference:
    """Makes facts of the adds that are open for them. One per shard, with its owner's writer.

    Args:
        ledger: knows which these are.
        writer: commits.
        drafter: asks for facts.
        reconciler: asks what becomes of them.
        policy: how the facts of an add are kept consistent.
        adds: worked on at once.
        faults: named points that tests arm.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        writer: LedgerWriter,
        drafter: Drafter,
        reconciler: Reconciler,
        policy: Callable[[Operation], Awaitable[Policy]],
        adds: int,
        faults: FaultPoints,
    ) -> None:
        self._ledger = ledger
        self._writer = writer
        self._drafter = drafter
        self._reconciler = reconciler
        self._policy = policy
        self._room = _AHEAD * adds
        self._faults = faults
        self._lanes = Lanes()
        self._under_way: set[str] = set()
        self._waiting: WeakSet[Run] = WeakSet()
        self._news = asyncio.Event()
        self._tasks = TaskSet()
        self._position = 0
        self.away: str | None = None
        self.stats = InferenceStats()

    def start(self) -> None:
        """Begin with those that were left open."""
        self._tasks.start(self._pump(), name="inference")

    async def close(self) -> None:
        """Stop; what is open goes on after the next start."""
        await self._tasks.close()

    def notice(self) -> None:
        """There may be another add that is open for its facts."""
        self._news.set()

    def expect(self, run: Run) -> None:
        """Whoever waits for the run hears when its facts are there, or that they come later. Call before its commit."""
        self._waiting.add(run)

    async def look(self, run: Run) -> None:
        """The same for a run whose operation was open before: it may have ended since."""
        self.expect(run)
        found = await self._ledger.operation(run.operation.project, run.operation.id)
        if found is not None and found.state is not OperationState.RUNNING:
            run.finish(found)
        elif self.away is not None:
            run.finish(run.operation)

    async def _pump(self) -> None:
        while True:
            self._news.clear()
            if len(self._under_way) < self._room:
                await self._begin_more()
            await self._news.wait()

    async def _begin_more(self) -> None:
        """The oldest that nobody works on yet. Those that are worked on are open, so they come first."""
        found = await self._patiently(lambda: self._ledger.deferred(0, self._room))
        for one in found:
            if one.id not in self._under_way and len(self._under_way) < self._room:
                self._begin(one)

    def _begin(self, one: Deferred) -> None:
        turn = self._lanes.enter(one.lane)
        self._under_way.add(one.id)

        def over(_: asyncio.Task[None]) -> None:
            turn.leave()
            self._under_way.discard(one.id)
            self._news.set()

        self._tasks.start(self._carry_out(one, turn), name=f"facts of {one.id}").add_done_callback(over)

    async def _carry_out(self, one: Deferred, turn: Turn) -> None:
        began_s = asyncio.get_running_loop().time()
        operation = await self._patiently(lambda: self._ledger.operation(one.project, one.id))
        if operation is None or operation.state is not OperationState.RUNNING:
            return
        draft = await self._drafted(operation)
        async with turn:
            ended = await self._ended(operation, draft)
        self.stats.finished += 1
        self.stats.took_ms.record((asyncio.get_running_loop().time() - began_s) * 1000)
        for run in [run for run in self._waiting if run.operation.id == one.id]:
            run.finish(ended)

    async def _drafted(self, operation: Operation) -> Draft | None:
        """None: nobody will ever read these messages, whatever is asked."""
        try:
            return await self._best_draft(operation)
        except Exception:  # noqa: BLE001 - a bug: left open, it would be asked for ever
            _log.exception("no facts can be made of operation %s", operation.id)
            return None

    async def _best_draft(self, operation: Operation) -> Draft:
        """What the model reads of the messages; it is asked again, with pauses, for what it doesn't read."""
        secret, pauses, so_far = self._writer.ownership.secret, _ReadingPauses(), SoFar()
        tries = 0
        while True:
            draft = await self._patiently(lambda: self._drafter.draft(operation, secret, so_far), operation)
            tries += 1
            if not draft.may_improve or tries == _READINGS:
                return draft
            self._postpone(operation, f"the model's answers can't be read: {draft.problems[-1]}")
            await pauses.wait()

    async def _ended(self, operation: Operation, draft: Draft | None) -> Operation:
        """The operation once it is over; it never stays open because of what is in it."""
        try:
            return await self._settled(operation, draft)
        except (StaleEpoch, *PASSING):
            await _Pauses().wait()  # it is begun again at once
            raise
        except Exception:  # noqa: BLE001 - the same
            _log.exception("the facts of operation %s can't be kept", operation.id)
            return await self._committed(operation, plan_nothing(operation, "the facts could not be kept"))

    async def _settled(self, operation: Operation, draft: Draft | None) -> Operation:
        """The operation with its facts; what was changed under the comparison is compared again."""
        if draft is None:
            return await self._committed(operation, plan_nothing(operation, "the facts could not be made"))
        policy = await self._patiently(lambda: self._policy(operation))
        for _ in range(_TRIES):
            settled = await self._patiently(
                lambda: self._reconciler.settle(operation, draft, policy, self._position), operation
            )
            try:
                return await self._committed(operation, plan_facts(operation, draft, settled), draft)
            except Conflict:
                continue
        return await self._committed(operation, plan_facts(operation, draft, all_added(draft, later=True)), draft)

    async def _committed(self, operation: Operation, plan: Plan, draft: Draft | None = None) -> Operation:
        """Raises Conflict when a memory that ends has changed since it was looked at."""
        await self._faults.reach(FactPoint.BEFORE_FACTS)
        written = await self._writer.submit(Commit(operation.id, plan))
        await self._faults.reach(FactPoint.AFTER_FACTS)
        if isinstance(written.error, Conflict) or written.operation is None:
            raise written.error or Conflict("the ledger lost an accepted operation")
        self._position = max(self._position, (written.operation.result or {}).get("position") or 0)
        if draft is not None:
            self.stats.facts += len(draft.facts)
            self.stats.unread += len(draft.unread)
        return written.operation

    async def _patiently(self, ask: Callable[[], Awaitable[T]], operation: Operation | None = None) -> T:
        """Until it can be had; whoever waits for the operation doesn't wait for a model that is away."""
        pauses = _Pauses()
        while True:
            try:
                found = await ask()
            except PASSING as error:
                if operation is not None:
                    self._postpone(operation, error.message)
                await pauses.told(error)
            else:
                if operation is not None:
                    self.away = None
                return found

    def _postpone(self, operation: Operation, why: str) -> None:
        """Whoever waits is told that the facts come later."""
        self.away = why
        self.stats.postponed += 1
        for run in [run for run in self._waiting if run.operation.id == operation.id]:
            run.finish(operation)

    def status(self) -> Json:
        """What is under way. `away`: why the language model can't be had, while it can't."""
        return {
            "under_way": len(self._under_way),
            "finished": self.stats.finished,
            "facts": self.stats.facts,
            "unread": self.stats.unread,
            "postponed": self.stats.postponed,
            "away": self.away,
            "took_ms": self.stats.took_ms.figures(),
        }
