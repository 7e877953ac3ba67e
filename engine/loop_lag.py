"""How late an event loop is: what every request of the process waits, again and again, before it goes on."""

from __future__ import annotations

import asyncio
import time

from engine.concurrency import TaskSet
from engine.figures import Histogram
from engine.types import Json

_PERIOD_S = 0.1


class LoopLag:
    """Asks to be woken ten times a second and records by how many milliseconds it was late."""

    def __init__(self) -> None:
        self._late_ms = Histogram()
        self._due_s: float | None = None
        self._tasks = TaskSet()

    def watch(self) -> None:
        """Begin with the running loop, if it isn't watched yet; cheap to call again."""
        if not len(self._tasks):
            self._tasks.start(self._sample(), name="loop lag")

    async def _sample(self) -> None:
        while True:
            # Not the loop's own clock, which may stand still while a callback runs.
            due_s = self._due_s = time.monotonic() + _PERIOD_S
            await asyncio.sleep(_PERIOD_S)
            self._late_ms.record((time.monotonic() - due_s) * 1000)

    def figures(self) -> Json:
        """As `Histogram.figures`, in milliseconds, and `now`: by how much the next sample is late already.

        Asked from another thread, that tells of a loop that hangs.
        """
        late_s = 0.0 if self._due_s is None else max(0.0, time.monotonic() - self._due_s)
        return {**self._late_ms.figures(), "now": round(late_s * 1000, 1)}

    async def close(self) -> None:
        """Watch no more."""
        self._due_s = None
        await self._tasks.close()
