"""Calendar stretches around a day: its week, the last Friday before it, the next summer. Pure arithmetic on dates.

Weeks start on Monday (ISO 8601). Seasons are those of the northern half of the earth in whole months; a winter has the
year in which it starts. Raises ValueError or OverflowError outside the years 1 to 9999.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias

from engine.temporal.range import DAY_US, Grain, TimeRange
from engine.times import to_us

Unit: TypeAlias = str
"""day, weekend, week, month, year"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS_A_YEAR = 12
_SATURDAY = 5
_SPRING = 3
_MONTHS_A_SEASON = 3
_YEARS_A_DECADE = 10


def days(first: date, count: int, grain: Grain = Grain.DAY) -> TimeRange:
    """`count` whole days from `first` on."""
    return between(first, first + timedelta(days=count), grain)


def between(first: date, end: date, grain: Grain) -> TimeRange:
    """From the start of `first` until the start of `end`."""
    return TimeRange(_start_us(first), _start_us(end), grain)


def _start_us(day: date) -> int:
    return to_us(datetime.combine(day, time(), UTC))


def week(day: date) -> TimeRange:
    """The week that holds the day."""
    return days(day - timedelta(days=day.weekday()), 7, Grain.WEEK)


def weekend(day: date) -> TimeRange:
    """Saturday and Sunday of the day's week."""
    return days(day + timedelta(days=_SATURDAY - day.weekday()), 2)


def month(year: int, number: int) -> TimeRange:
    """A calendar month; `number` may lie outside 1 to 12 and then counts on."""
    return between(_month_start(year, number), _month_start(year, number + 1), Grain.MONTH)


def _month_start(year: int, number: int) -> date:
    more, zero_based = divmod(number - 1, _MONTHS_A_YEAR)
    return date(year + more, zero_based + 1, 1)


def season(year: int, number: int) -> TimeRange:
    """0: spring, from March; 3: winter, from December into the next year."""
    start = _SPRING + number * _MONTHS_A_SEASON
    return between(_month_start(year, start), _month_start(year, start + _MONTHS_A_SEASON), Grain.SEASON)


def year(number: int) -> TimeRange:
    """A calendar year."""
    return between(date(number, 1, 1), date(number + 1, 1, 1), Grain.YEAR)


def decade(first: int) -> TimeRange:
    """Ten years from `first` on."""
    return between(date(first, 1, 1), date(first + _YEARS_A_DECADE, 1, 1), Grain.DECADE)


def shifted(day: date, count: int, unit: Unit) -> TimeRange:
    """The calendar unit that is `count` units after the one of `day` (negative: before): last week is (-1, week)."""
    match unit:
        case "day":
            return days(day + timedelta(days=count), 1)
        case "weekend":
            return weekend(day + timedelta(days=7 * count))
        case "week":
            return week(day + timedelta(days=7 * count))
        case "month":
            return month(day.year, day.month + count)
        case _:
            return year(day.year + count)


def distant(day: date, count: int, unit: Unit) -> TimeRange:
    """What people mean by "three weeks ago": the week around that day, not a calendar week; months and years as are."""
    if unit == "week":
        return days(day + timedelta(days=7 * count - 3), 7, Grain.WEEK)
    return shifted(day, count, unit)


def up_to(day: date, count: int, unit: Unit) -> TimeRange:
    """The last `count` units up to and with `day`."""
    length = {"day": 1, "weekend": 7, "week": 7, "month": 30, "year": 365}[unit] * count
    grain = {"day": Grain.DAY, "weekend": Grain.WEEK, "week": Grain.WEEK, "month": Grain.MONTH, "year": Grain.YEAR}[
        unit
    ]
    return between(day - timedelta(days=length), day + timedelta(days=1), grain)


def later(one: TimeRange, more: int) -> TimeRange:
    """The same stretch `more` days later."""
    return TimeRange(one.from_us + more * DAY_US, one.until_us + more * DAY_US, one.grain)


def earlier(one: TimeRange, years: int) -> TimeRange:
    """The same part of an earlier year, of a day or month; that of 29 February is 28 February."""
    first, end = (_EPOCH + timedelta(microseconds=at) for at in (one.from_us, one.until_us))
    return between(_years_before(first.date(), years), _years_before(end.date(), years), one.grain)


def _years_before(day: date, years: int) -> date:
    leap = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - years, day=28 if leap else day.day)


def weekday(day: date, number: int, direction: int) -> TimeRange:
    """Monday is 0. Direction -1: the last one before `day`; 1: the next one after it; 0: the one of its week."""
    ahead = number - day.weekday()
    match direction:
        case 0:
            return days(day + timedelta(days=ahead), 1)
        case -1:
            return days(day - timedelta(days=(-ahead - 1) % 7 + 1), 1)
        case _:
            return days(day + timedelta(days=(ahead - 1) % 7 + 1), 1)


def yearly(day: date, of_year: Callable[[int], TimeRange], direction: int | None) -> TimeRange:
    """Something that comes once a year: the last that was over before `day` (-1), the next that starts after it (1),
    the one that holds `day`, else that of its year (0), or the nearest (None; when two are as near, the earlier)."""
    at = days(day, 1)
    each = [of_year(day.year + more) for more in (-2, -1, 0, 1, 2) if day.year + more >= 1]
    match direction:
        case 0:
            return next((one for one in each if one.from_us <= at.from_us < one.until_us), of_year(day.year))
        case -1:
            return max((one for one in each if one.until_us <= at.from_us), key=lambda one: one.from_us)
        case 1:
            return min((one for one in each if one.from_us >= at.until_us), key=lambda one: one.from_us)
        case _:
            return min(each, key=lambda one: (gap_us(one, at), one.from_us))


def gap_us(one: TimeRange, other: TimeRange) -> int:
    """How far two ranges lie apart; 0 if they meet."""
    return max(one.from_us - other.until_us, other.from_us - one.until_us, 0)
