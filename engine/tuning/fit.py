"""Weights for judged questions, and how good they are for questions that they were not fitted on. Pure, repeatable."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.ranking.signals import BONUSES, DISCOUNTS, FAMILIES, Signal
from engine.ranking.weights import LARGEST_WEIGHT, Floors, Weights
from engine.tuning.pool import Case, Figures, Pool

_STEPS = (0.25, 0.5, 0.75, 0.9, 1.1, 1.35, 2.0, 4.0)
_FROM_NOTHING = (0.02, 0.1, 0.25)
_ROUNDS = 12
_WORTH = 1e-5
_CARE = 60.0
"""How much is held against leaving the shipped weights, as if so many questions said that they are right."""
_PARTS = 5
_DIGITS = 3
_BASE = tuple(signal for family in FAMILIES for signal in family)
_OTHERS = (*BONUSES, *DISCOUNTS)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A group that the weights were not fitted on: how good the shipped ones are for it, and the fitted."""

    group: str
    shipped: Figures
    fitted: Figures


@dataclass(frozen=True, slots=True)
class Fit:
    """The weights of all questions together, and for each group what a fit on all others would have done for it.

    `shipped`, `fitted`: over all questions; `fitted` with their own weights, so it flatters.
    """

    weights: Weights
    shipped: Figures
    fitted: Figures
    held_out: tuple[HeldOut, ...]

    @property
    def before(self) -> Figures:
        """With the shipped weights, over all questions that were held out."""
        return _mean([one.shipped for one in self.held_out])

    @property
    def after(self) -> Figures:
        """The honest figure: every question ranked by weights that have not seen its group."""
        return _mean([one.fitted for one in self.held_out])

    @property
    def helps(self) -> bool:
        """Whether questions that were not seen are answered better."""
        before, after = self.before, self.after
        return (after.recall, after.mrr) > (before.recall, before.mrr) and after.recall >= before.recall


Told = Callable[[int, int], None]
"""Called with how many fits are done, of how many."""


def fitted(cases: Sequence[Case], floors: Floors, told: Told | None = None, shipped: Weights | None = None) -> Fit:
    """Fit the weights, once for all questions and once without each group (of a single group: without each fifth).

    Args:
        cases: questions with what was found for them.
        floors: of the model.
        told: how far it is.
        shipped: where the fit starts; the shipped weights unless given.
    """
    start = shipped or Weights()
    parts = _parts(cases)
    held_out = []
    for done, (name, inside) in enumerate(parts.items()):
        _tell(told, done, len(parts) + 1)
        left_out = {id(case) for case in inside}
        others = [case for case in cases if id(case) not in left_out]
        weights = _climbed(Pool(others, floors), start)
        left = Pool(inside, floors)
        held_out.append(HeldOut(name, left.figures(start), left.figures(weights)))
    _tell(told, len(parts), len(parts) + 1)
    whole = Pool(cases, floors)
    weights = _climbed(whole, start)
    _tell(told, len(parts) + 1, len(parts) + 1)
    return Fit(weights, whole.figures(start), whole.figures(weights), tuple(held_out))


def _tell(told: Told | None, done: int, of: int) -> None:
    if told is not None:
        told(done, of)


def _parts(cases: Sequence[Case]) -> dict[str, list[Case]]:
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.group, []).append(case)
    if len(groups) > 1:
        return groups
    fifths = {f"part {part + 1}": list(cases[part::_PARTS]) for part in range(_PARTS)}
    return {name: part for name, part in fifths.items() if part}


def _climbed(pool: Pool, start: Weights) -> Weights:
    """Coordinate ascent: one weight at a time, as long as that gains anything."""
    signals = [signal for signal in pool.signals if signal in _BASE or signal in _OTHERS]
    questions = max(1, len(pool))

    def worth(weights: Weights) -> float:
        return pool.gain(weights) - _CARE / questions * _distance(weights, start)

    best, gain = start, worth(start)
    for _ in range(_ROUNDS):
        before = gain
        for signal in signals:
            for value in _tries(signal, best[signal]):
                tried = best.but({signal: value})
                if _usable(tried) and (got := worth(tried)) > gain + _WORTH:
                    best, gain = tried, got
        if gain <= before:
            break
    return _rounded(best, start)


def _tries(signal: Signal, value: float) -> list[float]:
    most = LARGEST_WEIGHT if signal in _BASE else 1.0
    steps = [value * step for step in _STEPS] if value else [*_FROM_NOTHING]
    return sorted({0.0, *(min(step, most) for step in steps)} - {value})


def _usable(weights: Weights) -> bool:
    return any(weights[signal] for signal in _BASE)


def _distance(weights: Weights, start: Weights) -> float:
    """Of the base only what they are relative to each other counts."""
    whole, before = (sum(one[signal] for signal in _BASE) for one in (weights, start))
    base = sum((weights[signal] / whole - start[signal] / before) ** 2 for signal in _BASE)
    return base + sum((weights[signal] - start[signal]) ** 2 for signal in _OTHERS)


def _rounded(weights: Weights, start: Weights) -> Weights:
    """The base as large in all as it was, so that it can be read beside the shipped one."""
    scale = sum(start[signal] for signal in _BASE) / sum(weights[signal] for signal in _BASE)
    base = {signal: round(min(weights[signal] * scale, LARGEST_WEIGHT), _DIGITS) for signal in _BASE}
    return weights.but({**base, **{signal: round(weights[signal], _DIGITS) for signal in _OTHERS}})


def _mean(figures: Sequence[Figures]) -> Figures:
    count = sum(one.questions for one in figures)
    if not count:
        return Figures(0, 0.0, 0.0)
    return Figures(
        count,
        math.fsum(one.recall * one.questions for one in figures) / count,
        math.fsum(one.mrr * one.questions for one in figures) / count,
    )
