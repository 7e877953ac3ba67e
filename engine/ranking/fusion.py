"""From signals to one score. Pure, over all candidates at once.

The base is a mean over the families of signals, so that it means the same for every question and scope. It is spread by
`1 - (1 - base) ** 1.5`, which changes no order: a question isn't its answer, so that the signals of a good answer are
far from 1; spread, a good match is above 0.3, and unrelated texts stay below 0.1. The bonuses take away shares of what
it lacks to 1, and a discount takes away a share of what it then is. So a score lies in [0, 1], grows with each signal,
and depends on no other candidate. An unknown signal (NaN) leaves its family to the others of it, an unknown family the
base to the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.ranking.signals import BONUSES, DISCOUNTS, FAMILIES, Signal
from engine.ranking.weights import NO_FLOORS, Floors, Weights
from engine.types import FloatArray

_NOTHING = np.float32(0.0)
_ALL = np.float32(1.0)


def fuse(signals: Mapping[Signal, FloatArray], weights: Weights, floors: Floors = NO_FLOORS) -> FloatArray:
    """The scores: float32 (n,). `signals`: raw values, float32 (n,) each, at least one; NaN: unknown."""
    left = _ALL - based(signals, weights, floors)
    for signal in BONUSES:
        if (values := signals.get(signal)) is not None and weights[signal] > 0:
            left *= _left_by(values, weights[signal])
    scores: FloatArray = _ALL - left
    for signal in DISCOUNTS:
        if (values := signals.get(signal)) is not None and weights[signal] > 0:
            scores *= _kept_by(values, weights[signal])
    return scores


def based(signals: Mapping[Signal, FloatArray], weights: Weights, floors: Floors = NO_FLOORS) -> FloatArray:
    """The scores without any bonus: float32 (n,)."""
    left = _ALL - _mean(signals, weights, floors)
    spread: FloatArray = _ALL - left * np.sqrt(left)
    return spread


def parts(signals: Mapping[Signal, float], weights: Weights, floors: Floors = NO_FLOORS) -> dict[Signal, float]:
    """What each known signal contributes to the score of one memory, a discount's below 0; together they are it."""
    columns = {signal: np.array([value], dtype=np.float32) for signal, value in signals.items()}
    if not columns:
        return {}
    undiscounted = {signal: values for signal, values in columns.items() if signal not in DISCOUNTS}
    base, score = (float(of(undiscounted, weights, floors)[0]) if undiscounted else 0.0 for of in (based, fuse))
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
        **_taken(score, columns, weights),
    }


def known(values: FloatArray, floor: float) -> FloatArray:
    """A signal as it counts: nothing up to its floor, 1 at 1."""
    if floor:
        values = (values - np.float32(floor)) * np.float32(1.0 / (1.0 - floor))
    scaled: FloatArray = np.minimum(np.maximum(values, _NOTHING), _ALL)
    return scaled


def _mean(signals: Mapping[Signal, FloatArray], weights: Weights, floors: Floors) -> FloatArray:
    total: Any = np.float32(0.0)
    weight: Any = np.float32(0.0)
    for family in FAMILIES:
        if (found := _family(family, signals, weights, floors)) is None:
            continue
        value, there = found
        whole = sum(weights[signal] for signal in family)
        total = total + whole * value
        weight = weight + whole * there
    count = len(next(iter(signals.values())))
    means = np.zeros(count, np.float32)
    np.divide(total, weight, out=means, where=np.greater(weight, 0))
    capped: FloatArray = np.minimum(means, _ALL)
    return capped


def _family(
    family: tuple[Signal, ...], signals: Mapping[Signal, FloatArray], weights: Weights, floors: Floors
) -> tuple[FloatArray, FloatArray | float] | None:
    """The mean of those members that are known, and where any is (1, else 0); None: nowhere."""
    members = [signal for signal in family if signal in signals and weights[signal] > 0]
    value: Any = np.float32(0.0)  # one number, or one a row where some are unknown
    weight: Any = np.float32(0.0)
    for signal in members:
        scaled = known(signals[signal], floors.of(signal))
        unknown = np.isnan(scaled)
        if unknown.any():
            value = value + np.float32(weights[signal]) * np.where(unknown, _NOTHING, scaled)
            weight = weight + np.float32(weights[signal]) * ~unknown
        else:
            value = value + np.float32(weights[signal]) * scaled
            weight = weight + np.float32(weights[signal])
    if not members:
        return None
    if np.ndim(weight) == 0:
        return np.asarray(value / weight, np.float32), 1.0
    mean = np.zeros(len(weight), np.float32)
    np.divide(value, weight, out=mean, where=weight > 0)
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


def _taken(score: float, signals: Mapping[Signal, FloatArray], weights: Weights) -> dict[Signal, float]:
    """What each discount takes from the score of one memory, one after the other."""
    taken: dict[Signal, float] = {}
    for signal in DISCOUNTS:
        if signal in signals:
            taken[signal] = score * (float(_kept_by(signals[signal], weights[signal])[0]) - 1.0)
            score += taken[signal]
    return taken


def _kept_by(values: FloatArray, weight: float) -> FloatArray:
    # fmin takes the number where the other is NaN: what is unknown costs nothing.
    kept: FloatArray = _ALL - np.float32(min(weight, 1.0)) * (_ALL - np.fmax(np.fmin(values, _ALL), _NOTHING))
    return kept


def _left_by(values: FloatArray, weight: float) -> FloatArray:
    # fmax takes the number where the other is NaN.
    left: FloatArray = _ALL - np.float32(min(weight, 1.0)) * np.fmin(np.fmax(values, _NOTHING), _ALL)
    return left
