"""Personalised PageRank from a query's entities over memories and entities. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol

from engine.graph.contribution import Contribution
from engine.telling import specificity

# The share that stays where the walk stands; the rest goes on.
_STAY: Final = 0.5
# Entity to memory to entity, so often: what would go on after that is 0.5 ** 6, under 2 %.
_ROUNDS: Final = 3
# Less than this along an edge is not worth the step: it bounds the work of a round by 1 / _LEAST edges.
_LEAST: Final = 1e-4
# Of an entity that is in everything, so many memories are visited, the latest first.
_FAN_OUT: Final = 512


class Terrain(Protocol):
    """What is walked over."""

    def mentions(self, key: str) -> int:
        """How many memories mention the entity."""
        ...

    def memories(self, key: str) -> Iterable[Contribution]:
        """These memories."""
        ...

    def keys(self, memory: Contribution) -> Sequence[str]:
        """What the memory mentions."""
        ...

    def related(self, key: str) -> Iterable[str]:
        """Entities that a typed relation links with it."""
        ...


@dataclass(slots=True)
class Visited:
    """What share of the walk each memory and each entity got."""

    memories: dict[Contribution, float] = field(default_factory=dict)
    entities: dict[str, float] = field(default_factory=dict)


def walk(terrain: Terrain, seeds: Mapping[str, float], beyond: Mapping[str, float] | None = None) -> Visited:
    """The shares that a random walk with restart at `seeds` leaves behind.

    Personalised PageRank (Page et al. 1998; Haveliwala 2002) as its power series: the sum of a (1 - a)^t P^t s,
    a = 0.5, cut after six steps. From an entity each of its memories and related entities is as likely; from a memory
    its entities are, weighted by `specificity`, so that what is in everything attracts little.

    `beyond`: of entities that memories mention which are no part of the terrain, how many times as many memories
    mention them in all. What comes back to such an entity is taken to come from those as much as from these.
    """
    step = _Step(terrain)
    total = sum(seeds.values())
    at_entities = {key: weight / total for key, weight in seeds.items() if weight > 0}
    visited = Visited()
    for number in range(_ROUNDS):
        at_memories, at_related = step.from_entities(at_entities, visited, least=_LEAST if number else 0.0)
        if beyond:
            at_entities = step.from_memories(at_memories, visited, {})
            at_entities = {key: share * beyond.get(key, 1.0) for key, share in at_entities.items()}
            for key, share in at_related.items():
                at_entities[key] = at_entities.get(key, 0.0) + share
        else:
            at_entities = step.from_memories(at_memories, visited, at_related)
    return visited


class _Step:
    """One step of the walk each way; what it has looked up stays looked up for the query."""

    def __init__(self, terrain: Terrain) -> None:
        self._terrain = terrain
        self._mentions: dict[str, int] = {}
        self._weights: dict[str, float] = {}

    def from_entities(
        self, shares: Mapping[str, float], visited: Visited, least: float
    ) -> tuple[dict[Contribution, float], dict[str, float]]:
        memories: dict[Contribution, float] = {}
        related: dict[str, float] = {}
        for key, share in shares.items():
            visited.entities[key] = visited.entities.get(key, 0.0) + _STAY * share
            mentions = self._count(key)
            if share * (1 - _STAY) < least * mentions:
                continue
            others = tuple(self._terrain.related(key))
            passed = share * (1 - _STAY) / (mentions + len(others))
            for memory in islice(self._terrain.memories(key), _FAN_OUT):
                memories[memory] = memories.get(memory, 0.0) + passed
            for other in others:
                related[other] = related.get(other, 0.0) + passed
        return memories, related

    def from_memories(
        self, shares: Mapping[Contribution, float], visited: Visited, reached: dict[str, float]
    ) -> dict[str, float]:
        for memory, share in shares.items():
            visited.memories[memory] = visited.memories.get(memory, 0.0) + _STAY * share
            passed = share * (1 - _STAY)
            keys = self._terrain.keys(memory)
            if passed < _LEAST * len(keys):
                continue
            weights = [self._weight(key) for key in keys]
            total = sum(weights)
            for key, weight in zip(keys, weights, strict=True):
                reached[key] = reached.get(key, 0.0) + passed * weight / total
        return reached

    def _count(self, key: str) -> int:
        if key not in self._mentions:
            self._mentions[key] = self._terrain.mentions(key)
        return self._mentions[key]

    def _weight(self, key: str) -> float:
        if key not in self._weights:
            self._weights[key] = specificity(self._count(key))
        return self._weights[key]
