"""How fast work gets done, measured only while there is some."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

_PART_S = 1.0
_PARTS = 30
_FORGOTTEN_S = 60.0
_ENOUGH_S = 1.0


class Pace:
    """Work per second of the latest half a minute in which there was work.

    A standstill slows it down; after a minute without anything done nothing is known any more.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._busy_s = 0.0
        self._since_s: float | None = None
        self._parts: deque[tuple[float, int]] = deque(maxlen=_PARTS)
        """When each part of the busy time began, and what was done in it."""

    def begin(self) -> None:
        """There is work from now on."""
        self._since_s = self._clock()

    def end(self) -> None:
        """There is none any more."""
        self._busy_s, self._since_s = self._now_s(), None

    def note(self, work: int) -> None:
        """So much is done."""
        now_s = self._now_s()
        if self._parts and now_s - self._parts[-1][0] < _PART_S:
            began_s, before = self._parts[-1]
            self._parts[-1] = (began_s, before + work)
        else:
            self._parts.append((now_s, work))

    @property
    def per_s(self) -> float | None:
        """The pace; None: too little is known."""
        now_s = self._now_s()
        while self._parts and now_s - self._parts[0][0] > _FORGOTTEN_S:
            self._parts.popleft()
        if not self._parts or now_s - self._parts[0][0] < _ENOUGH_S:
            return None
        return sum(work for _, work in self._parts) / (now_s - self._parts[0][0])

    def _now_s(self) -> float:
        """Seconds with work so far."""
        return self._busy_s + (0.0 if self._since_s is None else self._clock() - self._since_s)
