"""Feeding an index: pushes the ledger's changes to it in order, and catches it up after it has lost some.

One feed per index. Writers `offer` what they have just committed and await `reached`; whoever gets an answer from the
index reports what it carries to `observe`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from engine.concurrency import TaskSet
from engine.errors import InvariantViolated, RemoraError
from engine.index_delay import IndexDelay
from engine.position_waiters import PositionWaiters
from engine.recent_changes import RecentChanges
from engine.types import Applied, ChangeBatch, Json

_log = logging.getLogger(__name__)

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
        clock: monotonic seconds.

    Attributes:
        failures: pushes that failed in a row.
        foreign: the index is ahead of the ledger: it belongs to another one, and is of no use until it is built anew.
        news: set when `foreign` or `unerased` may have changed; whoever looks clears it.
    """

    def __init__(
        self,
        name: str,
        index: Index,
        pull: Callable[[int, int], Awaitable[ChangeBatch]],
        *,
        check_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._index = index
        self._pull = pull
        self._check_s = check_s
        self._clock = clock
        self._recent = RecentChanges()
        self._target = 0
        self._offered = 0
        self._sure = 0
        self._confirmed = 0
        self._at: Applied | None = None
        self._look = True
        self._owes_since_s: float | None = None
        self._reached = PositionWaiters()
        self._erased = PositionWaiters()
        self._pushing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._known = asyncio.Event()
        self._tasks = TaskSet()
        self._delay = IndexDelay()
        self.failures = 0
        self.foreign = False
        self.news = asyncio.Event()

    @property
    def position(self) -> int:
        """Up to where the index is known to be."""
        return 0 if self._at is None else self._at.position

    @property
    def target(self) -> int:
        """Up to where the ledger is known to be."""
        return self._target

    @property
    def unerased(self) -> int:
        """The first purge whose text the index's files may still hold; 0: none."""
        return 0 if self._at is None else self._at.unerased

    @property
    def stalled_s(self) -> float:
        """For how long the index has owed something, or its first answer, without moving; 0.0: it owes nothing."""
        return 0.0 if self._owes_since_s is None else self._clock() - self._owes_since_s

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
            "foreign": self.foreign,
            "unerased": self.unerased,
            **self._delay.figures(),
        }

    def start(self, position: int) -> None:
        """Begin to feed; the ledger is at `position`."""
        self._sure = self._target = self._offered = position
        self._owes_since_s = self._clock()
        self._wake.set()
        self._tasks.start(self._feed(), name=f"feed of the {self.name} index")

    async def close(self) -> None:
        """Stop feeding."""
        await self._tasks.close()
        self._reached.close()
        self._erased.close()

    def offer(self, batch: ChangeBatch) -> None:
        """Changes that were just committed; batches come in the order of the ledger."""
        if batch.until <= self._offered:
            return
        # Where they don't follow, an answer of the ledger was lost, and what lies between has to be pulled.
        self._recent.add(batch, follows=batch.after == self._offered)
        self._offered = self._target = batch.until
        self._sure = max(self._sure, batch.until)
        self._delay.committed(batch.until)
        self._owes()
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
            self._owes()
            self._wake.set()
        return whole

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Nothing is pushed meanwhile: what the ledger says now is not older than anything that was pushed."""
        async with self._pushing:
            yield

    async def reached(self, position: int) -> None:
        """Wait until the index has everything up to `position`."""
        if self.position >= position:
            return
        await self._reached.until(position)

    def is_erased(self, position: int) -> bool:
        """Whether the index has every purge up to `position`, and no file of it holds their text any more."""
        return self._clean_until >= position

    async def erased(self, position: int) -> None:
        """Wait until `is_erased`."""
        if not self.is_erased(position):
            await self._erased.until(position)

    @property
    def _clean_until(self) -> int:
        return min(self.position, self.unerased - 1) if self.unerased else self.position

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
        if self._look:
            async with self._pushing:
                await self._ask()
        elif not self.foreign and self.position < self._target:
            async with self._pushing:
                await self._push()
        else:
            await self._idle()

    async def _ask(self) -> None:
        applied = await self._index.status()
        self._look = False
        if applied.position > self._sure:
            self._disown(applied)
        else:
            self.note(applied)

    async def _push(self) -> None:
        batch = self._recent.after(self.position) or await self._pull(self.position, _PULLED_CHANGES)
        # More may have been pulled than anybody has offered yet.
        self._sure = max(self._sure, batch.until)
        applied = await self._index.apply(batch)
        if self._at == applied:
            raise InvariantViolated(f"it stays at {applied.position} when given {batch.after} to {batch.until}")
        self.note(applied)

    def _disown(self, applied: Applied) -> None:
        """Nothing of it is used: the ledger that it was made of is not this one."""
        if not self.foreign:
            _log.warning(
                "the %s index is at %d, ahead of the ledger at %d: it belongs to another one and has to be built anew",
                self.name,
                applied.position,
                self._sure,
            )
        self.foreign = True
        self._at = None
        self._known.clear()
        self._owes()
        self.news.set()

    @property
    def is_known(self) -> bool:
        """Whether it is certain that the index is one of this ledger."""
        return self._known.is_set()

    async def known(self) -> None:
        """Wait until it is."""
        await self._known.wait()

    async def _idle(self) -> None:
        self._wake.clear()
        if self._look or (not self.foreign and self.position < self._target):
            return
        try:
            async with asyncio.timeout(self._check_s):
                await self._wake.wait()
        except TimeoutError:
            self._look = True

    def _owes(self) -> None:
        if self._owes_since_s is None:
            self._owes_since_s = self._clock()

    def note(self, applied: Applied) -> None:
        """Take the index as this answer says it is. For others only while the feed is `paused`."""
        before, self._at = self._at, applied
        self.foreign = False
        self._known.set()
        self._delay.applied(applied.position, self._target)
        if applied.position >= self._target:
            self._owes_since_s = None
        elif applied != before:
            self._owes_since_s = self._clock()
            self._wake.set()
        self._confirmed = max(self._confirmed, min(applied.position, self._target))
        self._reached.release(applied.position)
        self._erased.release(self._clean_until)
        if before is None or before.unerased != applied.unerased:
            self.news.set()
