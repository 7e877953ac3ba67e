"""The changes that were committed last, so that an index that follows closely needs nothing of the ledger."""

from __future__ import annotations

from collections import deque

from engine.types import ChangeBatch

_KEPT_BATCHES = 256


class RecentChanges:
    """Batches that follow on each other, the latest 256."""

    def __init__(self) -> None:
        self._batches: deque[ChangeBatch] = deque(maxlen=_KEPT_BATCHES)

    def add(self, batch: ChangeBatch, *, follows: bool) -> None:
        """One more. `follows` False: something lies between it and the one before, and those before are of no use."""
        if not follows:
            self._batches.clear()
        self._batches.append(batch)

    def after(self, position: int) -> ChangeBatch | None:
        """All after a position, as one batch; None: more than what is kept. What lies before it is forgotten."""
        while self._batches and self._batches[0].until <= position:
            self._batches.popleft()
        if not self._batches or self._batches[0].after > position:
            return None
        return ChangeBatch.joined(tuple(self._batches))
