"""What a question asks of time: which times it names, and whether it asks when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from engine.pickling import by_fields
from engine.temporal.anchored import first_day
from engine.temporal.chinese import ASKS as CHINESE_ASKS
from engine.temporal.mention import day_of, finder, fold
from engine.temporal.range import Grain, TimeRange
from engine.temporal.rule import Found, Hold
from engine.temporal.stretches import earlier
from engine.temporal.vocabulary import vocabulary

MOST_ASKED = 32
"""Ranges of one question: each is compared with every memory."""
_YEARS_BACK = 10


@by_fields
@dataclass(frozen=True, slots=True)
class TimeQuestion:
    """`ranges`: the times that the question names; `when`: its answer is a time."""

    ranges: tuple[TimeRange, ...] = ()
    when: bool = False


NO_TIMES = TimeQuestion()


def asked(query: str, at_us: int, language: str = "english") -> TimeQuestion:
    """What `query`, asked at `at_us`, asks of time; languages as in `mentioned`.

    "Last week" counts from a day that the question names, if it names one ("as she said on 6 November 2023"). A month
    or day without a year may be that of any year: all are asked for, back to ten years ago.
    """
    look = finder(language)
    found = look.found(query, day_of(at_us))
    named = [one.range for one in found if one.hold is Hold.FIXED and one.range and one.range.grain is Grain.DAY]
    if named:
        found = look.found(query, first_day(named[0]))
    ranges = [each for one in found if one.range for each in (one.range, *_other_years(one, alone=not named))]
    return TimeQuestion(tuple(dict.fromkeys(ranges))[:MOST_ASKED], asks_when(query, language))


def _other_years(one: Found, *, alone: bool) -> Iterator[TimeRange]:
    if one.range is None or one.hold is not Hold.YEARLY or not alone:
        return
    for back in range(1, _YEARS_BACK + 1):
        try:
            yield earlier(one.range, back)
        except (ValueError, OverflowError):
            return


def asks_when(query: str, language: str = "english") -> bool:
    """Whether it asks for a time or a length of time: "when", "which year", "how long ago".

    A "when" that only joins two sentences ("what did she say when …") doesn't count.
    """
    return _asks(language).search(fold(query)) is not None


@lru_cache(maxsize=32)
def _asks(language: str) -> re.Pattern[str]:
    words = vocabulary(language).words("asks")
    return re.compile(f"{words}|{CHINESE_ASKS}" if words else CHINESE_ASKS)
