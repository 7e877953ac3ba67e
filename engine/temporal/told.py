"""What a memory tells of time: computed once, when it is taken in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from engine.pickling import by_fields
from engine.temporal.chinese import VAGUE as CHINESE_VAGUE
from engine.temporal.mention import fold, mentioned
from engine.temporal.range import TimeRange
from engine.temporal.vocabulary import spaced, vocabulary

NO_TIME = 0.0
VAGUE = 0.5
DATED = 1.0


@by_fields
@dataclass(frozen=True, slots=True)
class Told:
    """The times of a text. `strength`: `DATED` with a range, `VAGUE` for "recently" or "every Friday", else 0."""

    ranges: tuple[TimeRange, ...] = ()
    strength: float = NO_TIME


def told(text: str, said_at_us: int, language: str = "english") -> Told:
    """The times that `text`, said at `said_at_us`, tells; languages as in `mentioned`."""
    if ranges := mentioned(text, said_at_us, language):
        return Told(ranges, DATED)
    folded = fold(text)
    return Told((), VAGUE if any(pattern.search(folded) for pattern in _vague(language)) else NO_TIME)


@lru_cache(maxsize=32)
def _vague(language: str) -> tuple[re.Pattern[str], ...]:
    words = vocabulary(language).words("vague")
    spaced_words = (re.compile(rf"\b(?:{spaced(words)})(?!\w)"),) if words else ()
    return (*spaced_words, re.compile(CHINESE_VAGUE))
