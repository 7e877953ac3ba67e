"""A fault point between the two indexes: the graph index as its feed sees it when the point is armed, and when not."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from engine.faults import FaultPoints, WritePoint
from engine.index_feed import Index
from engine.types import Applied, ChangeBatch

_LATE_S = 5.0
"""How long the vector index is waited for; then the point is reached without it."""


class Fed(Protocol):
    """The feed of the index that goes first."""

    async def reached(self, position: int) -> None: ...


class BetweenIndexes:
    """An index in front of which a write can be stopped once another index has it. Both are fed side by side, so the
    other is waited for only while the point is armed."""

    def __init__(self, index: Index, first: Fed, faults: FaultPoints) -> None:
        self._index = index
        self._first = first
        self._faults = faults

    async def status(self) -> Applied:
        """That of the index."""
        return await self._index.status()

    async def apply(self, batch: ChangeBatch) -> Applied:
        """As the index does, after the fault point."""
        if self._faults.is_armed(WritePoint.BETWEEN_APPLIES):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LATE_S):
                    await self._first.reached(batch.until)
        await self._faults.reach(WritePoint.BETWEEN_APPLIES)
        return await self._index.apply(batch)
