"""What can be asked for memories: the protocol of all systems, and the plain ones that need nothing but numpy.

Plain systems rank every unit of a scope exactly: what an index of documents can do with the text alone.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import Stemmer  # type: ignore[import-not-found]

from bench.judged_sets import Group, Unit
from engine.ports import Embedder
from engine.types import FloatArray

_K1 = 1.2
_B = 0.75
_KEYWORDS = 0.4
"""Of an ordinary hybrid: the share of keywords, and the rest is the vectors'."""

_WORD = re.compile(r"\w+")
_STOP_WORDS = frozenset(
    _WORD.findall(
        """a about after again all also am an and any are as at be because been before being both but by can could did
        do does doing down during each else few for from further had has have having he her here hers him his how i
        if in into is it its just me might more most my no nor not now of off on once only or other our out over own
        same shall she should so some such than that the their them then there these they this those through to too
        under until up us very was we were what when where which while who whom why will with would you your"""
    )
)


class System(Protocol):
    """One that remembers the units of a group at a time."""

    name: str

    async def load(self, group: Group) -> None:
        """Remember its units; what was loaded before is forgotten."""
        ...

    async def rank(self, question: str, k: int) -> list[str]:
        """Ids of units, best first, at most k."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...


class Vectors:
    """Vectors of texts, each made once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, FloatArray] = {}

    async def of(self, texts: Sequence[str]) -> FloatArray:
        """One row a text, unit length."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            encoded = await self._embedder.encode(new)
            self._known.update(zip(new, encoded.pooled, strict=True))
        return np.stack([self._known[text] for text in texts])


class Bm25:
    """Okapi BM25 over stemmed English words without stop words (Robertson and Zaragoza, 2009)."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._stem: Callable[[list[str]], list[str]] = Stemmer.Stemmer("english").stemWords
        words = [Counter(self._words(text)) for text in texts]
        lengths = np.array([max(1, sum(one.values())) for one in words], dtype=np.float64)
        self._norms = _K1 * (1 - _B + _B * lengths / lengths.mean())
        self._rows: dict[str, list[tuple[int, int]]] = {}
        for row, counted in enumerate(words):
            for word, count in counted.items():
                self._rows.setdefault(word, []).append((row, count))
        self._count = len(texts)

    def scores(self, question: str) -> FloatArray:
        """Of every text."""
        scores = np.zeros(self._count, dtype=np.float64)
        for word in set(self._words(question)):
            held = self._rows.get(word, [])
            weight = np.log(1 + (self._count - len(held) + 0.5) / (len(held) + 0.5))
            for row, count in held:
                scores[row] += weight * count * (_K1 + 1) / (count + self._norms[row])
        return scores.astype(np.float32)

    def _words(self, text: str) -> list[str]:
        return self._stem([word for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS])


class Plain:
    """Ranks by cosine, by BM25, or by the weighted sum of both as z-scores over the scope."""

    def __init__(
        self, name: str, vectors: Vectors, keywords: float, text_of: Callable[[Unit], str] = Unit.said
    ) -> None:
        """`keywords`: their share, from 0 (vectors alone) to 1 (keywords alone). `text_of`: what is indexed."""
        self.name = name
        self._vectors = vectors
        self._share = keywords
        self._text_of = text_of
        self._ids: list[str] = []
        self._rows: FloatArray = np.zeros((0, 0), np.float32)
        self._bm25: Bm25 | None = None

    async def load(self, group: Group) -> None:
        texts = [self._text_of(unit) for unit in group.units]
        self._ids = [unit.id for unit in group.units]
        if self._share < 1:
            self._rows = await self._vectors.of(texts)
        self._bm25 = Bm25(texts) if self._share > 0 else None

    async def rank(self, question: str, k: int) -> list[str]:
        scores = np.zeros(len(self._ids), np.float32)
        if self._share < 1:
            scores += (1 - self._share) * _standard(self._rows @ (await self._vectors.of([question]))[0])
        if self._bm25 is not None:
            scores += self._share * _standard(self._bm25.scores(question))
        return [self._ids[row] for row in np.argsort(-scores, kind="stable")[:k]]

    async def close(self) -> None:
        """Nothing to let go of."""


def plain_systems(embedder: Embedder) -> list[System]:
    """Keywords, vectors, and the ordinary hybrid of both: over what was said, and with the day in front of it."""
    vectors = Vectors(embedder)
    return [
        Plain("BM25", vectors, 1.0),
        Plain("dense", vectors, 0.0),
        Plain("hybrid (0.4 BM25 + 0.6 dense)", vectors, _KEYWORDS),
        Plain("hybrid, with dates", vectors, _KEYWORDS, Unit.dated),
    ]


async def gathered(system: System, questions: Sequence[str], k: int, callers: int) -> list[list[str]]:
    """Rankings of many questions, asked by so many callers at once."""
    room = asyncio.Semaphore(callers)

    async def one(question: str) -> list[str]:
        async with room:
            return await system.rank(question, k)

    return list(await asyncio.gather(*map(one, questions)))


def _standard(scores: FloatArray) -> FloatArray:
    spread = float(scores.std())
    return (scores - scores.mean()) / spread if spread > 0 else np.zeros_like(scores)
