"""Token states in a few bytes, and how well the tokens of a question meet those of memories (late interaction).

MaxSim: Khattab and Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over
BERT", 2020; here over the states of an ordinary sentence encoder. The states are turned at random and cut to a few
dimensions, which keeps angles (Johnson and Lindenstrauss, 1984), and kept as whole numbers of 8 bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from engine.types import FloatArray

Codes: TypeAlias = npt.NDArray[np.int8]

CODE_DIMENSIONS = 96
MOST_TOKENS = 128
"""Tokens of a memory that are kept: the first."""
MOST_ASKED = 64
"""Tokens of a question that are compared: the first."""
_LARGEST = 127
_DEVIATIONS = 4.5
"""A coordinate of a unit vector that was turned at random lies within so many standard deviations of 0."""
_SEED = 20_261_122


def encode(states: npt.NDArray[np.floating]) -> Codes:
    """Token states (t, d) of any length as int8 (t, at most `CODE_DIMENSIONS`). No token: (0, …)."""
    turned = question(states[:MOST_TOKENS])
    codes: Codes = np.clip(np.rint(turned * _steps(turned.shape[1])), -_LARGEST, _LARGEST).astype(np.int8)
    return codes


def question(states: npt.NDArray[np.floating]) -> FloatArray:
    """Token states (t, d) as unit vectors float32 (t, at most `CODE_DIMENSIONS`): the side of the question."""
    given = np.asarray(states, dtype=np.float32)
    turned = given @ _turning(given.shape[1])
    lengths = np.linalg.norm(turned, axis=1, keepdims=True)
    unit: FloatArray = np.divide(turned, lengths, out=np.zeros_like(turned), where=lengths > 0)
    return unit


def match(asked: FloatArray, memories: Sequence[Codes]) -> FloatArray:
    """Per memory the mean over the question's tokens of the cosine with the nearest of its tokens: float32 (n,).

    `asked`: as `question` gives it. NaN: the memory or the question has no token.
    """
    matched = np.full(len(memories), np.nan, np.float32)
    filled = [at for at, codes in enumerate(memories) if len(codes)]
    if not filled or not len(asked):
        return matched
    every = np.concatenate([memories[at] for at in filled])
    ends = np.cumsum([len(memories[at]) for at in filled])
    cosines = every.astype(np.float32) @ (asked / _steps(asked.shape[1])).T
    best = np.maximum.reduceat(cosines, np.concatenate([[0], ends[:-1]]), axis=0)
    matched[filled] = np.clip(best.mean(axis=1), -1.0, 1.0)
    return matched


def _steps(dimensions: int) -> float:
    """How many steps there are to 1."""
    return _LARGEST / min(1.0, _DEVIATIONS / math.sqrt(dimensions))


@lru_cache(maxsize=8)
def _turning(dimensions: int) -> FloatArray:
    """Orthonormal columns, the same everywhere: float32 (d, at most `CODE_DIMENSIONS`)."""
    random = np.random.default_rng([_SEED, dimensions]).standard_normal((dimensions, dimensions))
    columns, triangle = np.linalg.qr(random)
    signed: FloatArray = (columns * np.sign(np.diag(triangle)))[:, :CODE_DIMENSIONS].astype(np.float32)
    return signed
