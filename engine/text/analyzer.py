"""The terms of a text: what keyword search counts and compares."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TypeAlias

import Stemmer  # type: ignore[import-not-found]

from engine.text.detection import Detector, Guess
from engine.text.folding import folded, plain
from engine.text.languages import Language, chosen
from engine.text.phrases import quoted
from engine.text.segmentation import RUNS, UNSPACED, chinese_words, cutter_version, pairs

Word: TypeAlias = tuple[str, ...]
"""The terms that may stand for a word of a query in a text: one for each language that the text may be in."""

_VERSION = 2
_SEPARATOR = ", "
_LONGEST_TERM = 64
_CACHED_TOKENS = 65_536
_LONGEST_REMEMBERED = 128
_MOST_READINGS = 3
_LEAST_TELLING = 2
_MARKS = "".join(char for code in range(0x300, 0xFFFF) if unicodedata.category(char := chr(code)).startswith("M"))
_LETTERS = f"[^\\W_]+(?:[{_MARKS}]+[^\\W_]*)*"
_WORD = f"{_LETTERS}(?:['’]{_LETTERS})*"
_TOKEN = re.compile(f"{_WORD}(?:[-_./@:+#]+{_WORD})*")
_PART = re.compile(_WORD)
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")


class Analyzer:
    """Texts to terms: folded, without stop words, stemmed, numbers and identifiers kept.

    `INV-2024/7` gives its parts and the whole; scripts written without spaces give pairs of characters, Chinese its
    words when it is among the languages.
    Not safe to share between threads (stemmers hold state): each owner has its own.
    """

    def __init__(self, language: str) -> None:
        """`language`: a Snowball algorithm, `chinese`, `japanese`, `korean`, several joined by `+`, or `auto`.

        Raises:
            InvalidInput: there is no such language.
        """
        self._languages = chosen(language)
        self._detector = Detector(self._languages)
        self._several = len(self._languages) > 1
        self._detects = len(self._detector.latin) > 1
        self._stemmers = {one.name: Stemmer.Stemmer(one.stemmer, 0) for one in self._languages if one.stemmer}
        self._remembered = lru_cache(maxsize=_CACHED_TOKENS)(self._analyse)

    @classmethod
    def of(cls, identity: str) -> Analyzer:
        """The analyzer for the languages of an `identity`, as this version has it."""
        return cls(identity.partition(_SEPARATOR)[0])

    @property
    def identity(self) -> str:
        """Which terms it makes: those of two analyzers with different identities may not meet in one index."""
        parts = ["+".join(one.name for one in self._languages), f"v{_VERSION}", f"snowball {Stemmer.version()}"]
        if any(one.name == "chinese" for one in self._languages):
            parts.append(cutter_version())
        return _SEPARATOR.join(parts)

    def language_of(self, text: str) -> str:
        """The name of the language that a text's words in Latin letters are taken for."""
        lower = folded(text)
        spoken = self._spoken(lower, _TOKEN.findall(lower))
        return spoken[0].name if spoken else self._languages[0].name

    def terms(self, text: str) -> list[str]:
        """The terms of `text` in order, repeated as often as they stand there."""
        lower = folded(text)
        tokens = _TOKEN.findall(lower)
        spoken = self._spoken(lower, tokens)
        return [term for token in tokens for word in self._of_token(token, spoken) for term in word]

    def query(self, text: str) -> tuple[Word, ...]:
        """The words of a query in order, each with the terms that may stand for it in a text.

        A query is short: in several languages it is read as each of those that it may be in, so that it meets the
        texts of all of them.
        """
        lower = folded(text)
        tokens = _TOKEN.findall(lower)
        read_as = self._read_as(lower, tokens)
        return tuple(word for token in tokens for word in self._of_token(token, read_as))

    def phrases(self, text: str) -> tuple[tuple[Word, ...], ...]:
        """What a query holds in quotation marks, as the words of each; of one word alone there is no sequence."""
        lower = folded(text)
        read_as = self._read_as(lower, _TOKEN.findall(lower))
        found = (
            tuple(word for token in _TOKEN.findall(phrase) for word in self._of_token(token, read_as))
            for phrase in map(folded, quoted(text))
        )
        return tuple(words for words in found if len(words) > 1)

    def _spoken(self, lower: str, tokens: list[str]) -> tuple[Language, ...]:
        """The one language that a text is read as."""
        if not self._detects:
            return self._detector.latin or self._languages[:1]
        best = self._guess(lower, tokens).best
        return (best or self._detector.latin[0],)

    def _read_as(self, lower: str, tokens: list[str]) -> tuple[Language, ...]:
        if not self._detects:
            return self._detector.latin or self._languages[:1]
        likely = self._guess(lower, tokens).likely[:_MOST_READINGS]
        return tuple(dict.fromkeys((*likely, self._detector.latin[0]))) if likely else self._detector.latin

    def _guess(self, lower: str, tokens: list[str]) -> Guess:
        words = (word for token in tokens for word in ([token] if token.isalpha() else _telling(token)))
        return self._detector.guess(lower, words)

    def _of_token(self, token: str, languages: tuple[Language, ...]) -> tuple[Word, ...]:
        """Its words; what is longer than words are seldom comes again, and would fill the memory."""
        return (self._remembered if len(token) <= _LONGEST_REMEMBERED else self._analyse)(token, languages)

    def _analyse(self, token: str, languages: tuple[Language, ...]) -> tuple[Word, ...]:
        parts = _PART.findall(token)
        words = [word for part in parts for word in self._words_of(part.replace("’", "'"), languages)]
        if len(parts) > 1 and words:
            words.append((sys.intern(plain(token[:_LONGEST_TERM])),))
        return tuple(words)

    def _words_of(self, part: str, languages: tuple[Language, ...]) -> Iterator[Word]:
        if not UNSPACED.search(part):
            yield from self._spaced(part, languages)
            return
        for run in RUNS.findall(part):
            if not UNSPACED.match(run):
                yield from self._spaced(run, languages)
            elif self._detector.cuts_chinese(run):
                yield from self._chinese(run)
            else:
                yield from ((sys.intern(pair),) for pair in pairs(run))

    def _chinese(self, run: str) -> Iterable[Word]:
        stop_words = next(one.stop_words for one in self._languages if one.name == "chinese")
        return ((sys.intern(word),) for word in chinese_words(run) if word not in stop_words)

    def _spaced(self, word: str, languages: tuple[Language, ...]) -> Iterator[Word]:
        if self._several and not self._detector.is_latin(word):
            language = self._detector.by_script(word)
            languages = (language,) if language else ()
        if languages and self._term(word, languages[0]) is None:
            return
        terms = dict.fromkeys(term for one in languages if (term := self._term(word, one)))
        if terms or not languages:
            yield tuple(terms) or (plain(word[:_LONGEST_TERM]),)

    def _term(self, word: str, language: Language) -> str | None:
        """A word as one language has it; None when it is one of its stop words."""
        if "'" in word:
            head, _, rest = word.partition("'")
            word = rest if head in language.elisions else word
        if plain(word) in language.stop_words:
            return None
        if ordinal := _ORDINAL.fullmatch(word):
            return ordinal[1]
        stemmer = self._stemmers.get(language.name)
        word = word[:_LONGEST_TERM]
        return plain(stemmer.stemWord(word) if stemmer else word)


def _telling(token: str) -> Iterator[str]:
    """What of a token that isn't one word may tell its language: `l'` of "l'ami", but not the s of "she's"."""
    for part in _PART.findall(token.replace("’", "'")):
        head, mark, rest = part.partition("'")
        yield head + mark
        if len(rest) > _LEAST_TELLING:
            yield rest
