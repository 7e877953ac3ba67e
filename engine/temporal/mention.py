"""The times that a text mentions, resolved against the day when it was said. Pure; days are those of UTC.

Found by patterns of our own, since it runs for every memory and every question: a text without a word of time costs a
few microseconds. The words come from `words` and, for many more languages, from dateparser's tables.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from engine.temporal.anchored import Anchors
from engine.temporal.chinese import CHINESE_RULES
from engine.temporal.chinese import FUTURE as CHINESE_FUTURE
from engine.temporal.chinese import HINT as CHINESE_HINT
from engine.temporal.dated import dated_rules
from engine.temporal.numeric import numeric_rules
from engine.temporal.range import TimeRange
from engine.temporal.relative import relative_rules, unspaced_rules
from engine.temporal.rule import Found, Occasion, Rule
from engine.temporal.vocabulary import TOKEN, one_of, vocabulary

MOST_RANGES = 16
"""Of one text: a calendar pasted into a memory is told by its first entries."""
_MOST_CHARACTERS = 20_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGIT = re.compile(r"\d")
_ASCII_BLANKS = "".join(char if char.isalpha() else " " for char in map(chr, range(128)))


class Finder:
    """Finds the times of texts of one language, or of several."""

    def __init__(self, language: str) -> None:
        words = vocabulary(language)
        self._rules = (*numeric_rules(day_first=words.day_first), *dated_rules(words), *relative_rules(words))
        self._triggers = frozenset().union(*(rule.triggers for rule in self._rules))
        unspaced = [names for names in words.names if not names.spaced and names.code != "zh"]
        self._unspaced = tuple(rule for names in unspaced for rule in unspaced_rules(names))
        self._anchors = Anchors(words) if words.languages else None
        self._future = _future(words.words("future"), CHINESE_FUTURE)

    def ranges(self, text: str, said_at_us: int) -> tuple[TimeRange, ...]:
        """See `mentioned`."""
        found = self.found(text, day_of(said_at_us))
        return tuple(dict.fromkeys(one.range for one in found if one.range is not None))[:MOST_RANGES]

    def found(self, text: str, day: date) -> list[Found]:
        """The expressions of a text that was said on `day`, in order, none inside another."""
        folded = fold(text)
        if not (rules := self._rules_for(folded)):
            return []
        occasion = Occasion(folded, text if len(text) == len(folded) else folded, day, self._future)
        found = [one for rule in rules for one in rule.find(occasion) if one.end > one.start]
        if self._anchors is not None:
            found = list(_moved(found, self._anchors, folded))
        return list(_apart(sorted(found, key=lambda one: (one.start, one.start - one.end))))

    def _rules_for(self, folded: str) -> tuple[Rule, ...]:
        """Those that may find something: this decides what most texts cost."""
        digits = _DIGIT.search(folded) is not None
        words = folded.translate(_ASCII_BLANKS).split() if folded.isascii() else TOKEN.findall(folded)
        rules: tuple[Rule, ...] = ()
        if digits or not self._triggers.isdisjoint(words):
            there = frozenset(words)
            rules = tuple(rule for rule in self._rules if (digits or not rule.digits) and rule.may_find(there))
        if folded.isascii():
            return rules
        return (*rules, *self._unspaced, *(CHINESE_RULES if CHINESE_HINT.search(folded) else ()))


def mentioned(text: str, said_at_us: int, language: str = "english") -> tuple[TimeRange, ...]:
    """The times that `text` tells, each once, in the order of their first mention; at most `MOST_RANGES`.

    Args:
        text: anything.
        said_at_us: when it was said; "yesterday" is the day before.
        language: a Snowball name, an ISO code, several of them joined by `+`, or `auto` for English, German, Spanish
            and French together. Chinese is always understood. In a language that isn't known only dates in digits are
            found.
    """
    return finder(language).ranges(text, said_at_us)


@lru_cache(maxsize=32)
def finder(language: str) -> Finder:
    """The one of a language: patterns take some milliseconds to make."""
    return Finder(language)


def fold(text: str) -> str:
    """Lower case, composed, with straight apostrophes; cut where no more times are looked for."""
    text = text[:_MOST_CHARACTERS]
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", text).lower().replace("’", "'")


def _moved(found: Sequence[Found], anchors: Anchors, text: str) -> Iterator[Found]:
    """The expressions with what hangs on them; what now lies inside such a one says nothing by itself."""
    moved = [anchors.moved(one, text) for one in found]
    wider = [one for one, was in zip(moved, found, strict=True) if one.start < was.start]
    for one in moved:
        if one in wider or not any(one.start < other.end and other.start < one.end for other in wider):
            yield one


def _apart(found: Iterable[Found]) -> Iterator[Found]:
    """Those that don't overlap: the first wins, of those that start together the longest."""
    end = 0
    for one in found:
        if one.start >= end:
            end = one.end
            yield one


def day_of(said_at_us: int) -> date:
    """In UTC."""
    return (_EPOCH + timedelta(microseconds=said_at_us)).date()


def _future(spaced: str, unspaced: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){one_of(spaced.split('|'))}(?!\w)|{unspaced}" if spaced else unspaced)
