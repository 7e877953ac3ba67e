"""A stretch of time that an expression means. Finding expressions is the business of `mention`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from engine.pickling import by_fields

DAY_US = 86_400_000_000


class Grain(IntEnum):
    """How exactly an expression says when."""

    DAY = 1
    WEEK = 2
    MONTH = 3
    SEASON = 4
    YEAR = 5
    DECADE = 6


@by_fields
@dataclass(frozen=True, slots=True)
class TimeRange:
    """Half open, `from_us <= t < until_us`, in microseconds since the epoch, UTC.

    `grain` is that of the expression: the weekend has two days and the grain of a day.
    """

    from_us: int
    until_us: int
    grain: Grain
