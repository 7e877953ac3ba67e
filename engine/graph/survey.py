"""The memories of a scope as a person asks about them: what they mention, what surrounds it, how two things are linked.

Exact and linear in what is looked at: every memory counts, whatever its graph holds for others. Pure: the time is an
argument.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, islice, pairwise
from typing import Final

from engine.graph.aliases import Aliases
from engine.graph.contribution import Contribution
from engine.graph.project_graph import ProjectGraph, common_name
from engine.graph.scope_graph import ScopeGraph
from engine.graph.timeline import Statement, Timeline, merged, renamed
from engine.graph_port import EntitiesQuery, Mentioned, Neighbourhood, NeighboursQuery, PathQuery, PathStep
from engine.times import day_of
from engine.types import MENTIONED_WITH, Entity, Relation, Scope
from engine.ways import reach, way_back

# Mentions that a path looks at before it gives up: a tenth of a second.
_MOST_MENTIONS: Final = 200_000
# So many entities, pairs of them, and entities of one memory are looked at for communities.
_MOST_LINKED: Final = 1000
_MOST_PAIRS: Final = 50_000
_MOST_TOGETHER: Final = 24


class Survey:
    """The memories of a project that have every id of `scope` and haven't expired. Made for one question.

    Its keys are those that `aliases` leave.

    Args:
        project: the graphs.
        scope: whose memories.
        now_us: the time.
        at_us: what is true is asked for this time, and memories made later don't count; None: now, and all count.
        functional: keys of the relationships that have one target at a time.
        aliases: which names mean the same.
    """

    def __init__(
        self,
        project: ProjectGraph,
        scope: Scope,
        now_us: int,
        *,
        at_us: int | None = None,
        functional: frozenset[str] = frozenset(),
        aliases: Aliases | None = None,
    ) -> None:
        self._project = project
        self._ids = tuple(scope.ids().items())
        self._graphs = project.graphs(self._ids)
        self._day = day_of(now_us)
        self._made_by_us = at_us
        self._timeline = Timeline(self._said, functional, now_us if at_us is None else at_us)
        self.aliases = aliases or Aliases()

    def counts(self) -> Counter[str]:
        """Every entity, and how many memories mention it."""
        counted: Counter[str] = Counter()
        for graph in self._graphs.values():
            if self._shows_all(graph) and not self.aliases:
                counted.update({key: graph.mentions(key) for key in graph.keys()})  # noqa: SIM118 - it is no mapping
            else:
                counted.update(key for memory in self._shown(graph.contributions()) for key in self.keys(memory))
        return counted

    def all_memories(self) -> Iterator[Contribution]:
        """The memories."""
        for graph in self._graphs.values():
            yield from self._shown(graph.contributions())

    def memories(self, key: str) -> Iterator[Contribution]:
        """The memories that mention the entity, each once."""
        if not self.aliases.shared(key):
            return self._named(key)
        found = (memory for name in self.aliases.under(key) for memory in self._named(name))
        return iter(dict.fromkeys(found))

    def keys(self, memory: Contribution) -> Sequence[str]:
        """What the memory mentions."""
        return self.aliases.distinct(memory.keys)

    def key(self, name: str) -> str:
        """The key of what the name means."""
        return self.aliases.of(Entity(name).key)

    def _named(self, name: str) -> Iterator[Contribution]:
        for graph in self._holding(name):
            found = graph.memories(name)
            yield from found if self._shows_all(graph) else self._shown(found)

    def entity(self, key: str) -> Entity:
        """The entity under the name, and of the kind, that most memories give it."""
        for name in self.aliases.under(key):
            counted = self._names(name)
            if counted:
                return self.aliases.shown(key, name, common_name(counted, name))
        return Entity(key)

    def _names(self, name: str) -> Counter[Entity]:
        counted: Counter[Entity] = Counter()
        for graph in self._holding(name):
            if self._shows_all(graph):
                counted.update(graph.names(name))
            else:
                counted.update(memory.entity(name) for memory in self._shown(graph.memories(name)))
        return counted

    def true(self, key: str) -> list[Statement]:
        """What is stated of the entity and true at the time: the same said by several counts once; newest first."""
        return merged(self._timeline.true(self._statements(key)))

    def relation(self, one: Statement) -> Relation:
        """The relation as it is shown: an entity that others mean too goes by its own name."""
        relation = one.relation
        if self.aliases.shared(one.source):
            relation = replace(relation, source=self.entity(one.source).name)
        if self.aliases.shared(one.target):
            relation = replace(relation, target=self.entity(one.target).name)
        return relation

    def _statements(self, key: str) -> Iterator[Statement]:
        for name in self.aliases.under(key):
            for graph in self._holding(name):
                yield from self._between(graph.statements(name))

    def _said(self, source: str, relationship: str) -> Iterator[Statement]:
        for name in self.aliases.under(source):
            for graph in self._holding(name):
                yield from self._between(graph.said(name, relationship))

    def _between(self, statements: Iterable[Statement]) -> Iterator[Statement]:
        return renamed((one for one in statements if self._shows(one.memory)), self.aliases)

    def _holding(self, name: str) -> list[ScopeGraph]:
        holders = self._project.holders(name)
        if len(holders) <= len(self._graphs):
            return [graph for route, graph in holders.items() if route in self._graphs]
        return [graph for route, graph in self._graphs.items() if route in holders]

    def _shows_all(self, graph: ScopeGraph) -> bool:
        return self._made_by_us is None and not graph.expiring and all(graph.is_all_of(owner) for owner in self._ids)

    def _shown(self, memories: Iterable[Contribution]) -> Iterator[Contribution]:
        return filter(self._shows, memories)

    def _shows(self, memory: Contribution) -> bool:
        made = self._made_by_us is None or memory.created_at_us <= self._made_by_us
        return made and memory.is_shown(self._ids, self._day)


def entities(survey: Survey, query: EntitiesQuery) -> tuple[int, tuple[Mentioned, ...]]:
    """How many entities there are, and a page of them: the most mentioned first, then by name."""
    part = None if query.name is None else Entity(query.name).key
    counted = [(-count, key) for key, count in survey.counts().items() if part is None or part in key]
    page = heapq.nsmallest(query.offset + query.limit, counted)[query.offset :]
    return len(counted), tuple(Mentioned(survey.entity(key), -count) for count, key in page)


def neighbourhood(survey: Survey, query: NeighboursQuery) -> Neighbourhood | None:
    """What surrounds an entity; None when nothing mentions it. Typed relations come first, the newest before others."""
    key = survey.key(query.entity)
    memories = _newest_first(survey.memories(key))
    if not memories:
        return None
    together = Counter(other for memory in memories for other in survey.keys(memory) if other != key)
    strongest = heapq.nsmallest(query.limit, ((-count, other) for other, count in together.items()))
    around = [Mentioned(survey.entity(other), -count) for count, other in strongest]
    centre = survey.entity(key)
    stated = survey.true(key)
    typed = map(survey.relation, stated)
    linked = {end for one in stated for end in (one.source, one.target)}
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
    keys = _shortest(survey, survey.key(query.source), survey.key(query.target), query.most_steps)
    if keys is None:
        return None
    names = {key: survey.entity(key).name for key in keys}
    steps = tuple(_step(survey, one, other, names) for one, other in pairwise(keys))
    return tuple(names[key] for key in keys), steps


def unknown(survey: Survey, names: Iterable[str]) -> tuple[str, ...]:
    """The names that no memory mentions."""
    return tuple(name for name in names if next(survey.memories(survey.key(name)), None) is None)


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
                yield from ((key, other) for other in survey.keys(memory))


def _step(survey: Survey, one: str, other: str, names: dict[str, str]) -> PathStep:
    """The newest typed relation between the two, else the newest memory that mentions both."""
    for stated in survey.true(one):
        if {stated.source, stated.target} == {one, other}:
            named = replace(stated.relation, source=names[stated.source], target=names[stated.target])
            return PathStep(named, stated.memory.memory_id)
    common = _newest_first(memory for memory in survey.memories(one) if other in survey.keys(memory))
    return PathStep(Relation(names[one], MENTIONED_WITH, names[other]), common[0].memory_id)


def links(survey: Survey) -> tuple[tuple[Mentioned, ...], tuple[tuple[str, str, int], ...], tuple[Relation, ...]]:
    """The entities that most memories mention, how many memories mention two of them, and what is stated between them.

    Of very many memories the newest count.
    """
    counted = heapq.nsmallest(_MOST_LINKED, ((-count, key) for key, count in survey.counts().items()))
    keys = {key for _, key in counted}
    pairs: Counter[tuple[str, str]] = Counter()
    for memory in _newest_first(survey.all_memories()):
        named = sorted(keys.intersection(survey.keys(memory)))[:_MOST_TOGETHER]
        pairs.update(combinations(named, 2))
        if len(pairs) > _MOST_PAIRS:
            break
    stated = (one for _, key in counted for one in survey.true(key) if one.source == key and one.target in keys)
    return (
        tuple(Mentioned(survey.entity(key), -count) for count, key in counted),
        tuple((one, other, count) for (one, other), count in sorted(pairs.items())),
        tuple(survey.relation(one) for one in islice(stated, _MOST_LINKED)),
    )


def _newest_first(memories: Iterable[Contribution]) -> list[Contribution]:
    return sorted(memories, key=lambda memory: (memory.created_at_us, memory.memory_id), reverse=True)
