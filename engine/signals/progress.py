"""What the background has done so far, and at which rate."""

from __future__ import annotations

from collections import deque

_WINDOW_S = 60.0


class Progress:
    """Counted since the start. `failures`: steps that failed in a row."""

    def __init__(self) -> None:
        self.memories = 0
        self.calls = 0
        self.failures = 0
        self._lately: deque[tuple[float, int]] = deque()

    def note(self, memories: int, now_s: float) -> None:
        """One call to the models made the signals of so many memories."""
        self.memories += memories
        self.calls += 1
        self._lately.append((now_s, memories))
        self._forget(now_s)

    def rate(self, now_s: float) -> float:
        """Memories a second, over the last minute or since the first call in it."""
        self._forget(now_s)
        if not self._lately:
            return 0.0
        spent_s = max(1.0, now_s - self._lately[0][0])
        return round(sum(memories for _, memories in self._lately) / spent_s, 1)

    def _forget(self, now_s: float) -> None:
        while self._lately and self._lately[0][0] < now_s - _WINDOW_S:
            self._lately.popleft()
