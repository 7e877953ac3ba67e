"""Scores: in [0, 1], the same in whatever order, growing with each signal; what is unknown counts for nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ranking.fusion import based, fuse, parts
from engine.ranking.signals import BONUSES, DISCOUNTS, FAMILIES, Signal
from engine.ranking.weights import Floors, Weights
from engine.types import FloatArray

FLOORS = Floors(0.1, 0.2)
VALUE = st.floats(0, 1, width=32)
MAYBE = st.just(float("nan")) | VALUE
MEMORY = st.fixed_dictionaries(dict.fromkeys(Signal, MAYBE))
WEIGHTS = st.builds(
    lambda values: Weights(tuple(values)),
    st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0, 10.0]), min_size=len(Signal), max_size=len(Signal)),
)


def columns(memories: list[dict[Signal, float]]) -> dict[Signal, FloatArray]:
    return {signal: np.array([one[signal] for one in memories], dtype=np.float32) for signal in Signal}


@given(st.lists(MEMORY, min_size=1, max_size=8), WEIGHTS, st.randoms())
def test_a_score_lies_in_0_and_1_and_depends_on_no_other_memory(
    memories: list[dict[Signal, float]], weights: Weights, random: object
) -> None:
    scores = fuse(columns(memories), weights, FLOORS)
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()
    order = list(range(len(memories)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert fuse(columns([memories[at] for at in order]), weights, FLOORS).tolist() == scores[order].tolist()


@given(MEMORY, WEIGHTS, st.sampled_from(list(Signal)), VALUE)
def test_a_score_grows_with_each_signal(
    memory: dict[Signal, float], weights: Weights, signal: Signal, more: float
) -> None:
    if np.isnan(memory[signal]):
        memory = {**memory, signal: 0.0}
    better = {**memory, signal: max(memory[signal], more)}
    low, high = fuse(columns([memory, better]), weights, FLOORS)
    assert high >= low - 1e-6


@given(MEMORY, WEIGHTS)
def test_what_is_unknown_counts_as_if_it_did_not_exist(memory: dict[Signal, float], weights: Weights) -> None:
    known = {signal: values for signal, values in columns([memory]).items() if not np.isnan(values[0])}
    if known:
        assert fuse(known, weights, FLOORS)[0] == fuse(columns([memory]), weights, FLOORS)[0]


@given(MEMORY, WEIGHTS)
def test_the_parts_of_a_score_add_up_to_it(memory: dict[Signal, float], weights: Weights) -> None:
    known = {signal: value for signal, value in memory.items() if not np.isnan(value)}
    if known:
        told = parts(known, weights, FLOORS)
        assert set(told) == set(known)
        assert all(part >= -1e-6 for signal, part in told.items() if signal not in DISCOUNTS)
        assert all(part <= 1e-6 for signal, part in told.items() if signal in DISCOUNTS)
        assert sum(told.values()) == pytest.approx(float(fuse(columns([memory]), weights, FLOORS)[0]), abs=1e-5)


@given(VALUE)
def test_a_family_of_which_one_is_unknown_speaks_with_the_other(value: float) -> None:
    for first, second in (family for family in FAMILIES if len(family) == 2):
        alone, both = (
            {first: np.array([value], np.float32)},
            {one: np.array([value], np.float32) for one in (first, second)},
        )
        assert based(alone, Weights())[0] == pytest.approx(based(both, Weights())[0], abs=1e-6)


def test_every_signal_has_one_place() -> None:
    assert sorted([*(signal for family in FAMILIES for signal in family), *BONUSES, *DISCOUNTS]) == sorted(Signal)


def test_a_bonus_alone_gives_its_weight() -> None:
    scores = fuse({Signal.GRAPH: np.array([1.0, 0.5, np.nan], np.float32)}, Weights().but({Signal.GRAPH: 0.1}))
    assert scores.tolist() == [pytest.approx(0.1), pytest.approx(0.05), 0.0]


def test_a_memory_that_only_asks_loses_the_weight_of_a_statement() -> None:
    signals = {Signal.DENSE: np.ones(3, np.float32), Signal.STATEMENT: np.array([0.0, 0.5, 1.0], np.float32)}
    assert fuse(signals, Weights().but({Signal.STATEMENT: 0.2})).tolist() == pytest.approx([0.8, 0.9, 1.0])


def test_a_memory_that_gets_no_more_than_unrelated_ones_scores_nothing() -> None:
    signals = {Signal.DENSE: np.array([0.1], np.float32), Signal.TOKENS: np.array([0.2], np.float32)}
    assert fuse(signals, Weights(), FLOORS).tolist() == [0.0]
