"""The memories of a scope as a person asks about them: what they mention, what surrounds it, how two things are linked.

Exact and linear in what is looked at: every memory counts, whatever its graph holds for others. Pure: the time is an
argument.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from typing import Final

from engine.graph.contribution import Contribution
from engine.graph.project_graph import ProjectGraph, common_name, is_valid
from engine.graph.scope_graph import ScopeGraph
from engine.graph_port import EntitiesQuery, Mentioned, Neighbourhood, NeighboursQuery, PathQuery, PathStep
from engine.times import day_of
from engine.types import MENTIONED_WITH, Entity, Relation, Scope
from engine.ways import reach, way_back

# Mentions that a path looks at before it gives up: a tenth of a second.
_MOST_MENTIONS: Final = 200_000


class Survey:
    """The memories of a project that have every id of `scope` and haven't expired. Made for one question."""

    def __init__(self, project: ProjectGraph, scope: Scope, now_us: int) -> None:
        self._project = project
        self._ids = tuple(scope.ids().items())
        self._graphs = project.graphs(self._ids)
        self._day = day_of(now_us)
        self.now_us = now_us

    def counts(self) -> Counter[str]:
        """Every entity, and how many memories mention it."""
        counted: Counter[str] = Counter()
        for graph in self._graphs.values():
            if self._shows_all(graph):
                counted.update({key: graph.mentions(key) for key in graph.keys()})  # noqa: SIM118 - it is no mapping
            else:
                counted.update(key for memory in self._shown(graph.contributions()) for key in memory.keys)
        return counted

    def memories(self, key: str) -> Iterator[Contribution]:
        """The memories that mention the entity."""
        for graph in self._holding(key):
            found = graph.memories(key)
            yield from found if self._shows_all(graph) else self._shown(found)

    def entity(self, key: str) -> Entity:
        """The entity under the name, and of the kind, that most memories give it."""
        counted: Counter[Entity] = Counter()
        for graph in self._holding(key):
            if self._shows_all(graph):
                counted.update(graph.names(key))
            else:
                counted.update(memory.entity(key) for memory in self._shown(graph.memories(key)))
        return common_name(counted, key)

    def _holding(self, key: str) -> list[ScopeGraph]:
        holders = self._project.holders(key)
        if len(holders) <= len(self._graphs):
            return [graph for route, graph in holders.items() if route in self._graphs]
        return [graph for route, graph in self._graphs.items() if route in holders]

    def _shows_all(self, graph: ScopeGraph) -> bool:
        return not graph.expiring and all(graph.is_all_of(owner) for owner in self._ids)

    def _shown(self, memories: Iterable[Contribution]) -> Iterator[Contribution]:
        return (memory for memory in memories if memory.is_shown(self._ids, self._day))


def entities(survey: Survey, query: EntitiesQuery) -> tuple[int, tuple[Mentioned, ...]]:
    """How many entities there are, and a page of them: the most mentioned first, then by name."""
    part = None if query.name is None else Entity(query.name).key
    counted = [(-count, key) for key, count in survey.counts().items() if part is None or part in key]
    page = heapq.nsmallest(query.offset + query.limit, counted)[query.offset :]
    return len(counted), tuple(Mentioned(survey.entity(key), -count) for count, key in page)


def neighbourhood(survey: Survey, query: NeighboursQuery) -> Neighbourhood | None:
    """What surrounds an entity; None when nothing mentions it. Typed relations come first, the newest before others."""
    key = Entity(query.entity).key
    memories = _newest_first(survey.memories(key))
    if not memories:
        return None
    together = Counter(other for memory in memories for other in memory.keys if other != key)
    strongest = heapq.nsmallest(query.limit, ((-count, other) for other, count in together.items()))
    around = [Mentioned(survey.entity(other), -count) for count, other in strongest]
    centre = survey.entity(key)
    typed = _typed(memories, key, survey.now_us)
    linked = {_other_end(edge, key) for edge in typed}
    untyped = (Relation(centre.name, MENTIONED_WITH, one.entity.name) for one in around if one.entity.key not in linked)
    return Neighbourhood(
        entity=Mentioned(centre, len(memories)),
        relations=(*typed, *untyped)[: query.limit],
        entities=tuple(around),
        memory_ids=tuple(memory.memory_id for memory in memories[: query.limit]),
    )


def path(survey: Survey, query: PathQuery) -> tuple[tuple[str, ...], tuple[PathStep, ...]] | None:
    """The names along the shortest way, and what links each with the next; None: no way of so few steps.

    Of equally short ways it is always the same one, whatever order the memories came in.
    """
    keys = _shortest(survey, Entity(query.source).key, Entity(query.target).key, query.most_steps)
    if keys is None:
        return None
    names = {key: survey.entity(key).name for key in keys}
    steps = tuple(_step(survey, one, other, names) for one, other in pairwise(keys))
    return tuple(names[key] for key in keys), steps


def unknown(survey: Survey, names: Iterable[str]) -> tuple[str, ...]:
    """The names that no memory mentions."""
    return tuple(name for name in names if next(survey.memories(Entity(name).key), None) is None)


def _shortest(survey: Survey, source: str, target: str, most_steps: int) -> list[str] | None:
    """Breadth first, the entities of a round in order of their keys."""
    came_from = {source: source}
    looked_into: set[Contribution] = set()
    budget = iter(range(_MOST_MENTIONS))
    frontier = [source]
    for _ in range(most_steps):
        if target in came_from:
            break
        beside = zip(budget, _beside(survey, frontier, looked_into), strict=False)
        frontier = reach(came_from, (pair for _, pair in beside))
    return way_back(came_from, source, target)


def beside(survey: Survey, keys: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """One round of such a search, for a way that leads through other shards too; see `BesideAnswer`."""
    came_from = {key: key for key in keys}
    reach(came_from, islice(_beside(survey, keys, set()), _MOST_MENTIONS))
    found: dict[str, list[str]] = {key: [] for key in keys}
    for other, key in came_from.items():
        if other != key:
            found[key].append(other)
    return tuple(tuple(found[key]) for key in keys)


def _beside(survey: Survey, keys: Iterable[str], looked_into: set[Contribution]) -> Iterator[tuple[str, str]]:
    """Each key with the entities that memories mention beside it; each memory is looked into once."""
    for key in keys:
        for memory in survey.memories(key):
            if memory not in looked_into:
                looked_into.add(memory)
                yield from ((key, other) for other in memory.keys)


def _step(survey: Survey, one: str, other: str, names: dict[str, str]) -> PathStep:
    """The newest typed relation between the two, else the newest memory that mentions both."""
    common = _newest_first(memory for memory in survey.memories(one) if other in memory.keys)
    for memory in common:
        for edge in memory.relations:
            ends = Entity(edge.source).key, Entity(edge.target).key
            if {*ends} == {one, other} and is_valid(edge, survey.now_us):
                return PathStep(replace(edge, source=names[ends[0]], target=names[ends[1]]), memory.memory_id)
    return PathStep(Relation(names[one], MENTIONED_WITH, names[other]), common[0].memory_id)


def _typed(newest_first: Iterable[Contribution], key: str, now_us: int) -> list[Relation]:
    """The relations of the entity that are true now; the same said by several memories counts once, as the newest."""
    found: dict[tuple[str, str, str], Relation] = {}
    for memory in newest_first:
        for edge in memory.relations:
            triple = Entity(edge.source).key, edge.relationship.casefold(), Entity(edge.target).key
            if key in (triple[0], triple[2]) and is_valid(edge, now_us):
                found.setdefault(triple, edge)
    return list(found.values())


def _other_end(edge: Relation, key: str) -> str:
    source = Entity(edge.source).key
    return Entity(edge.target).key if source == key else source


def _newest_first(memories: Iterable[Contribution]) -> list[Contribution]:
    return sorted(memories, key=lambda memory: (memory.created_at_us, memory.memory_id), reverse=True)
