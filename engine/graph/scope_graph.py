"""The graph of one routing key: who is mentioned where, who with whom, and the typed relations. No search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Final

import networkx as nx

from engine.graph.contribution import Contribution
from engine.graph.timeline import Statement, statements_of
from engine.types import Entity, ScopeField

if TYPE_CHECKING:
    _Bipartite = nx.Graph[str | Contribution]
    _Links = nx.Graph[str]
    _Typed = nx.MultiDiGraph[str]
else:
    _Bipartite = nx.Graph

# Pairs grow with the square: of a memory that names more, only so many are linked with each other.
_MOST_LINKED: Final = 24


class _Mentions(_Bipartite):
    """Entity keys on one side, memories on the other."""

    _adj: dict[str | Contribution, dict[Contribution, object]]

    def count(self, key: str) -> int:
        return len(self._adj[key])

    def latest(self, key: str) -> Iterator[Contribution]:
        # The public view of a node's neighbours can't be read backwards.
        return reversed(self._adj[key])


class ScopeGraph:
    """Nodes are entity keys and contributions. What a contribution added, `remove` takes away without a trace."""

    def __init__(self) -> None:
        self._scopes: Counter[tuple[ScopeField, str]] = Counter()
        self._mentions = _Mentions()
        self._together: _Links = nx.Graph()
        self._typed: _Typed = nx.MultiDiGraph()
        self._said: dict[tuple[str, str], dict[tuple[str, int], Statement]] = {}
        self._names: dict[str, Counter[Entity]] = {}
        self._memories = 0
        self._expiring = 0

    def __len__(self) -> int:
        """How many memories there are."""
        return self._memories

    def __contains__(self, key: str) -> bool:
        return key in self._names

    def is_all_of(self, owner: tuple[ScopeField, str]) -> bool:
        """Whether every memory here has that id."""
        return self._scopes[owner] == self._memories

    @property
    def expiring(self) -> bool:
        """Whether some memory here has a last day."""
        return self._expiring > 0

    def keys(self) -> Iterator[str]:
        """The keys of all entities."""
        return iter(self._names)

    def contributions(self) -> Iterator[Contribution]:
        """All memories, in the order in which they came."""
        return (node for node in self._mentions if isinstance(node, Contribution))

    def add(self, memory: Contribution) -> None:
        """Take the memory in; it must not be there yet."""
        self._memories += 1
        self._expiring += memory.expires is not None
        self._scopes.update(memory.scope.ids().items())
        self._mentions.add_node(memory)
        for entity, key in zip(memory.entities, memory.keys, strict=True):
            self._names.setdefault(key, Counter())[entity] += 1
            self._mentions.add_edge(key, memory)
        for one, other in combinations(memory.keys[:_MOST_LINKED], 2):
            if self._together.has_edge(one, other):
                self._together[one][other]["memories"][memory] = None
            else:
                self._together.add_edge(one, other, memories={memory: None})
        for stated in statements_of(memory):
            self._typed.add_edge(stated.source, stated.target, key=stated.place, statement=stated)
            self._said.setdefault((stated.source, stated.relationship), {})[stated.place] = stated

    def remove(self, memory: Contribution) -> None:
        """Take out all that the memory added; entities that nothing mentions any more go with it."""
        self._memories -= 1
        self._expiring -= memory.expires is not None
        for owner in memory.scope.ids().items():
            self._scopes[owner] -= 1
            if not self._scopes[owner]:
                del self._scopes[owner]
        for stated in statements_of(memory):
            about = stated.source, stated.relationship
            self._typed.remove_edge(stated.source, stated.target, key=stated.place)
            del self._said[about][stated.place]
            if not self._said[about]:
                del self._said[about]
        for one, other in combinations(memory.keys[:_MOST_LINKED], 2):
            shared = self._together[one][other]["memories"]
            del shared[memory]
            if not shared:
                self._together.remove_edge(one, other)
        self._mentions.remove_node(memory)
        for entity, key in zip(memory.entities, memory.keys, strict=True):
            self._forget(key, entity)

    def _forget(self, key: str, entity: Entity) -> None:
        names = self._names[key]
        names[entity] -= 1
        if not names[entity]:
            del names[entity]
        if not names:
            del self._names[key]
            self._mentions.remove_node(key)
        for graph in (self._together, self._typed):
            if key in graph and not graph.degree(key):
                graph.remove_node(key)

    def mentions(self, key: str) -> int:
        """How many memories mention the entity."""
        return self._mentions.count(key) if key in self._names else 0

    def names(self, key: str) -> Counter[Entity]:
        """How the memories name the entity, and how often each way."""
        return self._names.get(key, Counter())

    def memories(self, key: str) -> Iterator[Contribution]:
        """The memories that mention the entity, the latest first."""
        return self._mentions.latest(key) if key in self._names else iter(())

    def shared(self, one: str, other: str) -> Collection[Contribution]:
        """The memories that mention both."""
        edge = self._together.get_edge_data(one, other)
        return edge["memories"] if edge else ()

    def statements(self, key: str) -> Iterator[Statement]:
        """What is stated of the entity, as source and as target."""
        if key in self._typed:
            for _, _, data in self._typed.out_edges(key, data=True):
                yield data["statement"]
            for _, _, data in self._typed.in_edges(key, data=True):
                yield data["statement"]

    def said(self, source: str, relationship: str) -> Collection[Statement]:
        """What is stated of the entity with that relationship (both by key)."""
        return self._said.get((source, relationship), {}).values()

    def tellers(self, relationships: frozenset[str]) -> Iterator[str]:
        """Of whom one of these relationships is stated."""
        return (source for source, relationship in self._said if relationship in relationships)
