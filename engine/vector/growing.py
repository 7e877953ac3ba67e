"""A numpy array of rows that grows at its end."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

_LEAST_GROWTH = 16

S = TypeVar("S", bound=np.generic)


class Growing(Generic[S]):
    """Rows of one type; `width` 0: each a single number. It grows by half, so rows are copied seldom."""

    def __init__(self, of: type[S], width: int = 0) -> None:
        self._array: npt.NDArray[S] = np.zeros((0, width) if width else 0, of)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def rows(self) -> npt.NDArray[S]:
        """All rows, as they are now: what is put there is kept until the next growth."""
        return self._array[: self._count]

    @property
    def nbytes(self) -> int:
        return self._array.nbytes

    def reserve(self, more: int) -> None:
        """Room for so many more rows."""
        if (short := self._count + more - len(self._array)) > 0:
            room = np.zeros((max(short, self._count // 2, _LEAST_GROWTH), *self._array.shape[1:]), self._array.dtype)
            self._array = np.concatenate([self._array, room])

    def append(self, row: object) -> None:
        """One more row."""
        if self._count == len(self._array):
            self.reserve(1)
        self._array[self._count] = row  # type: ignore[assignment]  # any number or row that numpy takes
        self._count += 1

    def keep(self, kept: npt.NDArray[np.int64]) -> None:
        """Only these rows, in this order, and no spare room."""
        self._array = self.rows[kept]
        self._count = len(kept)

    def replace(self, rows: npt.NDArray[S]) -> None:
        """These rows instead."""
        self._array, self._count = rows, len(rows)
