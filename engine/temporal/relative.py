"""Expressions that count from the day of the text: "yesterday", "two years ago", "last Friday", "next summer"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import partial

from engine.temporal import stretches
from engine.temporal.calendar_names import CalendarNames
from engine.temporal.range import TimeRange
from engine.temporal.rule import Meaning, Occasion, Rule
from engine.temporal.vocabulary import Table, Vocabulary, one_of, spaced, triggers
from engine.temporal.words.language import Shift

_MOST = 1000


def relative_rules(words: Vocabulary) -> tuple[Rule, ...]:
    """Those of the languages, as far as they know the words."""
    rules = [_phrases(words.phrases)] if words.phrases else []
    written = {language.code for language in words.languages}
    rules += [
        _fixed_distances(names.distances, spaced_words=True)
        for names in words.names
        if names.spaced and names.distances and names.code not in written
    ]
    counts = Counts(words)
    for language in words.languages:
        rules += [counts.rule(template, direction) for template, direction in language.distances]
        rules += [counts.lasting(template) for template in language.lasting]
    if words.weekdays:
        rules.append(_directed(words))
    return tuple(rules)


def unspaced_rules(names: CalendarNames) -> tuple[Rule, ...]:
    """Those of a language that writes words without blanks, as far as dateparser knows it."""
    phrases = {re.escape(phrase): shift for phrase, shift in names.phrases.items()}
    rules = [_phrases(phrases, spaced_words=False)] if phrases else []
    return (*rules, *([_fixed_distances(names.distances, spaced_words=False)] if names.distances else []))


def _phrases(phrases: Mapping[str, Shift | None], *, spaced_words: bool = True) -> Rule:
    meanings: Table[Shift | None] = Table(phrases)

    def meaning(match: re.Match[str], at: Occasion) -> TimeRange | None:
        shift = meanings.of(match[0])
        return shift and stretches.shifted(at.day, *shift)

    if not spaced_words:
        return Rule(re.compile(one_of(phrases)), meaning)
    return Rule(re.compile(rf"(?<!\w){one_of(phrases)}(?!\w)"), meaning, triggers=triggers(phrases))


def _fixed_distances(distances: Mapping[str, Shift], *, spaced_words: bool) -> Rule:
    """Of a language of which only dateparser's patterns are known, each with one group: the count."""
    patterns = sorted(distances, key=len, reverse=True)
    shifts = [distances[pattern] for pattern in patterns]
    around = (r"(?<!\w)", r"(?!\w)") if spaced_words else ("", "")

    def meaning(match: re.Match[str], at: Occasion) -> TimeRange:
        last = match.lastindex or 1
        direction, unit = shifts[last - 1]
        return stretches.distant(at.day, direction * _sensible(int(match[last])), unit)

    each = "|".join(spaced(pattern).replace(r"\d++[.,]?\d*+", r"\d++") for pattern in patterns)
    return Rule(re.compile(f"{around[0]}(?:{each}){around[1]}"), meaning, digits=True)


class Counts:
    """Expressions of a number and a unit."""

    def __init__(self, words: Vocabulary) -> None:
        self._numbers = Table(words.numbers)
        self._units = Table(words.units)
        self._triggers = triggers(words.units)
        self.number = rf"(?P<n>\d{{1,4}}|{one_of(words.numbers)})"
        self.unit = f"(?P<unit>{one_of(words.units)})"

    def rule(self, template: str, direction: int) -> Rule:
        """So many units before or after."""
        return self._rule(template, partial(self._distance, direction=direction))

    def lasting(self, template: str) -> Rule:
        """So many units up to now."""
        return self._rule(template, self._stretch)

    def _rule(self, template: str, meaning: Meaning) -> Rule:
        pattern = spaced(template).replace("{n}", self.number).replace("{unit}", self.unit)
        return Rule(re.compile(rf"(?<!\w){pattern}(?!\w)"), meaning, triggers=self._triggers)

    def counted(self, match: re.Match[str]) -> tuple[int, str]:
        """The number and the unit of a match."""
        number = match.groupdict().get("n")
        count = 1 if number is None else int(number) if number.isdigit() else self._numbers.of(number)
        return _sensible(count), self._units.of(match["unit"])

    def _distance(self, match: re.Match[str], at: Occasion, *, direction: int) -> TimeRange:
        if direction > 0 and at.denied(match.start()):
            raise ValueError(match)
        count, unit = self.counted(match)
        return stretches.distant(at.day, direction * count, unit)

    def _stretch(self, match: re.Match[str], at: Occasion) -> TimeRange:
        return stretches.up_to(at.day, *self.counted(match))


def _sensible(count: int) -> int:
    if count > _MOST:
        raise ValueError(count)
    return count


def _directed(words: Vocabulary) -> Rule:
    """A weekday, or a unit, month or season with last, this or next before or behind it."""
    befores, afters = words.directions(after=False), words.directions(after=True)
    nouns = Nouns(words)
    direction: Table[int] = Table(befores | afters)

    def meaning(match: re.Match[str], at: Occasion) -> TimeRange:
        said = match[1] or match[3]
        return nouns.range(match[2], direction.of(said) if said else None, at, match.start())

    before = rf"(?:(?<!\w)({one_of(befores)})\s+)?" if befores else "()"
    after = rf"(?:\s+({one_of(afters)})(?!\w))?" if afters else "()"
    return Rule(re.compile(rf"{before}(?<!\w)({nouns.pattern})(?!\w){after}"), meaning, triggers=nouns.triggers)


class Nouns:
    """What can be the last or the next."""

    def __init__(self, words: Vocabulary) -> None:
        self._weekdays, self._months = words.weekdays, words.months
        self._seasons, self._units = words.seasons, words.units
        known = [*self._weekdays, *self._months, *self._seasons, *self._units]
        self.pattern, self.triggers = one_of(known), triggers(known)

    def range(self, noun: str, direction: int | None, at: Occasion, start: int) -> TimeRange:
        """The one that is meant.

        Raises:
            ValueError: without a direction it is none.
        """
        noun = " ".join(noun.split())
        if noun in self._weekdays:
            return _weekday(self._weekdays[noun], direction, at, start)
        if direction is None:
            raise ValueError(noun)
        return self.beside(noun, direction, at.day)

    def unit(self, noun: str) -> str | None:
        """Which unit it is; None: none."""
        return self._units.get(noun)

    def beside(self, noun: str, direction: int, day: date) -> TimeRange:
        """The last, this or next one, seen from `day`."""
        if noun in self._weekdays:
            return stretches.weekday(day, self._weekdays[noun], direction)
        if noun in self._months:
            return stretches.yearly(day, lambda year: stretches.month(year, self._months[noun]), direction)
        if noun in self._seasons:
            return stretches.yearly(day, lambda year: stretches.season(year, self._seasons[noun]), direction)
        return stretches.shifted(day, direction, self._units[noun])


def _weekday(number: int, direction: int | None, at: Occasion, start: int) -> TimeRange:
    """Without a direction: today, else the last one, or the next where the text speaks of the future."""
    if direction is None:
        if number == at.day.weekday():
            return stretches.days(at.day, 1)
        direction = 1 if at.to_come(start) else -1
    return stretches.weekday(at.day, number, direction)
