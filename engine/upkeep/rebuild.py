"""Building one index anew from the ledger, beside the one in use, while reads and writes go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TypeVar

from engine.concurrency import TaskSet
from engine.errors import Conflict, DeadlineExceeded, Overloaded, RemoraError, Unavailable
from engine.ledger_port import Ledger
from engine.types import Json
from engine.upkeep.subject import Subject

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_PAGE = 1000
_BEGINNINGS = 5
"""The copy is gone when its actor is: so often it is begun again."""
_PATIENCE_S = 5.0
_TRIES = 120
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
_PASSING = (Unavailable, DeadlineExceeded, Overloaded)


class RebuildState(StrEnum):
    """How far the latest rebuild is."""

    NONE = "NONE"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


@dataclass(slots=True)
class Progress:
    """Of the latest rebuild, in memories. `reason`: why it was begun. `error`: why it failed, or waits at present."""

    state: RebuildState = RebuildState.NONE
    done: int = 0
    total: int = 0
    error: str | None = None
    reason: str | None = None

    def figures(self) -> Json:
        """As callers see it."""
        return {"state": self.state.value, "done": self.done, "total": self.total, "error": self.error}


class Rebuild:
    """Builds an index anew. One at a time: whoever asks while one runs joins it.

    The feed pushes what was committed meanwhile, as after any loss: everything after the position at which the first
    page was read. What of it is in the copy already is ignored there, by id and position.

    Args:
        ledger: the truth.
        subject: the index.
        tasks: who owns the work.
        patience_s: how long the index in use may take to come as far as the copy.
    """

    def __init__(self, ledger: Ledger, subject: Subject, tasks: TaskSet, *, patience_s: float = _PATIENCE_S) -> None:
        self._ledger = ledger
        self._subject = subject
        self._tasks = tasks
        self._patience_s = patience_s
        self._task: asyncio.Task[None] | None = None
        self.progress = Progress()

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._task is not None and not self._task.done()

    def start(self, reason: str) -> None:
        """Begin, unless one is under way."""
        if not self.running:
            self.progress = Progress(RebuildState.RUNNING, reason=reason)
            self._task = self._tasks.start(self._run(), name=f"rebuild of the {self._subject.name} index")

    async def finished(self) -> RebuildState:
        """Wait for the end of the one that is under way; how the latest ended."""
        if self._task is not None:
            await asyncio.shield(self._task)
        return self.progress.state

    async def _run(self) -> None:
        progress, name = self.progress, self._subject.name
        _log.info("the %s index is built anew: %s", name, progress.reason)
        try:
            await self._until_done()
        except asyncio.CancelledError:
            progress.state = RebuildState.NONE
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: nobody waits, and the state has to say it
            progress.state = RebuildState.FAILED
            progress.error = f"{type(error).__name__}: {error}" if not isinstance(error, RemoraError) else str(error)
            _log.warning("the %s index could not be built anew: %s", name, error, exc_info=not _is_ours(error))
        else:
            progress.state, progress.error = RebuildState.DONE, None
            _log.info("the %s index is built anew from %d memories", name, progress.done)

    async def _until_done(self) -> None:
        for left in reversed(range(_BEGINNINGS)):
            try:
                await self._once()
            except Conflict as error:
                if not left:
                    raise
                self.progress.error = str(error)
                await asyncio.sleep(_FIRST_PAUSE_S)
            else:
                return

    async def _once(self) -> None:
        index, feed, progress = self._subject.index, self._subject.feed, self.progress
        position = feed.target
        progress.done, progress.total = 0, (await self._tried(self._ledger.status)).get("memories", 0)
        await self._tried(index.begin_rebuild)
        after, newest = "", position
        while (rows := await self._tried(partial(self._ledger.live, after, _PAGE))).versions:
            await self._tried(partial(index.load, rows))
            progress.done += len(rows.versions)
            after, newest = rows.versions[-1].memory_id, rows.position
        await self._come(newest)
        # An answer to the feed that was given by the old one must not come after the new one has begun.
        async with feed.paused():
            try:
                feed.note(await index.finish_rebuild(position))
            except _PASSING as error:
                raise Conflict(f"it isn't known whether the copy is in use now: {error}") from error

    async def _come(self, position: int) -> None:
        """Wait until the index in use has come as far as what was loaded last: nothing in the copy is ahead of it then.

        Not for long: without it the copy is right too, but a memory may be there, gone and there again.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(0 if self._subject.feed.foreign else self._patience_s):
                await self._subject.feed.reached(position)

    async def _tried(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """What it answers; a part that is away is waited for. Every step may be taken twice."""
        pause_s = _FIRST_PAUSE_S
        for _ in range(_TRIES - 1):
            try:
                answer = await call()
            except _PASSING as error:
                self.progress.error = str(error)
                await asyncio.sleep(pause_s)
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
            else:
                self.progress.error = None
                return answer
        return await call()


def _is_ours(error: Exception) -> bool:
    return isinstance(error, RemoraError)
