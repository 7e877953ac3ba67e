"""An embedder without a model: signed feature hashing of words and of the characters in them.

Feature hashing with a sign bit: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009.
Character n-grams of `<word>` as features: Bojanowski et al., "Enriching Word Vectors with Subword Information", 2017.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from engine.embed.windows import Window, windows_of
from engine.ports import EmbedderInfo, Encoded, Output, Priority, Span
from engine.types import FloatArray

WORD = re.compile(r"\w+|[^\w\s]")
_NGRAM_SIZES = (3, 4)
_PAIR_WEIGHT = 0.5
_TELLING_CHARS = 6
_MAX_TOKENS = 256


class HashingEmbedder:
    """Deterministic vectors that bring texts with common words and word parts together; it knows no meaning.

    For tests, and for trying Remora where no model may be brought. The same text gives the same vector on every
    machine and in every version.
    """

    def __init__(self, dimensions: int = 384) -> None:
        self._dimensions = dimensions
        self._texts = 0
        self._tokens = 0
        self._calls = 0

    async def info(self) -> EmbedderInfo:
        """Longer windows than `max_tokens` words are taken whole; the limit only says where to cut messages."""
        return EmbedderInfo(model=f"hashing-{self._dimensions}", dimensions=self._dimensions, max_tokens=_MAX_TOKENS)

    async def encode(
        self,
        windows: Sequence[str],
        spans: Sequence[Sequence[Span]] | None = None,
        outputs: frozenset[Output] = frozenset({Output.POOLED}),
        priority: Priority = Priority.ADD,
    ) -> Encoded:
        """See `Embedder.encode`. Never waits, so `priority` changes nothing.

        A window is pooled over what its span holds; a span without words gets the vector of the whole window.

        Raises:
            InvalidInput: a window isn't valid Unicode, or a span doesn't fit.
        """
        jobs = windows_of(windows, spans)
        self._calls += bool(jobs)
        self._texts += len(jobs)
        self._tokens += sum(len(WORD.findall(job.text)) for job in jobs)
        return Encoded(
            pooled=self._pooled(jobs) if Output.POOLED in outputs else self._zeros(0),
            tokens=tuple(self._states(job, span) for job in jobs for span in job.spans)
            if Output.TOKENS in outputs
            else (),
        )

    def counters(self) -> dict[str, int]:
        """Counted since the start: calls of the model, texts, tokens, and batches of merged callers."""
        return {"calls": self._calls, "texts": self._texts, "tokens": self._tokens, "batches": self._calls}

    async def close(self) -> None:
        """Nothing to release."""

    def _pooled(self, jobs: Sequence[Window]) -> FloatArray:
        rows = [self._vector(job.text, span) for job in jobs for span in job.spans]
        return np.stack(rows) if rows else self._zeros(0)

    def _vector(self, text: str, span: Span) -> FloatArray:
        words = WORD.findall(text[slice(*span)].casefold()) or WORD.findall(text.casefold())
        vector = self._zeros()
        for feature, weight in _features(words):
            bucket, sign = _bucket(feature, self._dimensions)
            vector[bucket] += sign * weight
        return _unit(vector)

    def _states(self, job: Window, span: Span) -> npt.NDArray[np.float16]:
        words = WORD.findall(job.text[slice(*span)].casefold())
        states = [self._vector(word, (0, len(word))) for word in words]
        return (np.stack(states) if states else self._zeros(0)).astype(np.float16)

    def _zeros(self, *rows: int) -> FloatArray:
        return np.zeros((*rows, self._dimensions), np.float32)


def _features(words: Sequence[str]) -> Iterator[tuple[str, float]]:
    for word in words:
        # Short words are mostly the frequent ones that say little; there is no corpus here to count them in.
        weight = min(len(word), _TELLING_CHARS) / _TELLING_CHARS
        yield f"w {word}", weight
        marked = f"<{word}>"
        grams = [marked[i : i + n] for n in _NGRAM_SIZES for i in range(len(marked) - n + 1)]
        for gram in grams:
            # The parts of a word weigh together as much as the word.
            yield f"c {gram}", weight / len(grams) ** 0.5
    for first, second in pairwise(words):
        yield f"p {first} {second}", _PAIR_WEIGHT


@lru_cache(maxsize=65_536)
def _bucket(feature: str, dimensions: int) -> tuple[int, int]:
    number = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest())
    return (number >> 1) % dimensions, 1 if number & 1 else -1


def _unit(vector: FloatArray) -> FloatArray:
    norm = float(np.linalg.norm(vector))
    if norm == 0:
        # No features, or features that cancel out: any fixed direction will do.
        vector[0] = norm = 1.0
    return vector / np.float32(norm)
