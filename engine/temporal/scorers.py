"""How well memories fit the times of a question: float32 (n,) in [0, 1]; NaN: the memory lacks the signal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.temporal.columns import IntArray, TimeColumns
from engine.temporal.range import DAY_US, TimeRange
from engine.types import FloatArray

NEAR_US = 3 * DAY_US
"""A memory that is this far from the range that was asked for scores half; wider ranges reach farther."""


def date_match(asked: Sequence[TimeRange], columns: TimeColumns) -> FloatArray:
    """How near each memory is to the times that the question names; use it only if it names some.

    A memory said within a range, or telling of a time within it, scores 1. Outside, the score halves with every
    `NEAR_US`, or every width of the range if that is more: a soft filter, so that a date that is a little wrong
    loses little. A memory that tells of more than twice as long a time counts for half: one of a whole year says
    little about one of its days.

    Source: the session-date boost of temporal retrieval over dialogues, here from the resolved ranges of both sides
    instead of equal words.
    """
    said = np.full(len(columns), np.inf)
    told = np.full(len(columns.row), np.inf)
    for one in asked:
        np.minimum(said, _half_lives(one, columns.said_at_us, columns.said_at_us + 1), out=said)
        wider = columns.until_us - columns.from_us > 2 * (one.until_us - one.from_us)
        np.minimum(told, _half_lives(one, columns.from_us, columns.until_us) + wider, out=told)
    np.minimum.at(said, columns.row, told)
    scores: FloatArray = np.exp2(-said).astype(np.float32)
    return scores


def _half_lives(asked: TimeRange, from_us: IntArray, until_us: IntArray) -> npt.NDArray[np.float64]:
    """How far each range lies from the one that was asked for; 0 where they meet."""
    gap = np.maximum(np.maximum(asked.from_us - until_us + 1, from_us - asked.until_us + 1), 0)
    distances: npt.NDArray[np.float64] = gap / max(NEAR_US, asked.until_us - asked.from_us)
    return distances


def when_match(columns: TimeColumns) -> FloatArray:
    """Whether each memory tells a time; use it only if the question asks for one.

    Source: the when-question × temporal-expression feature of answer-type matching in question answering.
    """
    return columns.strength


def recency(said_at_us: IntArray, now_us: int, half_life_s: float) -> FloatArray:
    """How fresh each memory is: 1 now, halved with every `half_life_s`. What is dated in the future is fresh.

    Source: exponential decay, as in the memory stream of "Generative Agents" (Park et al., 2023).
    """
    age_s = np.maximum(now_us - said_at_us, 0) / 1e6
    fresh: FloatArray = np.exp2(-age_s / half_life_s).astype(np.float32)
    return fresh
