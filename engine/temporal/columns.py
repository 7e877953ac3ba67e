"""The times of many memories as arrays, for scorers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.temporal.told import Told
from engine.types import FloatArray

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TimeColumns:
    """n memories that tell m ranges.

    Attributes:
        said_at_us: int64 (n,).
        strength: float32 (n,), how much each tells of time; NaN: nobody has looked yet.
        row: int64 (m,), whose range it is, ascending.
        from_us: int64 (m,).
        until_us: int64 (m,).
    """

    said_at_us: IntArray
    strength: FloatArray
    row: IntArray
    from_us: IntArray
    until_us: IntArray

    @classmethod
    def of(cls, said_at_us: Sequence[int], told: Sequence[Told | None]) -> TimeColumns:
        """Those of memories in order; None: nobody has looked yet."""
        ranges = [(at, one) for at, times in enumerate(told) if times for one in times.ranges]
        return cls(
            np.asarray(said_at_us, np.int64).reshape(-1),
            np.array([np.nan if times is None else times.strength for times in told], np.float32),
            np.array([at for at, _ in ranges], np.int64),
            np.array([one.from_us for _, one in ranges], np.int64),
            np.array([one.until_us for _, one in ranges], np.int64),
        )

    def __len__(self) -> int:
        return len(self.said_at_us)

    def take(self, rows: npt.NDArray[np.integer]) -> TimeColumns:
        """The memories at `rows`, each at most once, in that order."""
        place = np.full(len(self), -1, np.int64)
        place[rows] = np.arange(len(rows))
        kept = np.flatnonzero(place[self.row] >= 0)
        kept = kept[np.argsort(place[self.row[kept]], kind="stable")]
        return TimeColumns(
            self.said_at_us[rows], self.strength[rows], place[self.row[kept]], self.from_us[kept], self.until_us[kept]
        )
