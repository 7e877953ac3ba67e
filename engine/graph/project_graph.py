"""All graphs of one project, and the indexes that find the right ones. No ranking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from engine.graph.contribution import Contribution
from engine.graph.scope_graph import ScopeGraph
from engine.ids import routing_key
from engine.types import Entity, Relation, ScopeField

# An entity that everybody mentions is followed into so many graphs only.
_MOST_GRAPHS: Final = 32
# So many is as many as it gets: counting on would only take time.
_MOST_COUNTED: Final = 1024


class ProjectGraph:
    """A graph per routing key. Nothing of another project can be reached from here."""

    def __init__(self) -> None:
        self.memories: dict[str, Contribution] = {}
        self._graphs: dict[str, ScopeGraph] = {}
        self._owners: dict[tuple[ScopeField, str], Counter[str]] = {}
        self._holders: dict[str, dict[str, ScopeGraph]] = {}
        self._tokens: dict[str, dict[str, None]] = {}

    def put(self, memory: Contribution) -> None:
        """Take the memory in, in place of what it was before."""
        self.drop(memory.memory_id)
        route = routing_key(memory.project, memory.scope)
        graph = self._graphs.get(route)
        if graph is None:  # Made only when it is needed: networkx takes its time.
            graph = self._graphs[route] = ScopeGraph()
        graph.add(memory)
        self.memories[memory.memory_id] = memory
        for owner in memory.scope.ids().items():
            self._owners.setdefault(owner, Counter())[route] += 1
        for key in memory.keys:
            self._hold(key, route, graph)

    def drop(self, memory_id: str) -> None:
        """Take the memory out, if it is there."""
        memory = self.memories.pop(memory_id, None)
        if memory is None:
            return
        route = routing_key(memory.project, memory.scope)
        graph = self._graphs[route]
        graph.remove(memory)
        for owner in memory.scope.ids().items():
            self._release(owner, route)
        for key in memory.keys:
            if key not in graph:
                self._let_go(key, route)
        if not len(graph):
            del self._graphs[route]

    def _release(self, owner: tuple[ScopeField, str], route: str) -> None:
        routes = self._owners[owner]
        routes[route] -= 1
        if not routes[route]:
            del routes[route]
        if not routes:
            del self._owners[owner]

    def _hold(self, key: str, route: str, graph: ScopeGraph) -> None:
        if key not in self._holders:
            for token in _tokens(key):
                self._tokens.setdefault(token, {})[key] = None
        self._holders.setdefault(key, {})[route] = graph

    def _let_go(self, key: str, route: str) -> None:
        holders = self._holders[key]
        holders.pop(route, None)
        if holders:
            return
        del self._holders[key]
        for token in _tokens(key):
            del self._tokens[token][key]
            if not self._tokens[token]:
                del self._tokens[token]

    def entities(self) -> Iterator[str]:
        """The keys of all entities."""
        return iter(self._holders)

    def longer_names(self, token: str) -> Iterator[str]:
        """The keys of several words of which `token` is one."""
        return iter(self._tokens.get(token, ()))

    def routes(self, owner: tuple[ScopeField, str]) -> Counter[str]:
        """The routing keys under which memories of that id live, and how many each."""
        return self._owners.get(owner, Counter())

    def graphs(self, ids: Iterable[tuple[ScopeField, str]]) -> dict[str, ScopeGraph]:
        """The graphs, by routing key, in which memories of each of these ids live: others than of all ids too."""
        fewest, *more = sorted((self.routes(owner) for owner in ids), key=len)
        return {route: self._graphs[route] for route in fewest if all(route in routes for routes in more)}

    def holders(self, key: str) -> dict[str, ScopeGraph]:
        """The graphs that mention the entity, by routing key."""
        return self._holders.get(key, {})


def _tokens(key: str) -> tuple[str, ...]:
    words = key.split(" ")
    return tuple(dict.fromkeys(words)) if len(words) > 1 else ()


class Region:
    """What a query may walk: the memories of a project that belong to `owner` (None: all), seen as one graph.

    Made for one query and then dropped: it remembers what it has looked up.
    """

    def __init__(self, project: ProjectGraph, owner: tuple[ScopeField, str] | None) -> None:
        self._project = project
        self._routes = None if owner is None else project.routes(owner)
        self._found: dict[str, list[ScopeGraph]] = {}
        self._entities: dict[str, Entity] = {}
        self.owner = owner

    def graphs(self, key: str) -> list[ScopeGraph]:
        """The graphs of the region that mention the entity, at most 32."""
        if key not in self._found:
            self._found[key] = list(islice(self._find(key), _MOST_GRAPHS))
        return self._found[key]

    def _find(self, key: str) -> Iterator[ScopeGraph]:
        holders = self._project.holders(key)
        if self._routes is None:
            return iter(holders.values())
        if len(self._routes) <= len(holders):
            return (holders[route] for route in self._routes if route in holders)
        return (graph for route, graph in holders.items() if route in self._routes)

    def __contains__(self, key: str) -> bool:
        return next(self.memories(key), None) is not None

    def mentions(self, key: str) -> int:
        """How many memories mention the entity; of a graph that others share, counted up to 1,024."""
        return sum(
            graph.mentions(key) if self._owns(graph) else _length(self._mine(graph.memories(key)))
            for graph in self.graphs(key)
        )

    def memories(self, key: str) -> Iterator[Contribution]:
        """Memories that mention the entity, graph by graph, in each the latest first."""
        for graph in self.graphs(key):
            found = graph.memories(key)
            yield from found if self._owns(graph) else self._mine(found)

    def _owns(self, graph: ScopeGraph) -> bool:
        return self.owner is None or graph.is_all_of(self.owner)

    def _mine(self, memories: Iterable[Contribution]) -> Iterator[Contribution]:
        return (memory for memory in memories if memory.belongs_to(self.owner))

    def entity(self, key: str) -> Entity:
        """The entity under the name, and of the kind, that most memories give it; the smaller one in a tie."""
        if key not in self._entities:
            self._entities[key] = self._name(key)
        return self._entities[key]

    def _name(self, key: str) -> Entity:
        counted: Counter[Entity] = Counter()
        for graph in self.graphs(key):
            counted.update(graph.names(key))
        return common_name(counted, key)

    def longer_names(self, token: str) -> Iterator[str]:
        """The keys of several words of which `token` is one."""
        return (key for key in self._project.longer_names(token) if key in self)

    def shared(self, one: str, other: str) -> int:
        """How many memories mention both; of a graph that others share, counted up to 1,024."""
        return sum(
            len(found) if self._owns(graph) else _length(self._mine(found))
            for graph in self.graphs(one)
            if (found := graph.shared(one, other))
        )

    def typed(self, key: str, now_us: int) -> Iterator[tuple[str, Relation, Contribution]]:
        """The typed relations of the entity that are true now: other end, relation, memory."""
        for graph in self.graphs(key):
            for other, relation, memory in graph.typed(key):
                if memory.belongs_to(self.owner) and is_valid(relation, now_us):
                    yield other, relation, memory


def _length(memories: Iterable[Contribution]) -> int:
    return sum(1 for _ in islice(memories, _MOST_COUNTED))


def is_valid(relation: Relation, at_us: int) -> bool:
    """Whether the relation is true at that time."""
    begun = relation.valid_at_us is None or relation.valid_at_us <= at_us
    return begun and (relation.invalid_at_us is None or at_us < relation.invalid_at_us)


def common_name(counted: Counter[Entity], key: str) -> Entity:
    """The name, and the kind, that most mentions give an entity; the smaller one in a tie."""
    names: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for entity, count in counted.items():
        names[entity.name] += count
        if entity.kind != "other":
            kinds[entity.kind] += count
    return Entity(_first(names) or key, _first(kinds) or "other")


def _first(counts: Counter[str]) -> str | None:
    return min(counts, key=lambda name: (-counts[name], name), default=None)
