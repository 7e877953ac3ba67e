"""Comparisons with times: a bare date stands for its whole day."""

from __future__ import annotations

import re
from typing import Any, Final

from engine.filters.conditions import list_of
from engine.filters.refusals import no_time, unsupported
from engine.filters.tree import And, Compare, Filter, Not, Op, Or
from engine.times import iso, parse_time

TIME_NAMES: Final = {"created_at": "created_at", "updated_at": "updated_at", "timestamp": "created_at"}
_COMPARISONS: Final = (Op.EQ, Op.NE, Op.GT, Op.GTE, Op.LT, Op.LTE)
_DAY_US: Final = 86_400_000_000
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def by_time(key: str, op: Op, value: Any) -> Filter:
    """A condition on a time, in microseconds."""
    name = TIME_NAMES[key]
    if op is Op.IN:
        return Or(tuple(by_time(key, Op.EQ, one) for one in list_of(key, value)))
    if op not in _COMPARISONS:
        raise unsupported(key, op)
    start, is_day = _moment(key, value)
    return _day(name, op, start) if is_day else Compare(name, op, start)


def _day(name: str, op: Op, start: int) -> Filter:
    """`name op day`, said in microseconds."""
    from_start, before_end = Compare(name, Op.GTE, start), Compare(name, Op.LT, start + _DAY_US)
    match op:
        case Op.GT:
            return Compare(name, Op.GTE, start + _DAY_US)
        case Op.GTE:
            return from_start
        case Op.LT:
            return Compare(name, Op.LT, start)
        case Op.LTE:
            return before_end
        case Op.NE:
            return Not(And((from_start, before_end)))
        case _:
            return And((from_start, before_end))


def by_expiry(key: str, op: Op, value: Any) -> Filter:
    """A condition on the day of expiry."""
    if op is Op.IN:
        return Compare(key, op, tuple(_expiry_day(key, one) for one in list_of(key, value)))
    if op not in _COMPARISONS:
        raise unsupported(key, op)
    return Compare(key, op, _expiry_day(key, value))


def _expiry_day(key: str, value: Any) -> str:
    start, _ = _moment(key, value)
    try:
        return iso(start)[: len("YYYY-MM-DD")]
    except OverflowError:  # the offset moves it out of the years 1 to 9999
        raise no_time(key) from None


def _moment(key: str, raw: Any) -> tuple[int, bool]:
    """Microseconds since the epoch, and whether a whole day from there on is meant."""
    if isinstance(raw, str) and not _DATE.match(raw):
        raise no_time(key)
    return parse_time(raw, key), isinstance(raw, str) and _DATE.fullmatch(raw) is not None
