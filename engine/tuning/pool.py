"""The candidates of all judged questions as columns, and how good a ranking of them is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.ranking.fusion import fuse
from engine.ranking.signals import Signal
from engine.ranking.weights import Floors, Weights
from engine.types import FloatArray

TOP = 10
_SOFTNESS = 0.02
"""Of a score: two memories that differ by so much are three to one in order."""
_EDGE = 3.0
"""Of a place, likewise."""
_FIRST = 0.1
"""What the place of the first good answer counts beside the share that is found."""

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A memory that a search found for a question. `signals`: raw values of those that are known."""

    memory_id: str
    signals: Mapping[Signal, float]


@dataclass(frozen=True, slots=True)
class Case:
    """A judged question with what was found for it. `evidence`: per piece the memories that stand for it."""

    question_id: str
    group: str
    candidates: tuple[Candidate, ...]
    evidence: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over questions. `recall`: share of the evidence among the first ten; `mrr`: 1 / place of the first."""

    questions: int
    recall: float
    mrr: float


class Pool:
    """The candidates of many questions in one table.

    Args:
        cases: the questions.
        floors: of the model that the signals come from.
    """

    def __init__(self, cases: Sequence[Case], floors: Floors) -> None:
        self._cases = cases
        self._floors = floors
        rows = [one for case in cases for one in case.candidates]
        self._signals: dict[Signal, FloatArray] = {
            signal: np.array([one.signals.get(signal, np.nan) for one in rows], np.float32)
            for signal in Signal
            if any(signal in one.signals for one in rows)
        }
        self._starts = np.cumsum([0, *(len(case.candidates) for case in cases)])
        self._good, self._bad, self._bounds, self._weight, self._first = _pairs(cases, self._starts)

    def __len__(self) -> int:
        return len(self._cases)

    @property
    def signals(self) -> tuple[Signal, ...]:
        """Those that any candidate has."""
        return tuple(self._signals)

    def figures(self, weights: Weights) -> Figures:
        """How good the ranking is that these weights make."""
        scores = self._scores(weights)
        told = [
            _judge(case, scores[start:end])
            for case, start, end in zip(self._cases, self._starts, self._starts[1:], strict=False)
        ]
        if not told:
            return Figures(0, 0.0, 0.0)
        recall, mrr = np.mean(told, axis=0)
        return Figures(len(told), float(recall), float(mrr))

    def gain(self, weights: Weights) -> float:
        """About the same as one number that grows smoothly: what the fit makes as large as it can.

        Places are sums of sigmoids over pairs (Qin, Liu and Li, "A General Approximation Framework for Direct
        Optimization of Information Retrieval Measures", 2010).
        """
        if not len(self._good):
            return 0.0
        scores = self._scores(weights).astype(np.float64)
        ahead = _sigmoid((scores[self._bad] - scores[np.repeat(self._good, np.diff(self._bounds))]) / _SOFTNESS)
        places = 1.0 + np.add.reduceat(np.append(ahead, 0.0), self._bounds[:-1]) * (np.diff(self._bounds) > 0)
        found = _sigmoid((TOP + 0.5 - places) / _EDGE)
        firsts = np.maximum.reduceat(1.0 / places, self._first)
        return float(np.sum(found * self._weight) + _FIRST * np.sum(firsts)) / max(1, len(self._cases))

    def _scores(self, weights: Weights) -> FloatArray:
        if not self._signals:
            return np.zeros(int(self._starts[-1]), np.float32)
        return fuse(self._signals, weights, self._floors)


def _pairs(cases: Sequence[Case], starts: Places) -> tuple[Places, Places, Places, npt.NDArray[np.float64], Places]:
    """Rows that answer; rows that don't, of the same question, for each of them; where those begin and end; what each
    counts in its question; and which is the first of each question."""
    good, bad, bounds, weight, firsts = list[int](), list[Places](), [0], list[float](), list[int]()
    for case, start in zip(cases, starts, strict=False):
        wanted = frozenset().union(*case.evidence)
        answers = np.array([one.memory_id in wanted for one in case.candidates], bool)
        others = start + np.flatnonzero(~answers)
        rows = start + np.flatnonzero(answers)
        if not len(rows):
            continue
        firsts.append(len(good))
        for row in rows:
            good.append(int(row))
            bad.append(others)
            bounds.append(bounds[-1] + len(others))
            weight.append(1.0 / max(len(case.evidence), len(rows)))
    joined = np.concatenate(bad) if bad else np.zeros(0, np.intp)
    return (
        np.array(good, np.intp),
        joined.astype(np.intp),
        np.array(bounds, np.intp),
        np.array(weight),
        np.array(firsts, np.intp),
    )


def _judge(case: Case, scores: FloatArray) -> tuple[float, float]:
    """Recall among the first ten and reciprocal rank. Equal scores go by id, so that they never go by luck."""
    ids = [one.memory_id for one in case.candidates]
    order = sorted(range(len(ids)), key=lambda place: (-scores[place], ids[place]))
    ranked = [ids[place] for place in order]
    top = frozenset(ranked[:TOP])
    recall = float(np.mean([bool(piece & top) for piece in case.evidence]))
    wanted = frozenset().union(*case.evidence)
    first = next((place for place, memory_id in enumerate(ranked, 1) if memory_id in wanted), None)
    return recall, 0.0 if first is None else 1.0 / first


def _sigmoid(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1.0 / (1.0 + np.exp(-np.clip(values, -60.0, 60.0)))
