"""A stretch of a table's ids, in order, kept while the table is walked: to ask Milvus for a stretch costs a pass."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable

_AHEAD = 10_000


class IdWindow:
    """The ids after `low` up to `high` (None: to the end), exact as long as every write is told.

    `fetch(after, most)` gives the next ids after one, ascending, and none only when there are no more.
    """

    def __init__(self, fetch: Callable[[str, int], list[str]]) -> None:
        self._fetch = fetch
        self.forget()

    def forget(self) -> None:
        """Nothing is known any more."""
        self._ids: list[str] = []
        self._low: str | None = None
        self._high: str | None = ""

    def after(self, after: str, most: int) -> list[str]:
        """The first `most` ids after one."""
        if self._low is None or after < self._low or not self._covers(after):
            self._ids, self._low, self._high = [], after, after
        at = bisect_right(self._ids, after)
        while len(self._ids) - at < most and self._high is not None:
            self._extend(self._high, max(_AHEAD, most))
        found = self._ids[at : at + most]
        self._forget_long_ago(after)
        return found

    def put(self, ids: Iterable[str]) -> None:
        """Rows that were written."""
        for one in ids:
            if self._within(one) and not self._has(one):
                insort(self._ids, one)

    def drop(self, ids: Iterable[str]) -> None:
        """Rows that were deleted."""
        for one in ids:
            if self._within(one) and self._has(one):
                del self._ids[bisect_right(self._ids, one) - 1]

    def _extend(self, after: str, most: int) -> None:
        more = self._fetch(after, most)
        self._ids += more
        self._high = more[-1] if more else None

    def _forget_long_ago(self, after: str) -> None:
        """Keeps one stretch behind, for second looks."""
        if (behind := bisect_right(self._ids, after) - _AHEAD) > 0:
            self._low = self._ids[behind - 1]
            del self._ids[:behind]

    def _covers(self, one: str) -> bool:
        return self._high is None or one <= self._high

    def _within(self, one: str) -> bool:
        return self._low is not None and one > self._low and self._covers(one)

    def _has(self, one: str) -> bool:
        at = bisect_right(self._ids, one)
        return at > 0 and self._ids[at - 1] == one
