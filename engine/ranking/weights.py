"""What each signal counts, unless somebody says otherwise. Reasoned and round; none is fitted to any set of questions.

- Meaning, words and the match of single tokens err in different places: each of these families counts 1. In a family
  the memory alone and the memory in its conversation count the same: alone it is exact, in context it is complete.
- A bonus takes away that share of what a score lacks to 1. Who spoke, the time asked for, quoted words, what was
  asked just before, the best of a conversation: each says something, and none can make a good answer of a bad one.
- What only asks seldom answers: a memory that is one question loses a fifth of its score.
- Newer isn't better by itself: recency is for those who want it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.pickling import by_fields
from engine.ranking.signals import Signal

LARGEST_WEIGHT = 10.0
SHIPPED: Mapping[Signal, float] = {
    Signal.DENSE: 0.5,
    Signal.CONTEXT: 0.5,
    Signal.KEYWORDS: 0.5,
    Signal.KEYWORDS_CONTEXT: 0.5,
    Signal.TOKENS: 1.0,
    Signal.SPEAKER: 0.2,
    Signal.DATE: 0.3,
    Signal.WHEN: 0.2,
    Signal.SESSION: 0.2,
    Signal.REPLY: 0.1,
    Signal.PHRASE: 0.1,
    Signal.GRAPH: 0.1,
    Signal.RECENCY: 0.0,
    Signal.STATEMENT: 0.2,
}

_PLACES = {signal: place for place, signal in enumerate(Signal)}


@by_fields
@dataclass(frozen=True, slots=True)
class Weights:
    """A weight a signal, in the order of `Signal`. Those of the base are relative; a bonus or a discount counts at
    most 1."""

    values: tuple[float, ...] = tuple(SHIPPED[signal] for signal in Signal)

    def __getitem__(self, signal: Signal) -> float:
        return self.values[_PLACES[signal]]

    def but(self, changes: Mapping[Signal, float]) -> Weights:
        """These with some changed."""
        if not changes:
            return self
        return Weights(tuple(changes.get(signal, value) for signal, value in zip(Signal, self.values, strict=True)))

    def named(self) -> dict[str, float]:
        """By the names of the signals."""
        return {signal.value: value for signal, value in zip(Signal, self.values, strict=True)}


@by_fields
@dataclass(frozen=True, slots=True)
class Floors:
    """What unrelated texts get from the model: `cosine` of their vectors, `token` of how their tokens match."""

    cosine: float = 0.0
    token: float = 0.0

    def of(self, signal: Signal) -> float:
        """From where on a signal says something."""
        if signal is Signal.TOKENS:
            return self.token
        return self.cosine if signal in (Signal.DENSE, Signal.CONTEXT) else 0.0


SHIPPED_WEIGHTS = Weights()
NO_FLOORS = Floors()
