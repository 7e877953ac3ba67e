"""A kind of expression: a pattern, and what a match means on the day when the text was said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum

from engine.temporal.range import TimeRange

_LOOK_BACK = 40
_DENIAL = re.compile(r"n't\b|\bnot\b|\bnever\b|\bfirst\b")
_DIGITS = "0123456789〇一二三四五六七八九十"


@dataclass(frozen=True, slots=True)
class Occasion:
    """A folded text and its day. `original` is the same text with its capitals, of the same length.

    `future`: words that say that what follows is to come.
    """

    text: str
    original: str
    day: date
    future: re.Pattern[str]

    def to_come(self, at: int) -> bool:
        """Whether the words before `at` speak of the future."""
        return bool(self.future.search(self.text, max(at - _LOOK_BACK, 0), at))

    def denied(self, at: int) -> bool:
        """Whether the words before `at` deny: "we haven't talked in two weeks" looks back."""
        return bool(_DENIAL.search(self.text, max(at - _LOOK_BACK, 0), at))


Meaning = Callable[[re.Match[str], Occasion], TimeRange | None]


class Hold(Enum):
    """What an expression holds on to."""

    FIXED = "fixed"
    """It means the same whenever it is said: 7 May 2023."""
    YEARLY = "yearly"
    """It comes every year: 7 May."""
    RELATIVE = "relative"
    """It counts from the day of the text: yesterday."""


@dataclass(frozen=True, slots=True)
class Found:
    """An expression at `start:end` of the text. `range` None: it looks like a time and is none."""

    start: int
    end: int
    range: TimeRange | None
    hold: Hold = Hold.RELATIVE


@dataclass(frozen=True, slots=True)
class Rule:
    """Finds one kind of expression.

    `meaning` raises ArithmeticError, LookupError or ValueError when the match is no time: a 32nd of May, a year 12000.

    Attributes:
        digits: there is none without a digit.
        triggers: there is none without one of these words; empty: no word is needed.
        hold: what it holds on to, unless `year` names the group in which a year may stand.
        lead: the group of a preposition, which isn't part of the expression.
    """

    pattern: re.Pattern[str]
    meaning: Meaning
    digits: bool = False
    triggers: frozenset[str] = frozenset()
    hold: Hold = Hold.RELATIVE
    year: int | None = None
    lead: int | None = None

    def may_find(self, words: frozenset[str]) -> bool:
        """Whether a text with these words may have such an expression."""
        return not self.triggers or not self.triggers.isdisjoint(words)

    def find(self, occasion: Occasion) -> Iterator[Found]:
        """The expressions of this kind, from left to right."""
        for match in self.pattern.finditer(occasion.text):
            try:
                yield Found(self._start(match), match.end(), self.meaning(match, occasion), self._hold(match))
            except (ArithmeticError, LookupError, ValueError):
                continue

    def _start(self, match: re.Match[str]) -> int:
        return match.end(self.lead) if self.lead and match[self.lead] else match.start()

    def _hold(self, match: re.Match[str]) -> Hold:
        if self.year is None:
            return self.hold
        written = match[self.year]
        if written is None:
            return Hold.YEARLY
        return Hold.FIXED if written[-1] in _DIGITS else Hold.RELATIVE
