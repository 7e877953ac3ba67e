"""All graphs of one project, and the indexes that find the right ones. No ranking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from engine.graph.contribution import Contribution
from engine.graph.scope_graph import ScopeGraph
from engine.ids import routing_key
from engine.types import Entity, ScopeField


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

    def graph(self, route: str) -> ScopeGraph:
        """The graph of a routing key that has memories."""
        return self._graphs[route]

    def all_graphs(self) -> Iterator[ScopeGraph]:
        """Every graph."""
        return iter(self._graphs.values())

    def holders(self, key: str) -> dict[str, ScopeGraph]:
        """The graphs that mention the entity, by routing key."""
        return self._holders.get(key, {})


def _tokens(key: str) -> tuple[str, ...]:
    words = key.split(" ")
    return tuple(dict.fromkeys(words)) if len(words) > 1 else ()


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
