"""What a search may walk over: the memories of one owner, seen as one graph at a point in time. No ranking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from engine.graph.aliases import Aliases
from engine.graph.contribution import Contribution
from engine.graph.project_graph import ProjectGraph, common_name
from engine.graph.scope_graph import ScopeGraph
from engine.graph.timeline import Statement, Timeline, renamed
from engine.types import Entity, Relation, ScopeField

# An entity that everybody mentions is followed into so many graphs only.
_MOST_GRAPHS: Final = 32
# So many is as many as it gets: counting on would only take time.
_MOST_COUNTED: Final = 1024


class Region:
    """What a query may walk: the memories of a project that belong to `owner` (None: all).

    Made for one query and then dropped: it remembers what it has looked up. Its keys are those that `aliases` leave.

    Args:
        project: the graphs.
        owner: the id that the memories have to have.
        at_us: which relations are true.
        made_by_us: memories made after that don't count; None: all do.
        day: what memories state that had expired by that day is not true; None: nothing has.
        functional: keys of the relationships that have one target at a time.
        aliases: which names mean the same.
    """

    def __init__(
        self,
        project: ProjectGraph,
        owner: tuple[ScopeField, str] | None,
        *,
        at_us: int = 0,
        made_by_us: int | None = None,
        day: str | None = None,
        functional: frozenset[str] = frozenset(),
        aliases: Aliases | None = None,
    ) -> None:
        self._project = project
        self._routes = None if owner is None else project.routes(owner)
        self._found: dict[str, list[ScopeGraph]] = {}
        self._entities: dict[str, Entity] = {}
        self._made_by_us = made_by_us
        self._day = day
        self._timeline = Timeline(self._said, functional, at_us)
        self.aliases = aliases or Aliases()
        self.owner = owner

    def graphs(self, name: str) -> list[ScopeGraph]:
        """The graphs of the region that mention an entity by that very name, at most 32."""
        if name not in self._found:
            self._found[name] = list(islice(self._find(name), _MOST_GRAPHS))
        return self._found[name]

    def _find(self, name: str) -> Iterator[ScopeGraph]:
        holders = self._project.holders(name)
        if self._routes is None:
            return iter(holders.values())
        if len(self._routes) <= len(holders):
            return (holders[route] for route in self._routes if route in holders)
        return (graph for route, graph in holders.items() if route in self._routes)

    def __contains__(self, key: str) -> bool:
        return next(self.memories(key), None) is not None

    def mentions(self, key: str) -> int:
        """How many memories mention the entity; where they have to be looked at one by one, counted up to 1,024."""
        if self.aliases.shared(key):
            return _length(self.memories(key))
        return sum(
            graph.mentions(key) if self._owns(graph) else _length(self._mine(graph.memories(key)))
            for graph in self.graphs(key)
        )

    def memories(self, key: str) -> Iterator[Contribution]:
        """Memories that mention the entity, each once; graph by graph, in each the latest first."""
        if not self.aliases.shared(key):
            return self._named(key)
        found = (memory for name in self.aliases.under(key) for memory in self._named(name))
        seen: set[Contribution] = set()
        return (memory for memory in found if not (memory in seen or seen.add(memory)))  # type: ignore[func-returns-value]

    def _named(self, name: str) -> Iterator[Contribution]:
        for graph in self.graphs(name):
            found = graph.memories(name)
            yield from found if self._owns(graph) else self._mine(found)

    def _owns(self, graph: ScopeGraph) -> bool:
        return self._made_by_us is None and (self.owner is None or graph.is_all_of(self.owner))

    def _mine(self, memories: Iterable[Contribution]) -> Iterator[Contribution]:
        return (memory for memory in memories if self._counts(memory))

    def _counts(self, memory: Contribution) -> bool:
        return memory.belongs_to(self.owner) and (self._made_by_us is None or memory.created_at_us <= self._made_by_us)

    def keys(self, memory: Contribution) -> Sequence[str]:
        """What the memory mentions."""
        return self.aliases.distinct(memory.keys)

    def entity(self, key: str) -> Entity:
        """The entity under the name, and of the kind, that most memories give it; the smaller one in a tie."""
        if key not in self._entities:
            self._entities[key] = self._name(key)
        return self._entities[key]

    def _name(self, key: str) -> Entity:
        for name in self.aliases.under(key):
            counted: Counter[Entity] = Counter()
            for graph in self.graphs(name):
                counted.update(graph.names(name))
            if counted:
                return self.aliases.shown(key, name, common_name(counted, name))
        return Entity(key)

    def longer_names(self, token: str) -> Iterator[str]:
        """The keys of several words of which `token` is one."""
        return (key for key in dict.fromkeys(map(self.aliases.of, self._project.longer_names(token))) if key in self)

    def shared(self, one: str, other: str) -> int:
        """How many memories mention both; where they have to be looked at one by one, counted up to 1,024."""
        if self.aliases.shared(one) or self.aliases.shared(other):
            both = {*islice(self.memories(one), _MOST_COUNTED)}
            return sum(1 for memory in islice(self.memories(other), _MOST_COUNTED) if memory in both)
        return sum(
            len(found) if self._owns(graph) else _length(self._mine(found))
            for graph in self.graphs(one)
            if (found := graph.shared(one, other))
        )

    def true(self, key: str) -> Iterator[Statement]:
        """What is stated of the entity and true at the time, between keys that `aliases` leave."""
        return self._timeline.true(self._statements(key))

    def relation(self, one: Statement) -> Relation:
        """The relation as it is shown: an entity that others mean too goes by its own name."""
        relation = one.relation
        if self.aliases.shared(one.source):
            relation = replace(relation, source=self.entity(one.source).name)
        if self.aliases.shared(one.target):
            relation = replace(relation, target=self.entity(one.target).name)
        return relation

    def tellers(self, relationships: Iterable[str]) -> set[str]:
        """Of whom one of these relationships is stated; looked for in the first 32 graphs of the region only."""
        routes = self._project.all_graphs() if self._routes is None else map(self._project.graph, self._routes)
        wanted = frozenset(relationships)
        return {self.aliases.of(source) for graph in islice(routes, _MOST_GRAPHS) for source in graph.tellers(wanted)}

    def _statements(self, key: str) -> Iterator[Statement]:
        for name in self.aliases.under(key):
            for graph in self.graphs(name):
                yield from self._between(graph.statements(name))

    def _said(self, source: str, relationship: str) -> Iterator[Statement]:
        for name in self.aliases.under(source):
            for graph in self.graphs(name):
                yield from self._between(graph.said(name, relationship))

    def _between(self, statements: Iterable[Statement]) -> Iterator[Statement]:
        return renamed((one for one in statements if self._states(one.memory)), self.aliases)

    def _states(self, memory: Contribution) -> bool:
        expired = self._day is not None and memory.expires is not None and memory.expires < self._day
        return self._counts(memory) and not expired


def _length(memories: Iterable[Contribution]) -> int:
    return sum(1 for _ in islice(memories, _MOST_COUNTED))
