"""What the lasting store needs of a table of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from engine.ports import VectorHit, VectorQuery
from engine.types import FloatArray, MemoryVersion
from engine.vector.block import Row
from engine.vector.mark import Mark


class Table(Protocol):
    """Where the rows last. Blocking, and only ever called from one thread at a time.

    `keeps_erased`: what is deleted stays in its files until they are replaced as a whole.
    """

    mark: Mark
    keeps_erased: bool

    def write(self, rows: Sequence[Row]) -> None: ...

    def flush(self, position: int, unerased: int) -> None: ...

    def search(self, queries: Sequence[VectorQuery]) -> list[tuple[VectorHit, ...]]: ...

    def ids(self, after: str, most: int) -> list[str]: ...

    def read(self, ids: Sequence[str]) -> list[tuple[MemoryVersion, FloatArray]]: ...

    def take_over(self, old: Any, position: int, unerased: int) -> None:
        """Durably take the place of another table of the same kind. `Any`: Protocols don't know their own kind."""
        ...

    def remove(self) -> None:
        """Close it and leave nothing of it."""
        ...

    def close(self) -> None: ...
