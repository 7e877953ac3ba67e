"""An order in which answers also differ from each other. Pure.

Maximal marginal relevance: Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering Documents
and Producing Summaries", SIGIR 1998.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.alike import words_of
from engine.types import FloatArray


def diverse(scores: Sequence[float], likeness: FloatArray, diversity: float, count: int) -> list[int]:
    """The places of `count` answers, in their new order. The best stays first; equal ones keep their order.

    Args:
        scores: of the answers, best first, in [0, 1].
        likeness: float32 (n, n), of each two in [0, 1].
        diversity: 0 leaves the order as it is, at 1 only what differs counts.
        count: how many are wanted.
    """
    relevance = np.asarray(scores, np.float32)
    nearest = np.zeros(len(relevance), np.float32)
    left = np.ones(len(relevance), bool)
    order: list[int] = []
    for _ in range(min(count, len(relevance))):
        worth = (1.0 - diversity) * relevance - diversity * nearest if order else relevance
        best = int(np.argmax(np.where(left, worth, -np.inf)))
        order.append(best)
        left[best] = False
        nearest = np.maximum(nearest, likeness[best])
    return order


def by_vectors(vectors: Sequence[FloatArray]) -> FloatArray:
    """Likeness as the cosine of unit vectors, float32 (d,) each; below 0 nothing is less alike."""
    stacked = np.stack(vectors)
    likeness: FloatArray = np.clip(stacked @ stacked.T, 0.0, 1.0)
    return likeness


def by_words(texts: Sequence[str]) -> FloatArray:
    """Likeness as the share of words that two texts have in common (Jaccard)."""
    words = [words_of(text) for text in texts]
    places = {word: place for place, word in enumerate(sorted(frozenset().union(*words)))}
    holds: npt.NDArray[np.float32] = np.zeros((len(texts), max(1, len(places))), np.float32)
    for row, some in enumerate(words):
        holds[row, [places[word] for word in some]] = 1.0
    both = holds @ holds.T
    sizes = holds.sum(axis=1)
    either = sizes[:, None] + sizes[None, :] - both
    likeness: FloatArray = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
    return likeness
