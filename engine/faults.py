"""Named fault points, for tests of what happens when a part is slow or dies. Off unless switched on; no decisions."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from enum import StrEnum

from engine.errors import DeadlineExceeded, Forbidden, InvalidInput, Unavailable

LONGEST_PAUSE_S = 120.0
"""What a pause lasts when nobody ends it."""


class WritePoint(StrEnum):
    """The points on the way of a write, in their order."""

    BEFORE_ACCEPT = "before accept"
    AFTER_ACCEPT = "after accept"
    """Durable, and not yet begun. One that is accepted and committed in one transaction doesn't come by here."""
    AFTER_PREPARE = "after prepare"
    AFTER_COMMIT = "after commit"
    BETWEEN_APPLIES = "between vector and graph apply"
    """The vector index has the change, unless it is late; the graph hasn't."""
    BEFORE_ANSWER = "before answer"


class FactPoint(StrEnum):
    """The points on the way from messages to facts, in their order."""

    BEFORE_FACTS = "before facts"
    """They are made and compared with what is known, and not yet committed."""
    AFTER_FACTS = "after facts"


WRITE_POINTS: tuple[str, ...] = tuple(point.value for point in WritePoint)
FACT_POINTS: tuple[str, ...] = tuple(point.value for point in FactPoint)
_POINTS = (*WRITE_POINTS, *FACT_POINTS)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to whoever reaches a point: wait, then die or fail. `times` None: every time until disarmed.

    `pause`: wait until the point is disarmed, and at most `LONGEST_PAUSE_S`.
    """

    delay_s: float = 0.0
    pause: bool = False
    fail: bool = False
    crash: bool = False
    times: int | None = None


@dataclass(slots=True)
class _Armed:
    """A point since it was armed. Its futures may be waited for in one thread and set in another."""

    fault: Fault
    count: int = 0
    first: Future[None] = field(default_factory=Future)
    over: Future[None] = field(default_factory=Future)


class FaultPoints:
    """The armed points of one process. Reaching a point that was never armed costs one look into an empty dict.

    A point is one of `WRITE_POINTS` or `FACT_POINTS`, or a verb of an actor as `<part>.<verb>`.
    """

    def __init__(self, *, enabled: bool = False) -> None:
        self.enabled = enabled
        self._points: dict[str, _Armed] = {}

    def arm(self, point: str, fault: Fault) -> None:
        """Let `fault` happen at `point` from now on; it counts from 0 again.

        Raises:
            Forbidden: faults are switched off in this process.
            InvalidInput: there is no such point.
        """
        if not self.enabled:
            raise Forbidden("faults are switched off; they are for tests only", {"point": point})
        if point not in _POINTS and "." not in point:
            known = ", ".join(_POINTS)
            raise InvalidInput(
                f"there is no fault point {point!r}; there are: {known}, and <part>.<verb>", {"point": point}
            )
        self.disarm(point)
        self._points[point] = _Armed(fault)

    def disarm(self, point: str | None = None) -> None:
        """End one fault, or all of them, and let those go on that wait there. The counts stay."""
        for name in [point] if point is not None else list(self._points):
            armed = self._points.get(name)
            if armed is not None and not armed.over.done():
                armed.over.set_result(None)

    def reached(self, point: str) -> int:
        """How often the fault at the point has happened since it was armed."""
        armed = self._points.get(point)
        return 0 if armed is None else armed.count

    def is_armed(self, point: str) -> bool:
        """Whether something would happen at the point now."""
        armed = self._points.get(point)
        return armed is not None and not armed.over.done() and armed.fault.times != 0

    async def arrival(self, point: str, within_s: float) -> int:
        """Wait until the fault at an armed point happens for the first time; how often it has.

        Raises:
            InvalidInput: the point was never armed.
            DeadlineExceeded: nobody came by in that time.
        """
        armed = self._points.get(point)
        if armed is None:
            raise InvalidInput(f"the fault point {point!r} is not armed", {"point": point})
        try:
            async with asyncio.timeout(within_s):
                await _heard(armed.first)
        except TimeoutError:
            raise DeadlineExceeded(f"nobody came by {point!r} within {within_s} s", {"point": point}) from None
        return armed.count

    async def reach(self, point: str) -> None:
        """Take what is armed here: nothing, a wait, an error, or the end of the process by SIGKILL.

        Raises:
            Unavailable: the fault says that the point fails.
        """
        armed = self._points.get(point)
        if armed is None or not self.is_armed(point):
            return
        fault = armed.fault
        if fault.times is not None:
            armed.fault = replace(fault, times=fault.times - 1)
        armed.count += 1
        if not armed.first.done():
            armed.first.set_result(None)
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        if fault.pause:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_PAUSE_S):
                    await _heard(armed.over)
        if fault.crash:
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.fail:
            raise Unavailable(f"fault at {point}", {"point": point})


async def _heard(signal_: Future[None]) -> None:
    """Wait in this loop for what may be set from another thread; giving up leaves it as it is."""
    await asyncio.shield(asyncio.wrap_future(signal_))


FAULTS = FaultPoints()
"""Those of this process. Whoever starts the process switches them on, if its settings say so."""
