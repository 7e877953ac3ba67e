"""How much of the models the background may take: all of it while nobody else wants them, a small part otherwise."""

from __future__ import annotations

_BUSY_S = 0.5
"""The models count as wanted for so long after others used them last."""


class Pace:
    """Rests between calls.

    Args:
        share: of the time that calls may take while others use the models, in (0, 1].
    """

    def __init__(self, share: float) -> None:
        self._resting = (1 - share) / share
        self._seen = 0
        self._wanted_until_s = 0.0

    def look(self, used: int, now_s: float) -> bool:
        """Whether others want the models now. `used`: how much others have asked of them so far."""
        if used != self._seen:
            self._seen, self._wanted_until_s = used, now_s + _BUSY_S
        return now_s < self._wanted_until_s

    def rest_s(self, took_s: float) -> float:
        """How long to rest after a call that took so long, if others want the models all that time."""
        return took_s * self._resting
