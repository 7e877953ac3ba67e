"""Small asyncio parts: deadlines, supervised tasks, ordered lanes. The only place that creates tasks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, ClassVar

_log = logging.getLogger(__name__)


class Pauses:
    """Between tries of the same: each twice as long as the one before it, up to the longest (seconds)."""

    first_s: ClassVar[float] = 0.05
    longest_s: ClassVar[float] = 2.0

    def __init__(self) -> None:
        self._next_s = self.first_s

    async def wait(self) -> None:
        """One pause."""
        await asyncio.sleep(self._next_s)
        self._next_s = min(self.longest_s, self._next_s * 2)


class TaskSet:
    """Background tasks with an owner: named, never garbage collected, their failures logged, all ended by `close`."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run `work` in the background; whoever needs its outcome awaits the task, shielded."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.debug("task %s ended with %r", task.get_name(), error)

    async def settle(self, within_s: float) -> None:
        """Wait until what runs now has ended, but no longer."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=within_s)

    def __len__(self) -> int:
        return len(self._tasks)

    async def close(self) -> None:
        """Cancel what still runs and wait for it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
