"""Named fault points, for tests of what happens when a part is slow or dies. Off unless switched on; no decisions."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass, replace

from engine.errors import Forbidden, Unavailable


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to whoever reaches a point: wait, then fail or die. `times` None: every time until disarmed."""

    delay_s: float = 0.0
    fail: bool = False
    crash: bool = False
    times: int | None = None


class FaultPoints:
    """The armed points of one process. Reaching a point that isn't armed costs one look into an empty dict."""

    def __init__(self, *, enabled: bool = False) -> None:
        self.enabled = enabled
        self._armed: dict[str, Fault] = {}

    def arm(self, point: str, fault: Fault) -> None:
        """Let `fault` happen at `point` from now on.

        Raises:
            Forbidden: faults are switched off in this process.
        """
        if not self.enabled:
            raise Forbidden("faults are switched off; they are for tests only", {"point": point})
        self._armed[point] = fault

    def disarm(self, point: str | None = None) -> None:
        """Forget one point, or all of them."""
        if point is None:
            self._armed.clear()
        else:
            self._armed.pop(point, None)

    async def reach(self, point: str) -> None:
        """Take what is armed here: nothing, a wait, an error, or the end of the process by SIGKILL.

        Raises:
            Unavailable: the fault says that the point fails.
        """
        fault = self._armed.get(point)
        if fault is None:
            return
        self._used(point, fault)
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        if fault.crash:
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.fail:
            raise Unavailable(f"fault at {point}", {"point": point})

    def _used(self, point: str, fault: Fault) -> None:
        if fault.times is None:
            return
        if fault.times <= 1:
            self._armed.pop(point, None)
        else:
            self._armed[point] = replace(fault, times=fault.times - 1)


FAULTS = FaultPoints()
"""Those of this process. Whoever starts the process switches them on, if its settings say so."""
