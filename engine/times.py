"""Times as users write them, to and from integer microseconds UTC. Pure: no clock."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta

from engine.errors import InvalidInput

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def to_us(moment: datetime) -> int:
    """Microseconds since the epoch; a time without an offset counts as UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def iso(at_us: int) -> str:
    """ISO 8601 with offset, to the microsecond."""
    return (_EPOCH + timedelta(microseconds=at_us)).isoformat(timespec="microseconds")


def day_of(at_us: int) -> str:
    """The day in UTC, `YYYY-MM-DD`: an expiration date before it is over."""
    return (_EPOCH + timedelta(microseconds=at_us)).date().isoformat()


def _printable(at_us: int) -> int:
    """The same, if it can be shown in UTC: near the ends of the calendar an offset may lead beyond them."""
    iso(at_us)
    return at_us


def parse_time(raw: object, field: str) -> int:
    """Unix seconds, a date or an ISO 8601 time, as microseconds UTC.

    Raises:
        InvalidInput: it is none of them, or outside the years 1 to 9999.
    """
    try:
        match raw:
            case bool():
                pass
            case int() | float() if math.isfinite(raw):
                return _printable(to_us(_EPOCH + timedelta(seconds=raw)))
            case str():
                return _printable(to_us(datetime.fromisoformat(raw.strip())))
    except (ValueError, OverflowError):
        pass
    raise InvalidInput(f"{field} should be unix seconds or an ISO 8601 time", {"field": field})


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def parse_moment(raw: object, field: str) -> int:
    """When something was said: as `parse_time`, but a time of day has to say its offset.

    Without one it could be half a day off, and nobody would notice. A date alone is the start of that day in UTC.

    Raises:
        InvalidInput: it is none, or it lacks the offset.
    """
    at_us = parse_time(raw, field)
    if isinstance(raw, str) and not _is_day(text := raw.strip()) and datetime.fromisoformat(text).tzinfo is None:
        raise InvalidInput(
            f"{field} should say its offset from UTC, as 2026-05-01T09:30:00+02:00 or 2026-05-01T09:30:00Z",
            {"field": field},
        )
    return at_us


def parse_date(raw: object, field: str) -> str:
    """A calendar date `YYYY-MM-DD`, as it is.

    Raises:
        InvalidInput: it isn't one.
    """
    if isinstance(raw, str) and _DATE.fullmatch(raw):
        try:
            return date.fromisoformat(raw).isoformat()
        except ValueError:
            pass
    raise InvalidInput(f"{field} should be a date YYYY-MM-DD", {"field": field})
