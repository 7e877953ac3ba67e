"""The changes that were committed last, so that an index that follows closely needs nothing of the ledger."""

from __future__ import annotations

from collections import deque

from engine.types import ChangeBatch

_KEPT_BATCHES = 256
_KEPT_BYTES = 32 * 1024 * 1024
_EACH_BYTES = 1024
"""What a change takes beyond its text and its vector, about."""


class RecentChanges:
    """Batches that follow on each other: the latest 256, of so many bytes at most. What isn't kept is in the ledger."""

    def __init__(self, most_bytes: int = _KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._batches: deque[ChangeBatch] = deque()
        self._bytes = 0

    def add(self, batch: ChangeBatch, *, follows: bool) -> None:
        """One more. `follows` False: something lies between it and the one before, and those before are of no use."""
        if not follows:
            self._batches.clear()
            self._bytes = 0
        self._batches.append(batch)
        self._bytes += _size_bytes(batch)
        while len(self._batches) > _KEPT_BATCHES or self._bytes > self._most_bytes:
            self._forget_first()

    def after(self, position: int) -> ChangeBatch | None:
        """All after a position, as one batch; None: more than what is kept. What lies before it is forgotten."""
        while self._batches and self._batches[0].until <= position:
            self._forget_first()
        if not self._batches or self._batches[0].after > position:
            return None
        return ChangeBatch.joined(tuple(self._batches))

    def _forget_first(self) -> None:
        self._bytes -= _size_bytes(self._batches.popleft())


def _size_bytes(batch: ChangeBatch) -> int:
    texts = sum(_EACH_BYTES + 4 * len(change.version.text) for change in batch.changes if change.version is not None)
    return texts + batch.vectors.nbytes
