"""Those who wait until something has come to a position. No clock, no I/O."""

from __future__ import annotations

import asyncio
import heapq
import itertools


class PositionWaiters:
    """Waits for positions, in any order; each is over when `release` reaches it."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    async def until(self, position: int) -> None:
        """Wait for a `release` up to at least this position."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (position, next(self._order), waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            self._waiting = [waiting for waiting in self._waiting if waiting[2] is not waiter]
            heapq.heapify(self._waiting)
            raise

    def release(self, position: int) -> None:
        """Everybody up to this position goes on."""
        while self._waiting and self._waiting[0][0] <= position:
            waiter = heapq.heappop(self._waiting)[2]
            if not waiter.done():
                waiter.set_result(None)

    def close(self) -> None:
        """Nobody waits any more."""
        for _, _, waiter in self._waiting:
            waiter.cancel()
        self._waiting.clear()
