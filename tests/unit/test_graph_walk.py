"""The random walk behind graph search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import networkx as nx
import pytest

from engine.graph.contribution import Contribution
from engine.graph.walk import walk
from engine.telling import specificity
from engine.types import Entity, Scope


class Mentions:
    """Memories by what they mention, and related entities."""

    def __init__(self, memories: Mapping[str, str], related: Mapping[str, str] | None = None) -> None:
        self.nodes = {
            name: Contribution(name, "p", Scope(user_id="u"), number, tuple(Entity(key) for key in keys), ())
            for number, (name, keys) in enumerate(memories.items(), 1)
        }
        self._related = related or {}

    def memories(self, key: str) -> Iterable[Contribution]:
        return (memory for memory in self.nodes.values() if key in memory.keys)

    def mentions(self, key: str) -> int:
        return sum(1 for _ in self.memories(key))

    def keys(self, memory: Contribution) -> tuple[str, ...]:
        return memory.keys

    def related(self, key: str) -> Iterable[str]:
        return self._related.get(key, "")


def shares(terrain: Mentions, seeds: Mapping[str, float]) -> dict[str, float]:
    return {memory.memory_id: share for memory, share in walk(terrain, seeds).memories.items()}


def pagerank(terrain: Mentions, seeds: Mapping[str, float]) -> dict[str, float]:
    graph: nx.DiGraph[str] = nx.DiGraph()
    for name, memory in terrain.nodes.items():
        for key in memory.keys:
            graph.add_edge(key, f"memory {name}", weight=1.0)
            graph.add_edge(f"memory {name}", key, weight=specificity(terrain.mentions(key)))
        for key in memory.keys:
            for other in terrain.related(key):
                graph.add_edge(key, other, weight=1.0)
    ranks = nx.pagerank(graph, alpha=0.5, personalization=dict(seeds), tol=1e-12)
    return {name: ranks[f"memory {name}"] for name in terrain.nodes}


@pytest.mark.parametrize(
    ("memories", "related", "seeds"),
    [
        ({"m": "x"}, {}, {"x": 1.0}),
        ({"m": "xy", "n": "yz", "o": "z", "q": "w"}, {}, {"x": 1.0}),
        ({"m": "xy", "n": "yz", "o": "zx", "q": "xyz"}, {}, {"x": 3.0, "z": 1.0}),
        ({"m": "xy", "n": "z", "o": "zy"}, {"x": "z", "z": "x"}, {"x": 1.0}),
    ],
)
def test_shares_are_personalised_pagerank_but_for_the_cut(
    memories: dict[str, str], related: dict[str, str], seeds: dict[str, float]
) -> None:
    terrain = Mentions(memories, related)
    got, exact = shares(terrain, seeds), pagerank(terrain, seeds)
    for name, share in exact.items():
        assert got.get(name, 0.0) == pytest.approx(share, abs=0.5**6)


def test_all_shares_together_are_at_most_one() -> None:
    visited = walk(Mentions({"m": "xy", "n": "yz"}), {"x": 5.0, "z": 5.0})
    total = sum(visited.memories.values()) + sum(visited.entities.values())
    assert 1 - 0.5**6 - 1e-9 <= total <= 1 + 1e-9


def test_what_is_everywhere_attracts_less_than_what_is_rare() -> None:
    crowd = {f"c{i}": "h" for i in range(20)}
    got = shares(Mentions({"start": "xhr", "rare": "r", **crowd}), {"x": 1.0})
    assert got["rare"] > sum(got.get(name, 0.0) for name in crowd)


def test_of_an_entity_in_thousands_of_memories_only_some_are_visited() -> None:
    terrain = Mentions({f"m{i}": "x" for i in range(2000)})
    assert 0 < len(shares(terrain, {"x": 1.0})) <= 512


def test_specificity_falls_from_one() -> None:
    assert [specificity(n) for n in (0, 1)] == [1.0, 1.0]
    assert specificity(10) > specificity(100) > 0
