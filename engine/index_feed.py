"""Feeding an index: pushes the ledger's changes to it in order, and catches it up after it has lost some.

One feed per index. Writers `offer` what they have just committed and await `reached`; whoever gets an answer from the
index reports what it carries to `observe`.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from engine.concurrency import TaskSet
from engine.errors import Conflict, InvariantViolated, RemoraError
from engine.index_delay import IndexDelay
from engine.types import Applied, ChangeBatch, Json

_log = logging.getLogger(__name__)

_KEPT_BATCHES = 256
_PULLED_CHANGES = 1000
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0


class Index(Protocol):
    """What a feed needs of an index."""

    async def status(self) -> Applied: ...

    async def apply(self, batch: ChangeBatch) -> Applied: ...


class IndexFeed:
    """Keeps one index at the ledger's position.

    Args:
        name: of the index, for `degraded`.
        index: where changes go.
        pull: the ledger's `changes(after, limit)`.
        check_s: an idle index is asked for its position this often, so that one that was restarted catches up unasked.
    """

    def __init__(
        self, name: str, index: Index, pull: Callable[[int, int], Awaitable[ChangeBatch]], *, check_s: float = 5.0
    ) -> None:
        self.name = name
        self._index = index
        self._pull = pull
        self._check_s = check_s
        self._recent: deque[ChangeBatch] = deque(maxlen=_KEPT_BATCHES)
        self._target = 0
        self._offered = 0
        self._began = 0
        self._confirmed = 0
        self._at: Applied | None = None
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._wake = asyncio.Event()
        self._known = asyncio.Event()
        self._tasks = TaskSet()
        self._delay = IndexDelay()
        self.failures = 0

    @property
    def position(self) -> int:
        """Up to where the index is known to be."""
        return 0 if self._at is None else self._at.position

    @property
    def lag(self) -> int:
        """Changes that the index doesn't have yet."""
        return max(0, self._target - self.position)

    @property
    def healthy(self) -> bool:
        """Whether the index has all that it once confirmed, and the last push worked."""
        return self._at is not None and self.position >= self._confirmed and self.failures == 0

    def figures(self) -> Json:
        """Where the index is, and how far behind in changes and seconds; `failures`: pushes that failed in a row."""
        return {
            "position": self.position,
            "lag": self.lag,
            "healthy": self.healthy,
            "failures": self.failures,
            **self._delay.figures(),
        }

    def start(self, position: int) -> None:
        """Begin to feed; the ledger is at `position`."""
        self._began = self._target = self._offered = position
        self._wake.set()
        self._tasks.start(self._feed(), name=f"feed of the {self.name} index")

    async def close(self) -> None:
        """Stop feeding."""
        await self._tasks.close()
        for _, _, waiter in self._waiting:
            waiter.cancel()
        self._waiting.clear()

    def offer(self, batch: ChangeBatch) -> None:
        """Changes that were just committed; batches come in the order of the ledger."""
        if batch.until <= self._offered:
            return
        if batch.after != self._offered:
            # An answer of the ledger was lost, and with it what lies between: that has to be pulled.
            self._recent.clear()
        self._recent.append(batch)
        self._offered = self._target = batch.until
        self._delay.committed(batch.until)
        self._wake.set()

    @property
    def confirmed(self) -> int:
        """The highest position that the index has ever said to have."""
        return self._confirmed

    def observe(self, applied: Applied, since: int) -> bool:
        """Take note of what an answer of the index carries; `since` is what was `confirmed` when it was asked.

        False: the index has lost something that it had by then; it is being caught up.
        """
        whole = applied.position >= since
        if not whole and (self._at is None or applied.incarnation != self._at.incarnation):
            self._at = applied
            self._delay.applied(applied.position, self._target)
            self._wake.set()
        return whole

    async def reached(self, position: int) -> None:
        """Wait until the index has everything up to `position`."""
        if self.position >= position:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (position, next(self._order), waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            self._waiting = [waiting for waiting in self._waiting if waiting[2] is not waiter]
            heapq.heapify(self._waiting)
            raise

    async def caught_up(self) -> None:
        """Wait until the index has everything that it had confirmed before it lost it."""
        await self.reached(self._confirmed)

    async def _feed(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._step()
            except Exception as error:  # noqa: BLE001 - the boundary: a feed that dies would go unnoticed
                self.failures += 1
                _log.log(
                    logging.WARNING if isinstance(error, RemoraError) else logging.ERROR,
                    "the %s index can't be fed: %s: %s",
                    self.name,
                    type(error).__name__,
                    error,
                )
                await asyncio.sleep(pause_s)
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
            else:
                self.failures = 0
                pause_s = _FIRST_PAUSE_S

    async def _step(self) -> None:
        if self._at is None:
            self._first(await self._index.status())
        elif self.position < self._target:
            batch = self._next() or await self._pull(self.position, _PULLED_CHANGES)
            applied = await self._index.apply(batch)
            if self._at == applied:
                raise InvariantViolated(f"it stays at {applied.position} when given {batch.after} to {batch.until}")
            self._note(applied)
        else:
            await self._idle()

    def _first(self, applied: Applied) -> None:
        if applied.position > self._began:
            raise Conflict(
                f"it is at {applied.position}, ahead of the ledger at {self._began}: it belongs to another ledger. "
                "Stop, move the index's files away, and start again: it is rebuilt"
            )
        self._note(applied)

    async def known(self) -> None:
        """Wait until it is certain that the index is one of this ledger."""
        await self._known.wait()

    async def _idle(self) -> None:
        self._wake.clear()
        if self.position < self._target:
            return
        try:
            async with asyncio.timeout(self._check_s):
                await self._wake.wait()
        except TimeoutError:
            self._note(await self._index.status())

    def _next(self) -> ChangeBatch | None:
        """What was offered and the index lacks, as one batch; None: it has lost more than is kept here."""
        while self._recent and self._recent[0].until <= self.position:
            self._recent.popleft()
        if not self._recent or self._recent[0].after > self.position:
            return None
        return ChangeBatch.joined(tuple(self._recent))

    def _note(self, applied: Applied) -> None:
        self._at = applied
        self._delay.applied(applied.position, self._target)
        self._known.set()
        self._confirmed = max(self._confirmed, min(applied.position, self._target))
        while self._waiting and self._waiting[0][0] <= applied.position:
            waiter = heapq.heappop(self._waiting)[2]
            if not waiter.done():
                waiter.set_result(None)
