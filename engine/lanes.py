"""Lanes: who comes in first goes in first, per key. Nothing here waits for anything but its turn."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Turn:
    """A place in one lane, or in all. `async with` waits until everything that entered before has left.

    A turn that is given up (`leave`) without having been waited for lets the others pass as well.
    """

    def __init__(self, before: list[asyncio.Future[None]], over: asyncio.Future[None]) -> None:
        self._before = before
        self._over = over

    @property
    def free(self) -> bool:
        """Whether it is this turn now."""
        return all(turn.done() for turn in self._before)

    async def __aenter__(self) -> None:
        for turn in self._before:
            if not turn.done():
                await asyncio.shield(turn)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def leave(self) -> None:
        """Let the next one in, once those before have left too: order holds even for turns given up early."""
        waiting = [turn for turn in self._before if not turn.done()]
        if not waiting:
            if not self._over.done():
                self._over.set_result(None)
            return
        waiting[0].add_done_callback(lambda _: self.leave())


class Lanes:
    """Keyed first-in-first-out turns, and turns that wait for all and that all wait for."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Future[None]] = {}
        self._barrier: asyncio.Future[None] | None = None

    def enter(self, key: str | None) -> Turn:
        """Take the next place in the lane `key`; None: in every lane."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if key is None:
            before = [*self._last.values(), *self._open_barrier()]
            self._last.clear()
            self._barrier = over
            return Turn(before, over)
        before = [self._last[key]] if key in self._last else self._open_barrier()
        self._last[key] = over
        over.add_done_callback(lambda _: self._forget(key, over))
        return Turn(before, over)

    def _open_barrier(self) -> list[asyncio.Future[None]]:
        return [] if self._barrier is None or self._barrier.done() else [self._barrier]

    def _forget(self, key: str, over: asyncio.Future[None]) -> None:
        if self._last.get(key) is over:
            del self._last[key]

    def __len__(self) -> int:
        """Lanes in use."""
        return len(self._last)
