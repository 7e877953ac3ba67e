"""Answers that differ from each other: nothing lost or twice, the best first, and as before without diversity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ranking.diversity import by_vectors, by_words, diverse
from engine.types import FloatArray

scores = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=12).map(lambda some: sorted(some, reverse=True))


def likeness_of(count: int, seed: int) -> FloatArray:
    vectors = np.random.default_rng(seed).standard_normal((count, 5)).astype(np.float32)
    return by_vectors(list(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)))


@given(scores, st.integers(0, 99), st.floats(0, 1), st.integers(1, 15))
def test_each_answer_comes_once_and_the_best_first(
    relevance: list[float], seed: int, diversity: float, count: int
) -> None:
    order = diverse(relevance, likeness_of(len(relevance), seed), diversity, count)

    assert len(order) == len(set(order)) == min(count, len(relevance))
    assert order[0] == 0


@given(scores, st.integers(0, 99))
def test_without_diversity_the_order_stays(relevance: list[float], seed: int) -> None:
    assert diverse(relevance, likeness_of(len(relevance), seed), 0.0, 99) == list(range(len(relevance)))


@given(scores, st.floats(0, 0.9))
def test_answers_that_are_all_alike_stay_in_their_order(relevance: list[float], diversity: float) -> None:
    same = np.ones((len(relevance), len(relevance)), np.float32)

    assert diverse(relevance, same, diversity, 99) == list(range(len(relevance)))


@pytest.mark.parametrize(("diversity", "order"), [(0.0, [0, 1, 2]), (0.3, [0, 2, 1]), (1.0, [0, 2, 1])])
def test_a_repetition_gives_way_to_something_else(diversity: float, order: list[int]) -> None:
    likeness = by_words(["tea is good", "tea is good!", "coffee was cold"])

    assert diverse([0.9, 0.85, 0.6], likeness, diversity, 3) == order


def test_words_in_common_are_a_share_of_all_words() -> None:
    likeness = by_words(["a b c", "b c d", "", "x"])

    assert likeness.round(2).tolist() == [[1, 0.5, 0, 0], [0.5, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
