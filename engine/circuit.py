"""A part that does not answer is left alone, and asked again in the background until it does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import ClassVar, TypeVar

from engine.concurrency import TaskSet
from engine.errors import DeadlineExceeded, RemoraError, Unavailable

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Circuit:
    """Stands in front of calls to one part. A call that takes longer than the deadline opens it: from then on calls are
    refused at once. What was asked is asked again in the background, one call at a time, until it is answered.

    So a part that hangs costs its callers one deadline, not one for each call. One that fails at once costs them
    nothing, and is asked each time.

    Args:
        name: of the part, for the error.
        tasks: who owns the asking in the background.
        deadline_s: how long a call may take.
    """

    first_pause_s: ClassVar[float] = 0.05
    longest_pause_s: ClassVar[float] = 1.0

    def __init__(self, name: str, tasks: TaskSet, *, deadline_s: float) -> None:
        self._name = name
        self._tasks = tasks
        self._deadline_s = deadline_s
        self.is_open = False

    def check(self) -> None:
        """Raises Unavailable while the part is left alone."""
        if self.is_open:
            raise Unavailable(f"the {self._name} does not answer", {"part": self._name, "retry_after_s": 1})

    async def call(self, ask: Callable[[], Awaitable[_T]], again: Callable[[], Awaitable[object]] | None = None) -> _T:
        """What `ask` answers. `again`: what is asked in the background, when that may be less.

        Raises:
            Unavailable: it did not answer in time, or is left alone.
        """
        self.check()
        limit = asyncio.timeout(self._deadline_s)
        try:
            async with limit:
                return await ask()
        except TimeoutError as error:
            if not limit.expired():
                raise
            self._open(again or ask)
            raise Unavailable(f"the {self._name} did not answer in time", {"part": self._name}) from error

    def _open(self, ask: Callable[[], Awaitable[object]]) -> None:
        if not self.is_open:
            self.is_open = True
            _log.warning("the %s does not answer: it is left alone until it does", self._name)
            self._tasks.start(self._ask_until_answered(ask), name=f"asking the {self._name} again")

    async def _ask_until_answered(self, ask: Callable[[], Awaitable[object]]) -> None:
        pause_s = self.first_pause_s
        while True:
            await asyncio.sleep(pause_s)
            pause_s = min(self.longest_pause_s, pause_s * 2)
            if await self._answers(ask):
                break
        self.is_open = False
        _log.info("the %s answers again", self._name)

    async def _answers(self, ask: Callable[[], Awaitable[object]]) -> bool:
        try:
            async with asyncio.timeout(self._deadline_s):
                await ask()
        except (Unavailable, DeadlineExceeded, TimeoutError):
            return False
        except RemoraError as error:
            # Whatever it says of this question, somebody is there.
            _log.info("the %s says: %s", self._name, error)
        except Exception:  # noqa: BLE001 - a bug; if nobody asked any more, the part would be left alone for good
            _log.exception("asking the %s again failed", self._name)
        return True
