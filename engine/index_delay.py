"""How far an index is behind the ledger in time: since when the oldest change that it lacks is committed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from engine.figures import Histogram
from engine.types import Json

_MOST = 1024


class IndexDelay:
    """Remembers when positions were committed until the index has them.

    Beyond a thousand commits that wait, the newest are remembered as one: it then tells a little too much for those.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._behind: deque[tuple[int, float]] = deque()
        self._late_ms = Histogram(clock)

    def committed(self, position: int) -> None:
        """The ledger is at `position` now."""
        since_s = self._behind.pop()[1] if len(self._behind) >= _MOST else self._clock()
        self._behind.append((position, since_s))

    def applied(self, position: int, target: int) -> None:
        """The index has everything up to `position` now, of `target`. It may have lost what it had: late since now."""
        now_s = self._clock()
        while self._behind and self._behind[0][0] <= position:
            self._late_ms.record((now_s - self._behind.popleft()[1]) * 1000)
        if position < target and not self._behind:
            self._behind.append((target, now_s))

    def figures(self) -> Json:
        """`lag_s`: age of the oldest commit that the index lacks; `late_ms`: how much later it had each one."""
        lag_s = self._clock() - self._behind[0][1] if self._behind else 0.0
        return {"lag_s": round(lag_s, 3), "late_ms": self._late_ms.figures()}
