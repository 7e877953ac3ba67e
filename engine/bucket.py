"""How much may be asked in a minute. Pure: the time is given.

A token bucket (as in RFC 2697's single rate): it holds a minute's worth at most and fills evenly.
"""

from __future__ import annotations

_MINUTE_S = 60.0


class Bucket:
    """What may be spent. One that is asked for more than it ever holds gives all it has once it is full."""

    def __init__(self, per_minute: float | None, now_s: float) -> None:
        """`per_minute` None: as much as is wanted."""
        self._most = per_minute
        self._held = float(per_minute or 0)
        self._at_s = now_s

    def wait_s(self, cost: float, now_s: float) -> float:
        """How long until so much may be spent; 0.0: now."""
        if self._most is None:
            return 0.0
        self._fill(now_s)
        lacking = min(cost, self._most) - self._held
        return max(0.0, lacking * _MINUTE_S / self._most)

    def spend(self, cost: float, now_s: float) -> None:
        """Take so much out; what turned out to cost more than thought is owed."""
        if self._most is not None:
            self._fill(now_s)
            self._held -= cost

    def held(self, now_s: float) -> float:
        """What may be spent at once."""
        self._fill(now_s)
        return self._held

    def full_in_s(self, now_s: float) -> float:
        """How long until it holds all that it can, if nothing is spent."""
        self._fill(now_s)
        return (self._most - self._held) * _MINUTE_S / self._most if self._most else 0.0

    def _fill(self, now_s: float) -> None:
        most = self._most or 0
        self._held = min(most, self._held + max(0.0, now_s - self._at_s) * most / _MINUTE_S)
        self._at_s = max(self._at_s, now_s)
