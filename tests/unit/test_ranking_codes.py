"""Token states in a few bytes: cosines stay, and each token of a question finds its nearest."""

from __future__ import annotations

import numpy as np
import pytest

from engine.ranking import codes
from engine.types import FloatArray


def states(rng: np.random.Generator, count: int, dimensions: int = 384) -> FloatArray:
    return rng.standard_normal((count, dimensions)).astype(np.float32)


def match_exactly(asked: FloatArray, told: FloatArray) -> float:
    def unit(rows: FloatArray) -> FloatArray:
        scaled: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return scaled

    return float((unit(asked) @ unit(told).T).max(axis=1).mean())


def test_a_memory_takes_a_byte_a_dimension_of_each_token() -> None:
    made = codes.encode(states(np.random.default_rng(0), 30))
    assert made.dtype == np.int8
    assert made.nbytes == 30 * codes.CODE_DIMENSIONS


def test_few_dimensions_are_all_kept() -> None:
    rng = np.random.default_rng(1)
    asked, told = states(rng, 3, 4), states(rng, 5, 4)
    found = codes.match(codes.question(asked), [codes.encode(told)])
    assert found[0] == pytest.approx(match_exactly(asked, told), abs=0.01)


def test_related_tokens_match_as_they_do_before_they_are_coded() -> None:
    rng = np.random.default_rng(2)
    asked = states(rng, 8)
    memories = [asked[:4] + noise * states(rng, 4) for noise in (0.1, 0.5, 1.0, 2.0)]
    found = codes.match(codes.question(asked[:4]), [codes.encode(told) for told in memories])
    exact = [match_exactly(asked[:4], told) for told in memories]
    assert found == pytest.approx(exact, abs=0.12)
    assert sorted(found, reverse=True) == list(found)


def test_the_length_of_a_state_says_nothing() -> None:
    told = states(np.random.default_rng(3), 6)
    assert (codes.encode(told) == codes.encode(5 * told)).all()


def test_without_tokens_nothing_is_known() -> None:
    rng = np.random.default_rng(4)
    asked = codes.question(states(rng, 3))
    nothing = codes.encode(states(rng, 0))
    found = codes.match(asked, [nothing, codes.encode(states(rng, 2)), nothing])
    assert np.isnan(found).tolist() == [True, False, True]
    assert np.isnan(codes.match(asked[:0], [codes.encode(states(rng, 2))])).all()
    assert codes.match(asked, []).shape == (0,)


def test_a_zero_state_matches_nothing() -> None:
    asked = codes.question(states(np.random.default_rng(5), 2))
    assert codes.match(asked, [codes.encode(np.zeros((1, 384), np.float32))]).tolist() == [0.0]


def test_a_long_memory_keeps_its_first_tokens() -> None:
    told = states(np.random.default_rng(6), 300)
    assert (codes.encode(told) == codes.encode(told[: codes.MOST_TOKENS])).all()
