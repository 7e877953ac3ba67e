"""The terms of a text: what keyword search counts and compares."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import Stemmer  # type: ignore[import-not-found]

from engine.errors import InvalidInput

_LONGEST_TERM = 64
_CACHED_TOKENS = 65_536
_MARKS = "".join(char for code in range(0x300, 0xFFFF) if unicodedata.category(char := chr(code)).startswith("M"))
_LETTERS = f"[^\\W_]+(?:[{_MARKS}]+[^\\W_]*)*"
_WORD = f"{_LETTERS}(?:['’]{_LETTERS})*"
_TOKEN = re.compile(f"{_WORD}(?:[-_./@:+#]+{_WORD})*")
_PART = re.compile(_WORD)
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")

_ENGLISH = """
a about after again all also am an and any are as at be because been before being both but by can could did do does
doing don't during each few for from further had has have having he he's her here hers herself him himself his how i
i'd i'll i'm i've if in into is isn't it it's its itself just let me more most my myself nor of off on once only or
other our ours ourselves out over own s same she she's should so some such t than that that's the their theirs them
themselves then there these they they're this those through to too under until up us very was we we're we've were
what what's when where which while who whom whose why will with would you you'd you'll you're you've your
yours yourself yourselves
"""
_STOP_WORDS = {"english": frozenset(_ENGLISH.split())}


class Analyzer:
    """Texts to terms: folded, without stop words, stemmed, numbers and identifiers kept.

    `INV-2024/7` gives its parts and the whole; scripts written without spaces give pairs of characters.
    Not safe to share between threads (the stemmer holds state): each owner has its own.
    """

    def __init__(self, language: str) -> None:
        """`language`: a Snowball algorithm. Stop words are known for English; elsewhere rarity weighs them.

        Raises:
            InvalidInput: Snowball doesn't know the language.
        """
        if language not in Stemmer.algorithms():
            known = ", ".join(sorted(Stemmer.algorithms()))
            raise InvalidInput(f"vector.language: unknown language {language!a}; there are {known}")
        self._stemmer = Stemmer.Stemmer(language, 0)
        self._stop_words = _STOP_WORDS.get(language, frozenset())
        self._of_token = lru_cache(maxsize=_CACHED_TOKENS)(self._analyse)

    def terms(self, text: str) -> list[str]:
        """The terms of `text` in order, repeated as often as they stand there."""
        return [term for token in _TOKEN.findall(_folded(text)) for term in self._of_token(token)]

    def _analyse(self, token: str) -> tuple[str, ...]:
        words = _PART.findall(token)
        terms = [term for word in words for term in self._of_word(word)]
        if len(words) > 1:
            terms.append(token[:_LONGEST_TERM])
        return tuple(sys.intern(term) for term in terms)

    def _of_word(self, word: str) -> Iterable[str]:
        if _UNSPACED.search(word):
            return _pairs(word)
        word = word.replace("’", "'")
        if word in self._stop_words:
            return ()
        return (self._stemmer.stemWord(word[:_LONGEST_TERM]),)


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def _pairs(word: str) -> list[str]:
    if len(word) == 1:
        return [word]
    return [word[at : at + 2] for at in range(len(word) - 1)]
