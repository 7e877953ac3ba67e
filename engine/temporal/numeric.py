"""Dates in digits, the same in every language but for what comes first: 2023-05-07, 7.5.2023, 5/7/2023."""

from __future__ import annotations

import re
from datetime import date

from engine.temporal import stretches
from engine.temporal.range import TimeRange
from engine.temporal.rule import Hold, Occasion, Rule

_ISO = re.compile(r"(?<![\d./-])(\d{4})([-/.])(\d{1,2})(?:\2(\d{1,2}))?(?![./-]?\d)")
_LOCAL = re.compile(r"(?<![\d./-])(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d\d)(?![./-]?\d)")
_LAST_TWO_DIGIT_YEAR = 68
_SHORT_YEAR = 100
_LAST_MONTH = 12


def full_year(written: str) -> int:
    """The year of four digits or two: 69 to 99 belong to the last century, as in POSIX."""
    number = int(written)
    if number >= _SHORT_YEAR:
        return number
    return number + (2000 if number <= _LAST_TWO_DIGIT_YEAR else 1900)


def numeric_rules(*, day_first: bool) -> tuple[Rule, ...]:
    """`day_first` decides what 5/7/2023 is; with dots the day is always first."""

    def local(match: re.Match[str], _: Occasion) -> TimeRange:
        first, mark, second, written = match.groups()
        if mark == "-" and len(written) < len("2023"):
            raise ValueError(match)
        number, day = (int(second), int(first)) if day_first or mark == "." else (int(first), int(second))
        if number > _LAST_MONTH:
            number, day = day, number
        return stretches.days(date(full_year(written), number, day), 1)

    return (Rule(_ISO, _iso, digits=True, hold=Hold.FIXED), Rule(_LOCAL, local, digits=True, hold=Hold.FIXED))


def _iso(match: re.Match[str], _: Occasion) -> TimeRange:
    year, mark, number, day = match.groups()
    if day is not None:
        return stretches.days(date(int(year), int(number), int(day)), 1)
    if mark != "-" or len(number) != len("05") or not 1 <= int(number) <= _LAST_MONTH:
        raise ValueError(match)
    return stretches.month(int(year), int(number))
