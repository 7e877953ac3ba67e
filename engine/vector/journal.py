"""What comes in while a copy of an index is filled, and what of it the copy needs in the end. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from engine.types import EventKind, MemoryVersion
from engine.vector.block import Row
from engine.vector.changes import earliest, last_of_each

MOST_ROWS = 20_000


class Journal:
    """The changes that the index in use takes in from the moment when the copy is begun.

    With them the copy, once all live versions are loaded, is where the index in use is, and nothing has to be sent
    again. When they are too many they are let go of, and the copy is only where the ledger was at the beginning.
    """

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._whole = True
        self._purges: list[int] = []
        self._loaded: dict[str, int] = {}
        self._written = 0
        self._until = 0

    def note(self, rows: Iterable[Row], until: int) -> None:
        """Changes that the index in use has taken in, in order; with them it has all up to `until`."""
        self._until = max(self._until, until)
        for row in rows:
            if row.change.kind is EventKind.PURGE:
                self._purges.append(row.change.position)
            if self._whole:
                self._rows.append(row)
        if len(self._rows) > MOST_ROWS:
            self._whole = False
            self._rows.clear()

    def loaded(self, versions: Iterable[MemoryVersion], position: int) -> None:
        """Versions that went into the copy; those from after `position` are remembered, to be `ahead`."""
        self._loaded.update((one.memory_id, one.live_from) for one in versions if one.live_from > position)

    def take(self, position: int) -> list[Row]:
        """What is still to be written into a copy of the ledger at `position`: per memory its last change."""
        rows = [row for row in self._rows[self._written :] if row.change.position > position]
        self._written = len(self._rows)
        return last_of_each(rows)

    def reached(self, position: int) -> int:
        """Where a copy of the ledger at `position` is, once everything is written into it.

        Not where the index in use is, if nothing came: that may have belonged to another ledger.
        """
        return max(position, self._until) if self._whole else position

    def unerased(self, position: int) -> int:
        """The first purge of what may have been loaded before it: see `Applied.unerased`."""
        return earliest(*(one for one in self._purges if one > position))

    def ahead(self, position: int) -> dict[str, int]:
        """The loaded versions from after `position`: older changes of these memories come too late."""
        return {memory_id: one for memory_id, one in self._loaded.items() if one > position}
