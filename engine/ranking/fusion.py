"""From signals to one score. Pure, over all candidates at once.

The base is a mean over the families of signals, so that it means the same for every question and scope; the bonuses
take away shares of what it lacks to 1. So a score lies in [0, 1], grows with each signal, and depends on no other
candidate. An unknown signal (NaN) leaves its family to the others of it, an unknown family the base to the others.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.ranking.signals import BONUSES, FAMILIES, Signal
from engine.ranking.weights import NO_FLOORS, Floors, Weights
from engine.types import FloatArray

SPREAD = 1.5
"""The base is spread by `1 - (1 - base) ** SPREAD`, which changes no order: the parts of a good answer are far from 1
(a question isn't its answer), and so a score of 0.3 is a good match, and unrelated texts stay below 0.1."""


def fuse(signals: Mapping[Signal, FloatArray], weights: Weights, floors: Floors = NO_FLOORS) -> FloatArray:
    """The scores: float32 (n,). `signals`: raw values, float32 (n,) each, at least one; NaN: unknown."""
    left = 1.0 - based(signals, weights, floors)
    for signal in BONUSES:
        if (values := signals.get(signal)) is not None and weights[signal] > 0:
            left *= _left_by(values, weights[signal])
    scores: FloatArray = (1.0 - left).astype(np.float32)
    return scores


def based(signals: Mapping[Signal, FloatArray], weights: Weights, floors: Floors = NO_FLOORS) -> FloatArray:
    """The scores without any bonus: float32 (n,)."""
    base = _mean(signals, weights, floors)
    spread: FloatArray = 1.0 - (1.0 - base) ** SPREAD
    return spread


def parts(signals: Mapping[Signal, float], weights: Weights, floors: Floors = NO_FLOORS) -> dict[Signal, float]:
    """What each known signal contributes to the score of one memory; together they are the score."""
    columns = {signal: np.array([value], dtype=np.float32) for signal, value in signals.items()}
    if not columns:
        return {}
    base, score = float(based(columns, weights, floors)[0]), float(fuse(columns, weights, floors)[0])
    shares = _shares(columns, weights, floors)
    whole = sum(shares.values()) or 1.0
    lifts = {
        signal: -float(np.log(np.maximum(_left_by(columns[signal], weights[signal])[0], 1e-9)))
        for signal in BONUSES
        if signal in columns
    }
    lifted = sum(lifts.values()) or 1.0
    return {
        **{signal: base * share / whole for signal, share in shares.items()},
        **{signal: (score - base) * lift / lifted for signal, lift in lifts.items()},
    }


def known(values: FloatArray, floor: float) -> FloatArray:
    """A signal as it counts: nothing up to its floor, 1 at 1."""
    scaled: FloatArray = np.clip((values - floor) / (1.0 - floor), 0.0, 1.0)
    return scaled


def _mean(signals: Mapping[Signal, FloatArray], weights: Weights, floors: Floors) -> FloatArray:
    count = len(next(iter(signals.values())))
    total, weight = np.zeros(count, np.float32), np.zeros(count, np.float32)
    for family in FAMILIES:
        value, there = _family(family, signals, weights, floors, count)
        whole = sum(weights[signal] for signal in family)
        total += whole * value
        weight += whole * there
    mean: FloatArray = np.divide(total, weight, out=np.zeros(count, np.float32), where=weight > 0)
    return np.minimum(mean, 1.0)


def _family(
    family: tuple[Signal, ...], signals: Mapping[Signal, FloatArray], weights: Weights, floors: Floors, count: int
) -> tuple[FloatArray, FloatArray]:
    """The mean of those members that are known, and where any is (1, else 0)."""
    value, weight = np.zeros(count, np.float32), np.zeros(count, np.float32)
    for signal in family:
        if (raw := signals.get(signal)) is None or weights[signal] == 0:
            continue
        scaled = known(raw, floors.of(signal))
        there = ~np.isnan(scaled)
        value += weights[signal] * np.where(there, scaled, 0.0)
        weight += weights[signal] * there
    mean: FloatArray = np.divide(value, weight, out=np.zeros(count, np.float32), where=weight > 0)
    return mean, (weight > 0).astype(np.float32)


def _shares(signals: Mapping[Signal, FloatArray], weights: Weights, floors: Floors) -> dict[Signal, float]:
    """What each known signal of the base contributes to it, relative to each other."""
    shares: dict[Signal, float] = {}
    for family in FAMILIES:
        members = [signal for signal in family if signal in signals and not np.isnan(signals[signal][0])]
        whole, there = sum(weights[signal] for signal in family), sum(weights[signal] for signal in members)
        for signal in members:
            share = weights[signal] / there if there else 0.0
            shares[signal] = whole * share * float(known(signals[signal], floors.of(signal))[0])
    return shares


def _left_by(values: FloatArray, weight: float) -> FloatArray:
    left: FloatArray = 1.0 - min(weight, 1.0) * np.nan_to_num(np.clip(values, 0.0, 1.0))
    return left
