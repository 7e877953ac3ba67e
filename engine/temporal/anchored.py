"""Expressions that hang on a date behind them: "the Sunday before 25 May 2023", "the week of 8 May"."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from engine.temporal import stretches
from engine.temporal.range import Grain, TimeRange
from engine.temporal.relative import Counts, Nouns
from engine.temporal.rule import Found, Hold
from engine.temporal.vocabulary import Vocabulary

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEFORE = "before|prior to|vor|antes de|antes del|avant"
_AFTER = "after|following|nach|después de|después del|après"
_OF = "of|vom|del|du"
_ARTICLE = r"(?:(?:the|dem|den|el|le|du|de)\s+)?"
_LOOK_BACK = 60


def first_day(one: TimeRange) -> date:
    """On which it starts."""
    return (_EPOCH + timedelta(microseconds=one.from_us)).date()


class Anchors:
    """Looks at what stands before a date."""

    def __init__(self, words: Vocabulary) -> None:
        self._nouns = Nouns(words)
        self._counts = Counts(words)
        joint = rf"(?:(?P<before>{_BEFORE})|(?P<after>{_AFTER})|(?P<of>{_OF}))(?:\s+{_ARTICLE})?"
        self._pattern = re.compile(
            rf"(?<!\w)(?:{self._counts.number}\s+{self._counts.unit}|(?P<noun>{self._nouns.pattern}))\s+{joint}$"
        )

    def moved(self, one: Found, text: str) -> Found:
        """The expression together with what hangs on it, or as it is."""
        if one.range is None or one.range.grain is not Grain.DAY or one.hold is Hold.RELATIVE:
            return one
        start = max(one.start - _LOOK_BACK, 0)
        match = self._pattern.search(text[start : one.start])
        if match is None:
            return one
        try:
            return Found(start + match.start(), one.end, self._range(match, first_day(one.range)), one.hold)
        except (ValueError, OverflowError):
            return one

    def _range(self, match: re.Match[str], anchor: date) -> TimeRange:
        direction = -1 if match["before"] else 1 if match["after"] else 0
        if match["n"] is None:
            return self._beside(match["noun"], direction, anchor)
        if not direction:
            raise ValueError(match)
        count, unit = self._counts.counted(match)
        return stretches.distant(anchor, direction * count, unit)

    def _beside(self, noun: str, direction: int, anchor: date) -> TimeRange:
        if self._nouns.unit(noun) != "week" or not direction:
            return self._nouns.beside(noun, direction, anchor)
        first = anchor + timedelta(days=1 if direction > 0 else -7)
        return stretches.days(first, 7, Grain.WEEK)
