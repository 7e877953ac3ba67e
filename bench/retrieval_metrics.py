"""How good a ranking is against known evidence. Pure.

A rank is a unit with the evidence that it stands for; a unit that brings nothing new counts as a miss.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

KS = (5, 10, 20, 50)
DEPTH = max(KS)
"""Ranks below aren't looked at."""

_GAIN_RANKS = 10
_RESAMPLES = 5000

Metrics = dict[str, float]
"""`recall@k`: share of the evidence in the first k; `all@k`, `any@k`: 1 if all, or any, of it is; `mrr`; `ndcg@10`."""

NAMES = (*(f"{name}@{k}" for k in KS for name in ("recall", "all", "any")), "mrr", "ndcg@10")


@dataclass(frozen=True, slots=True)
class Score:
    """Of one question."""

    group: str
    question: str
    category: str
    metrics: Metrics


def score(ranking: Iterable[Collection[str]], evidence: Collection[str]) -> Metrics:
    """Of one ranking, best first; what each rank stands for.

    Raises:
        ValueError: no evidence.
    """
    wanted = set(evidence)
    if not wanted:
        raise ValueError("a question without evidence can't be scored")
    found: set[str] = set()
    counts: list[int] = []
    for covered in list(ranking)[:DEPTH]:
        found |= wanted.intersection(covered)
        counts.append(len(found))
    return _metrics(counts, len(wanted))


def _metrics(counts: Sequence[int], wanted: int) -> Metrics:
    """`counts`: how much of the evidence is found up to each rank."""
    metrics: Metrics = {}
    for k in KS:
        found = counts[min(k, len(counts)) - 1] if counts else 0
        metrics[f"recall@{k}"] = found / wanted
        metrics[f"all@{k}"] = float(found == wanted)
        metrics[f"any@{k}"] = float(found > 0)
    gains = [rank for rank, (now, before) in enumerate(zip(counts, [0, *counts], strict=False), 1) if now > before]
    metrics["mrr"] = 1 / gains[0] if gains else 0.0
    best = sum(_discount(rank) for rank in range(1, min(_GAIN_RANKS, wanted) + 1))
    metrics["ndcg@10"] = sum(_discount(rank) for rank in gains if rank <= _GAIN_RANKS) / best
    return metrics


def _discount(rank: int) -> float:
    return 1 / math.log2(rank + 1)


def mean(scores: Iterable[Score]) -> Metrics:
    """Over questions, each as heavy as the others; {} if there are none."""
    rows = [one.metrics for one in scores]
    return {name: float(np.mean([row[name] for row in rows])) for name in NAMES} if rows else {}


def by_category(scores: Iterable[Score]) -> dict[str, list[Score]]:
    """In the order in which they come."""
    found: dict[str, list[Score]] = {}
    for one in scores:
        found.setdefault(one.category, []).append(one)
    return found


def difference(
    before: Iterable[Score], after: Iterable[Score], name: str = "recall@10", seed: int = 0
) -> tuple[float, float, float]:
    """What `after` gains on the questions that both have: the mean and its 95 % interval, by paired bootstrap.

    Raises:
        ValueError: they have no question in common.
    """
    old, new = _by_question(before), _by_question(after)
    gains = np.array([new[key][name] - old[key][name] for key in old if key in new])
    if not len(gains):
        raise ValueError("no question in common")
    drawn = np.random.default_rng(seed).integers(0, len(gains), (_RESAMPLES, len(gains)))
    low, high = np.percentile(gains[drawn].mean(axis=1), (2.5, 97.5))
    return float(gains.mean()), float(low), float(high)


def _by_question(scores: Iterable[Score]) -> Mapping[tuple[str, str], Metrics]:
    return {(one.group, one.question): one.metrics for one in scores}
