"""What a language says times with. Parts of patterns are regular expressions over folded text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Shift: TypeAlias = tuple[int, str]
"""How many units after the day of the text, and which: yesterday is (-1, day)."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language; names of months and weekdays and its fixed phrases come from `calendar_names` besides.

    Attributes:
        day_first: 3/5/2023 is the third of May.
        before: words in front of a unit, weekday, month or season, with their direction: -1 last, 0 this, 1 next.
        after: such words behind it.
        units: words of units, to `day`, `weekend`, `week`, `month` or `year`.
        seasons: their words, to 0 (spring) to 3 (winter).
        numbers: words that count; `few` ones as the number that is meant most often.
        phrases: fixed expressions, to what they mean; None: looks like a time and is none ("guten Morgen").
        distances: templates with {n} and {unit}, with their direction.
        lasting: templates of a stretch up to now ("the last {n} {unit}").
        ordinals: templates of a day of the month alone ("on the {day}th").
        month_leads, year_leads: what makes a bare month or number a time ("in").
        links: what may stand between day, month and year ("of").
        decades: templates with {decade}.
        future: words that say that what follows is to come.
        vague: words that tell a time without a date.
        asks: what asks when.
    """

    code: str
    day_first: bool = True
    before: Mapping[str, int] = field(default_factory=dict)
    after: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    seasons: Mapping[str, int] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    phrases: Mapping[str, Shift | None] = field(default_factory=dict)
    distances: tuple[tuple[str, int], ...] = ()
    lasting: tuple[str, ...] = ()
    ordinals: tuple[str, ...] = ()
    month_leads: str = ""
    year_leads: str = ""
    links: str = ""
    decades: tuple[str, ...] = ()
    future: str = ""
    vague: str = ""
    asks: str = ""
