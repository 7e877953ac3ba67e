"""Words of a text, and BM25 over the rows of a block. Which rows there are is the block's business."""

from __future__ import annotations

import math
import re
import sys
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import Stemmer  # type: ignore[import-not-found]

from engine.errors import InvalidInput
from engine.ports import KeywordStatistics
from engine.types import FloatArray

# What is usual for passages. Memories are as short: that a word comes twice, or that a text is long, says little.
# Recall@10 on two LoCoMo dialogues, 0.4 dense + 0.6 keywords: 68.1; with 1.2 and 0.75, usual for pages, 65.2.
K1 = 0.9
B = 0.4

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


class KeywordIndex:
    """BM25 postings over rows that are only ever appended; removed rows stay until `compact`.

    The formula is Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with the
    never negative idf of Lucene's BM25Similarity: `ln(1 + (n - df + 0.5) / (df + 0.5))`.
    """

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._postings: dict[str, array[int]] = {}
        self._removed: Counter[str] = Counter()
        self._lengths: array[int] = array("I")
        self._rows = 0
        self._total_length = 0

    def append(self, text: str) -> int:
        """Takes in the text of the next row; returns how many postings that made."""
        counts = Counter(self._analyzer.terms(text))
        row = len(self._lengths)
        for term, count in counts.items():
            if (posting := self._postings.get(term)) is None:
                posting = self._postings[term] = array("I")
            posting.extend((row, count))
        self._lengths.append(counts.total())
        self._rows += 1
        self._total_length += counts.total()
        return len(counts)

    def remove(self, row: int, text: str) -> None:
        """Takes `row`, which held `text`, out of the statistics. Its score no longer means anything."""
        self._removed.update(set(self._analyzer.terms(text)))
        self._rows -= 1
        self._total_length -= self._lengths[row]

    def compact(self, kept: npt.NDArray[np.int64]) -> None:
        """Renumbers: `kept` are the rows that stay, in their new order. Every other one must have been removed."""
        new_row = np.full(len(self._lengths), -1, dtype=np.int64)
        new_row[kept] = np.arange(len(kept))
        for term in list(self._postings):
            pairs = np.array(self._postings[term], dtype=np.int64).reshape(-1, 2)
            pairs[:, 0] = new_row[pairs[:, 0]]
            if len(left := pairs[pairs[:, 0] >= 0]):
                self._postings[term] = array("I", left.astype(np.uint32).tobytes())
            else:
                del self._postings[term]
        self._lengths = array("I", np.array(self._lengths, dtype=np.uint32)[kept].tobytes())
        self._removed.clear()

    def statistics(self, text: str) -> KeywordStatistics:
        """What the rows say of the terms of the query `text`."""
        terms = set(self._analyzer.terms(text))
        return KeywordStatistics(self._rows, self._total_length, {term: self._df(term) for term in terms})

    def shares(self, text: str, population: int = 0, known: KeywordStatistics | None = None) -> FloatArray:
        """What each row gets for the query `text`, as a share of what BM25 can give at most: `(k1 + 1) * sum(idf)`.

        float32 (rows,), in [0, 1]. `population`: how many texts there are, when the rows are but a selection of them.
        `known`: statistics of more texts than these rows, to be used instead of their own.
        """
        shares = np.zeros(len(self._lengths), dtype=np.float32)
        known = known or self.statistics(text)
        count = max(known.texts, population)
        idf = {term: math.log1p((count - df + 0.5) / (df + 0.5)) for term, df in known.frequencies.items()}
        if not idf:
            return shares
        norms = self._norms(known.total_length / known.texts if known.total_length else 1.0)
        attainable = sum(idf.values())
        for term, weight in idf.items():
            if (posting := self._postings.get(term)) is None:
                continue
            pairs = np.array(posting, dtype=np.uint32)
            rows, counts = pairs[0::2], pairs[1::2]
            shares[rows] += weight / attainable * counts / (counts + norms[rows])
        return np.minimum(shares, 1.0)

    def _df(self, term: str) -> int:
        return len(self._postings.get(term, ())) // 2 - self._removed[term]

    def _norms(self, mean: float) -> FloatArray:
        """How much the length of each row weakens its counts; `mean`: the usual length."""
        lengths = np.array(self._lengths, dtype=np.float32)
        norms: FloatArray = (K1 * (1 - B + B * lengths / mean)).astype(np.float32)
        return norms
