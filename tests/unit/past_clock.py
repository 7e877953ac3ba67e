"""A clock that tests of the past set forward."""

from __future__ import annotations

DAY_US = 24 * 3600 * 1_000_000
_NOON = 1_777_636_800_000_000
"""2026-05-01T12:00:00Z."""


class PastClock:
    """Goes on by a microsecond a look, from noon on the first of May 2026."""

    def __init__(self, now_us: int = _NOON) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        self.now_us += 1
        return self.now_us

    def next_day(self) -> int:
        """Go on by a day; the time before that."""
        before = self()
        self.now_us += DAY_US
        return before
