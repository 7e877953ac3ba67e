"""The words of one or more languages together, and pieces of patterns made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

from engine.temporal.calendar_names import CalendarNames, calendar_names
from engine.temporal.words.english import ENGLISH
from engine.temporal.words.french import FRENCH
from engine.temporal.words.german import GERMAN
from engine.temporal.words.language import Language, Shift
from engine.temporal.words.spanish import SPANISH

V = TypeVar("V")

_WRITTEN = {language.code: language for language in (ENGLISH, GERMAN, SPANISH, FRENCH)}
_SEVERAL = ("auto", "multi")
_AUTO = ("en", "de", "es", "fr", "zh")
_SNOWBALL = {
    "arabic": "ar",
    "armenian": "hy",
    "basque": "eu",
    "catalan": "ca",
    "chinese": "zh",
    "czech": "cs",
    "danish": "da",
    "dutch": "nl",
    "english": "en",
    "esperanto": "eo",
    "estonian": "et",
    "finnish": "fi",
    "french": "fr",
    "german": "de",
    "greek": "el",
    "hindi": "hi",
    "hungarian": "hu",
    "indonesian": "id",
    "irish": "ga",
    "italian": "it",
    "japanese": "ja",
    "korean": "ko",
    "lithuanian": "lt",
    "nepali": "ne",
    "norwegian": "nb",
    "persian": "fa",
    "polish": "pl",
    "porter": "en",
    "portuguese": "pt",
    "romanian": "ro",
    "russian": "ru",
    "serbian": "sr",
    "spanish": "es",
    "swedish": "sv",
    "tamil": "ta",
    "turkish": "tr",
    "yiddish": "yi",
}
_MARK = re.compile(r"[.+*?()\[\]|]")
TOKEN = re.compile(r"[^\W\d_]+")


def codes(language: str) -> tuple[str, ...]:
    """The ISO codes of languages joined by `+`, each a Snowball name or a code with or without region, or `auto`."""
    names = [name.strip().replace("_", "-").split("-")[0] for name in language.lower().split("+")]
    each = (_AUTO if name in _SEVERAL else (_SNOWBALL.get(name, name),) for name in names)
    return tuple(dict.fromkeys(code for some in each for code in some))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All languages of a text as one. Words are patterns over folded text."""

    languages: tuple[Language, ...]
    names: tuple[CalendarNames, ...]

    @property
    def day_first(self) -> bool:
        """English alone writes the month first."""
        return self.languages[0].day_first if self.languages else all(names.day_first for names in self.names)

    @property
    def months(self) -> dict[str, int]:
        return _joined(names.months for names in self.names if names.spaced)

    @property
    def weekdays(self) -> dict[str, int]:
        return _joined(names.weekdays for names in self.names if names.spaced)

    @property
    def seasons(self) -> dict[str, int]:
        return _joined(language.seasons for language in self.languages)

    @property
    def units(self) -> dict[str, str]:
        return _joined(language.units for language in self.languages)

    @property
    def numbers(self) -> dict[str, int]:
        return _joined(language.numbers for language in self.languages)

    @property
    def phrases(self) -> dict[str, Shift | None]:
        """Of spaced languages."""
        known: dict[str, Shift | None] = {}
        for names in self.names:
            if names.spaced:
                known |= {re.escape(phrase).replace(r"\ ", " "): shift for phrase, shift in names.phrases.items()}
        for language in self.languages:
            known |= language.phrases
        return known

    @property
    def years(self) -> dict[str, int]:
        """Phrases that mean a year, to how many years from now."""
        found = {phrase: shift[0] for phrase, shift in self.phrases.items() if shift and shift[1] == "year"}
        return {phrase: count for phrase, count in found.items() if not _MARK.search(phrase)}

    def directions(self, *, after: bool) -> dict[str, int]:
        """Words that mean last, this, next."""
        return _joined(language.after if after else language.before for language in self.languages)

    def words(self, field: str) -> str:
        """The alternatives in `field` of every language as one pattern; empty: there are none."""
        return "|".join(words for language in self.languages if (words := getattr(language, field)))


def _joined(tables: Iterable[Mapping[str, V]]) -> dict[str, V]:
    joined: dict[str, V] = {}
    for table in tables:
        joined |= {word: value for word, value in table.items() if word not in joined}
    return joined


def triggers(patterns: Iterable[str]) -> frozenset[str]:
    """Words of which every text that one of the patterns matches has one: the longest of each of its alternatives."""
    variants = (TOKEN.findall(variant) for pattern in patterns for variant in _variants(pattern))
    return frozenset(max(tokens, key=len) for tokens in variants if tokens)


def _variants(pattern: str) -> list[str]:
    """What a pattern of literals and (?:a|b) groups may stand for, near enough; `x?` gives both."""
    if group := re.search(r"\((?:\?:)?([^()]*)\)(\??)", pattern):
        inner = [*group[1].split("|"), *([""] if group[2] else [])]
        return [made for one in inner for made in _variants(pattern[: group.start()] + one + pattern[group.end() :])]
    if optional := re.search(r"(\[[^\]]*\]|\w)\?", pattern):
        around = pattern[: optional.start()], pattern[optional.end() :]
        return [*_variants(around[0] + optional[1] + around[1]), *_variants(around[0] + around[1])]
    if several := re.search(r"\[([^\]]*)\]", pattern):
        around = pattern[: several.start()], pattern[several.end() :]
        return [made for char in several[1] for made in _variants(around[0] + char + around[1])]
    return [pattern]


def one_of(words: Iterable[str]) -> str:
    """A group without number that matches any of the words, the longest first; blanks match any white space."""
    ordered = sorted(set(words), key=lambda word: (-len(word), word))
    return f"(?:{'|'.join(spaced(word) for word in ordered)})" if ordered else "(?!)"


def spaced(pattern: str) -> str:
    """Blanks of a pattern match any white space."""
    return pattern.replace(" ?", r"\s*").replace(" ", r"\s+")


class Table(Generic[V]):
    """Values by the pattern that a word matches."""

    def __init__(self, values: Mapping[str, V]) -> None:
        self._literal = {pattern: value for pattern, value in values.items() if not _MARK.search(pattern)}
        self._values = [
            (re.compile(spaced(pattern)), value) for pattern, value in values.items() if _MARK.search(pattern)
        ]

    def of(self, word: str) -> V:
        """The value of a word that one of the patterns matches.

        Raises:
            ValueError: none does.
        """
        folded = " ".join(word.split())
        if folded in self._literal:
            return self._literal[folded]
        for pattern, value in self._values:
            if pattern.fullmatch(folded):
                return value
        raise ValueError(word)


@lru_cache(maxsize=32)
def vocabulary(language: str) -> Vocabulary:
    """The words of a language (see `codes`); unknown: none but digits."""
    known = codes(language)
    languages = tuple(_WRITTEN[code] for code in known if code in _WRITTEN)
    return Vocabulary(languages, tuple(names for code in known if (names := calendar_names(code))))
