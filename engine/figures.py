"""Live figures: how times and sizes are distributed, cheap enough to record at every call.

Plain values out, so that a status can carry them anywhere. What is recorded, and under which name, its owner decides.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate

from engine.types import Json

_PARTS = 16
"""Buckets in an octave: a quantile is told at most a sixteenth too high, and never too low."""
_LOWEST = -4
_HIGHEST = 20
_BUCKETS = (_HIGHEST - _LOWEST) * _PARTS
_WINDOW_S = 30.0
_DIGITS = 3

BOUNDS: tuple[float, ...] = tuple(math.ldexp(1.0, power) for power in range(_LOWEST + 1, _HIGHEST + 1))
"""Upper bounds of what `Histogram.figures` counts in `buckets`, each twice the one before: 1/8 to 1,048,576."""


def _bucket(value: float) -> int:
    """Which bucket holds a value; each octave is cut into equal parts, which hold their upper bound.

    The outermost take whatever lies beyond.
    """
    if value <= 0.0:
        return 0
    mantissa, power = math.frexp(value)
    index = (power - 1 - _LOWEST) * _PARTS + math.ceil((mantissa - 0.5) * (2 * _PARTS)) - 1
    return 0 if index < 0 else index if index < _BUCKETS else _BUCKETS - 1


def _upper(index: int) -> float:
    octave, part = divmod(index, _PARTS)
    return math.ldexp(1.0 + (part + 1) / _PARTS, octave + _LOWEST)


class Histogram:
    """A distribution of values above 0: counted since the start, and over the latest 30 to 60 seconds.

    Recording touches one list of fixed size and never fails; figures may be asked for from another thread, and are
    then at most one value behind. A unit is not kept: it belongs into the name that the figures get.

    Args:
        clock: monotonic seconds.
    """

    __slots__ = ("_clock", "_counts", "_most", "_most_before", "_newer", "_older", "_since_s", "_sum")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts = [0] * _BUCKETS
        self._sum = 0.0
        # The counts as they were when the present window began, and the one before it: recent is what came since.
        self._newer = self._older = (tuple(self._counts), 0.0)
        self._most = self._most_before = 0.0
        self._since_s = clock()

    def record(self, value: float) -> None:
        """Count one value."""
        now_s = self._clock()
        if now_s - self._since_s >= _WINDOW_S:
            self._turn(now_s)
        self._counts[_bucket(value)] += 1
        self._sum += value
        self._most = max(self._most, value)

    def _turn(self, now_s: float) -> None:
        """Begin a window; nothing of the ones before counts as recent after a pause of two."""
        present = (tuple(self._counts), self._sum)
        long_ago = now_s - self._since_s >= 2 * _WINDOW_S
        self._older = present if long_ago else self._newer
        self._newer = present
        self._most_before = 0.0 if long_ago else self._most
        self._most = 0.0
        self._since_s = now_s

    def _base(self) -> tuple[tuple[int, ...], float]:
        """The counts that lie too far back to be recent."""
        age_s = self._clock() - self._since_s
        if age_s >= 2 * _WINDOW_S:
            return tuple(self._counts), self._sum
        return self._newer if age_s >= _WINDOW_S else self._older

    def figures(self) -> Json:
        """`{count, sum, buckets}` since the start, `{recent, mean, p50, p95, max}` of the latest 30 to 60 seconds.

        `buckets`: how many values lie at or below each of `BOUNDS` and above the one before; empty ones are left out.
        """
        counts, total = tuple(self._counts), self._sum
        before, total_before = self._base()
        lately = [now - then for now, then in zip(counts, before, strict=True)]
        recent = sum(lately)
        most = max(self._most, self._most_before) if recent else 0.0
        return {
            "count": sum(counts),
            "sum": round(total, _DIGITS),
            "recent": recent,
            "mean": round(max(0.0, total - total_before) / recent, _DIGITS) if recent else 0.0,
            "p50": round(min(quantile(lately, 0.5), most), _DIGITS),
            "p95": round(min(quantile(lately, 0.95), most), _DIGITS),
            "max": round(most, _DIGITS),
            "buckets": _octaves(counts),
        }


def quantile(counts: Sequence[int], share: float) -> float:
    """The value that this share of the counted values doesn't exceed: the upper bound of its bucket, 0 of nothing."""
    up_to = list(accumulate(counts))
    return _upper(bisect_left(up_to, math.ceil(up_to[-1] * share))) if up_to and up_to[-1] else 0.0


def _octaves(counts: Sequence[int]) -> dict[str, int]:
    """Counts by upper bound, the last with all that lies above it."""
    found = {}
    for number, bound in enumerate(BOUNDS):
        if inside := sum(counts[number * _PARTS : (number + 1) * _PARTS]):
            found[f"{bound:.7g}"] = inside
    return found


def ratio(calls: float, requests: float) -> float | None:
    """Calls per request, None before the first."""
    return round(calls / requests, _DIGITS) if requests else None


def calls_per_request(queues: Json, operations: int) -> Json:
    """Calls of each part per request that may need it, of the latest 30 to 60 seconds.

    Below 1, requests share calls. The models serve operations and searches, the ledger operations, indexes searches.
    `queues`: the figures of each part's queue; `operations`: how many came to their end lately.
    """
    searches = queues["vector"]["wait_ms"]["recent"]
    requests = {"embedder": operations + searches, "extractor": operations + searches, "ledger": operations}
    return {name: ratio(one["batch"]["recent"], requests.get(name, searches)) for name, one in queues.items()}
