"""The search of the ledger for memories that lack signals: when it is due, and how far it has come. No tasks."""

from __future__ import annotations

from collections.abc import Sequence

_PAGE = 1000
_RESTING = 20
_LEAST_REST_S = 0.1
"""Each search looks at all memories: before the next it rests so many times as long as it took."""
_ROOM = 5000
"""The next page is read when fewer memories than this wait."""


class Search:
    """Pages through the memories that lack signals, by id.

    Attributes:
        page: memories asked for at once.
        wanted: something may lack signals that isn't named.
        since_s: since when it is wanted.
        after: the id behind which the next page begins.
        left: memories that lack signals and haven't been told yet.
    """

    page = _PAGE

    def __init__(self) -> None:
        self.wanted = False
        self.since_s: float | None = None
        self.after = ""
        self.left = 0
        self._again = False
        self._took_s = 0.0
        self._not_before_s = 0.0

    def want(self, now_s: float) -> None:
        """Something may lack signals from now on."""
        if self.wanted and self.after:
            self._again = True  # it may lie before the page that is next
        elif not self.wanted:
            self.wanted, self.since_s = True, now_s

    def is_due(self, now_s: float, named: int) -> bool:
        """Whether the next page should be read; `named`: memories that wait to be computed."""
        return self.wanted and named < _ROOM and now_s >= self._not_before_s

    def wait_s(self, now_s: float, named: int) -> float | None:
        """How long until a page is due; None: there is none, or others come first."""
        return max(0.0, self._not_before_s - now_s) if self.wanted and named < _ROOM else None

    def found(self, memory_ids: Sequence[str], total: int | None, now_s: float, took_s: float) -> None:
        """What a page said, and how long the ledger took for it."""
        self._took_s += took_s
        self.left = max(0, (self.left if total is None else total) - len(memory_ids))
        if len(memory_ids) == self.page:
            self.after = memory_ids[-1]
            return
        self.after, self.left = "", 0
        self.wanted, self._again = self._again, False
        self.since_s = now_s if self.wanted else None
        self._not_before_s = now_s + max(_LEAST_REST_S, _RESTING * self._took_s)
        self._took_s = 0.0
