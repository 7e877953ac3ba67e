"""Expressions with a name or number of the calendar: "7 May 2023", "in 2022", "the 90s", "on the 3rd"."""

from __future__ import annotations

import re
from datetime import date
from functools import partial

from engine.temporal import stretches
from engine.temporal.numeric import full_year
from engine.temporal.range import TimeRange
from engine.temporal.rule import Hold, Occasion, Rule
from engine.temporal.vocabulary import Table, Vocabulary, one_of, spaced, triggers

_AMBIGUOUS = frozenset({"may", "march", "mar", "august", "april", "june"})
_SHORT_WORD = r"[^\W\d_]{1,3}"
_SHORT_DECADES = 100
_FIRST_DECADE_OF_LAST_CENTURY = 30
_YEAR = r"(?:19|20)\d\d"
_ENDS = r"(?=\s*(?:[.,;:!?)\]]|$))"


def dated_rules(words: Vocabulary) -> tuple[Rule, ...]:
    """Those of the languages, as far as they know the words."""
    rules = [_years(words)]
    if words.months:
        rules.append(_months(words))
    if words.seasons:
        rules.append(_seasons(words))
    decades = [template for language in words.languages for template in language.decades]
    ordinals = [template for language in words.languages for template in language.ordinals]
    rules += [_decades(template) for template in decades] + [_ordinals(template) for template in ordinals]
    return tuple(rules)


def _links(words: Vocabulary) -> str:
    """What stands between day, month and year; where that isn't known, any short word."""
    known = words.words("links")
    return one_of(known.split("|")) if known else _SHORT_WORD


def _written_year(words: Vocabulary) -> str:
    """A year behind a month or season, as one group."""
    links = _links(words)
    return rf"(?:,?\s*(?:{links}\s+)*({_YEAR}|'\d\d|{one_of(words.years)}))"


class _Years:
    """What is written for a year: digits, or "last year"."""

    def __init__(self, words: Vocabulary) -> None:
        self._named: Table[int] = Table(words.years)

    def of(self, written: str, day: date) -> int:
        digits = written.lstrip("'")
        return full_year(digits) if digits.isdigit() else day.year + self._named.of(written)


def _months(words: Vocabulary) -> Rule:
    leads = one_of(words.words("month_leads").split("|")) if words.words("month_leads") else "(?!)"
    links = _links(words)
    pattern = re.compile(
        rf"(?<!\w)(?:({leads})[\s-]+(?:the\s+)?)?(?:(\d\d?)(?:st|nd|rd|th|er|\.|º|ª)?\s*(?:{links}\s+)*(?<!\d))?"
        rf"(?<![^\W\d_])({one_of(words.months)})\.?(?:\s*(\d\d?)(?:st|nd|rd|th)?(?![\w:]|[.,]\d))?{_written_year(words)}?(?!\w)"
    )
    meaning = partial(_month, numbers=Table(words.months), years=_Years(words))
    return Rule(pattern, meaning, triggers=triggers(words.months), year=5, lead=1)


def _month(match: re.Match[str], at: Occasion, *, numbers: Table[int], years: _Years) -> TimeRange:
    lead, before, name, after, written = match.groups()
    number = numbers.of(name)
    day = int(before or after) if before or after else None
    if day is None and written is None:
        if lead is None or (name in _AMBIGUOUS and not at.original[match.start(3)].isupper()):
            raise ValueError(match)
        return _yearly(match, at, partial(_month_of, number=number))
    if written is None:
        return _yearly(match, at, partial(_day_of, number=number, day=day or 1))
    year = years.of(written, at.day)
    return _month_of(year, number=number) if day is None else _day_of(year, number=number, day=day)


def _month_of(year: int, *, number: int) -> TimeRange:
    return stretches.month(year, number)


def _day_of(year: int, *, number: int, day: int) -> TimeRange:
    try:
        return stretches.days(date(year, number, day), 1)
    except ValueError:
        if (number, day) == (2, 29):
            return stretches.days(date(year, 2, 28), 1)
        raise


def _yearly(match: re.Match[str], at: Occasion, of_year: partial[TimeRange]) -> TimeRange:
    return stretches.yearly(at.day, of_year, 1 if at.to_come(match.start()) else None)


def _years(words: Vocabulary) -> Rule:
    leads = words.words("year_leads")
    led = rf"(?<!\w){one_of(leads.split('|'))}[\s-]+(?:the\s+)?({_YEAR})(?!\w|%|[-.,:/]\d|')" if leads else r"((?!))"
    pattern = re.compile(rf"{led}|(?<![\w.,:/\-$€£#])({_YEAR}){_ENDS}(?!\.\d|,\d|:\d)")
    return Rule(pattern, lambda match, _: stretches.year(int(match[1] or match[2])), digits=True, hold=Hold.FIXED)


def _seasons(words: Vocabulary) -> Rule:
    numbers, years = Table(words.seasons), _Years(words)

    def meaning(match: re.Match[str], at: Occasion) -> TimeRange:
        return stretches.season(years.of(match[2], at.day), numbers.of(match[1]))

    pattern = re.compile(rf"(?<!\w)({one_of(words.seasons)}){_written_year(words)}(?!\w)")
    return Rule(pattern, meaning, triggers=triggers(words.seasons), year=2)


def _decades(template: str) -> Rule:
    pattern = spaced(template).replace("{decade}", r"((?:1[89]|20)?\d0)")
    return Rule(
        re.compile(rf"(?<!\w){pattern}(?!\w)"), lambda match, _: decade(int(match[1])), digits=True, hold=Hold.FIXED
    )


def decade(written: int) -> TimeRange:
    """1990, 90: the nineties; 20: those of this century."""
    if written >= _SHORT_DECADES:
        return stretches.decade(written)
    return stretches.decade(written + (1900 if written >= _FIRST_DECADE_OF_LAST_CENTURY else 2000))


def _ordinals(template: str) -> Rule:
    pattern = spaced(template).replace("{day}", "([0-3]?[0-9])")
    return Rule(re.compile(rf"(?<!\w){pattern}(?!\w)"), _ordinal, digits=True)


def _ordinal(match: re.Match[str], at: Occasion) -> TimeRange:
    """The day with that number that is nearest, or the next one where the text speaks of the future."""
    here = stretches.days(at.day, 1)
    each = [found for more in (-1, 0, 1) if (found := _in_month(at.day, more, int(match[1])))]
    if at.to_come(match.start()):
        each = [found for found in each if found.from_us >= here.from_us] or each
    return min(each, key=lambda found: (stretches.gap_us(found, here), found.from_us))


def _in_month(day: date, more: int, number: int) -> TimeRange | None:
    month = day.month - 1 + more
    try:
        return stretches.days(date(day.year + month // 12, month % 12 + 1, number), 1)
    except ValueError:
        return None
