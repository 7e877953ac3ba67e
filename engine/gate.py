"""Admission: how much work may be under way, and when a refused caller should come back."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.errors import Overloaded
from engine.types import Json

_REMEMBERED = 64
_LONGEST_RETRY_S = 60


def retry_after_s(pending: int, finished_s: deque[float]) -> int:
    """Whole seconds until about half of what is pending is done, at the rate of the latest completions; 1 to 60."""
    if not finished_s or finished_s[-1] <= finished_s[0]:
        return 1
    rate = (len(finished_s) - 1) / (finished_s[-1] - finished_s[0])
    return max(1, min(_LONGEST_RETRY_S, math.ceil(pending / 2 / rate)))


class Gate:
    """Counts items and bytes under way.

    Args:
        name: what is refused, for the message.
        most: items at once.
        most_bytes: bytes at once; a single item may be as large as that.
        clock: monotonic seconds.
    """

    def __init__(self, name: str, most: int, most_bytes: int, clock: Callable[[], float]) -> None:
        self._name = name
        self._most = most
        self._most_bytes = most_bytes
        self._clock = clock
        self._finished_s: deque[float] = deque(maxlen=_REMEMBERED)
        self.pending = 0
        self.pending_bytes = 0
        self.refused = 0

    def enter(self, size_bytes: int = 0) -> None:
        """Count one more in.

        Raises:
            Overloaded: there is no room; `retry_after_s` says when there may be.
        """
        if self.pending >= self._most or (self.pending and self.pending_bytes + size_bytes > self._most_bytes):
            self.refused += 1
            wait_s = retry_after_s(self.pending, self._finished_s)
            raise Overloaded(f"too many {self._name} under way ({self.pending})", {"retry_after_s": wait_s})
        self.pending += 1
        self.pending_bytes += size_bytes

    def leave(self, size_bytes: int = 0) -> None:
        """Count one out."""
        self.pending -= 1
        self.pending_bytes -= size_bytes
        self._finished_s.append(self._clock())

    @contextmanager
    def admit(self, size_bytes: int = 0) -> Iterator[None]:
        """`enter` and `leave` around some work."""
        self.enter(size_bytes)
        try:
            yield
        finally:
            self.leave(size_bytes)

    def figures(self) -> Json:
        """What is under way, what may be, and how many were refused since the start."""
        return {
            "pending": self.pending,
            "most": self._most,
            "bytes": self.pending_bytes,
            "most_bytes": self._most_bytes,
            "refused": self.refused,
        }
