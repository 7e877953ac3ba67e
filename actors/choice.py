"""Which of several equal actors to ask. Pure: the time is an argument."""

from __future__ import annotations

from collections.abc import Sequence


def by_load(busy: Sequence[float], down_until_s: Sequence[float], now_s: float, first: int = 0) -> list[int]:
    """The numbers of all, the best to ask first: those not known to be down, then the least busy.

    `busy`: the work that each has outstanding. `first`: who comes first among equals; the others follow in a circle.
    """
    count = len(busy)
    return sorted(range(count), key=lambda one: (down_until_s[one] > now_s, busy[one], (one - first) % count))
