"""Calls that end with the connection that carries them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from remora.errors import Unavailable


class UnderWay:
    """The calls of one connection, on one event loop. `closed`: what a call is told that is ended from outside."""

    def __init__(self, closed: str) -> None:
        self._closed = closed
        self._limits: set[asyncio.Timeout] = set()

    @asynccontextmanager
    async def call(self, timeout_s: float | None = None) -> AsyncIterator[asyncio.Timeout]:
        """Inside, a call is under way. Its limit tells whether a TimeoutError is its own.

        Raises:
            Unavailable: `end` was called meanwhile.
        """
        limit = asyncio.timeout(timeout_s)
        try:
            async with limit:
                self._limits.add(limit)
                yield limit
        except TimeoutError as error:
            if not limit.expired() or limit in self._limits:
                raise
            raise Unavailable(self._closed) from error
        finally:
            self._limits.discard(limit)

    def end(self) -> None:
        """End all that are under way, at the loop's next turn."""
        limits, self._limits = self._limits, set()
        for limit in limits:
            if not limit.expired():
                limit.reschedule(0)
