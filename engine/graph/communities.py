"""Which entities belong together: those that memories mention together more than chance would have it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import networkx as nx

from engine.types import Entity, Json, JsonList

if TYPE_CHECKING:
    _Graph = nx.Graph[int]

_SEED: Final = 1
_LEAST: Final = 2


def communities(links: Json, limit: int) -> Json:
    """The communities of what `ShardApi.links` tells, the largest first: `{count, communities: [{size, entities,
    relations}]}`, at most `limit` of each.

    Louvain's method (Blondel et al. 2008) over entities that memories mention together, weighted by how many do. The
    same links give the same communities, whatever order they come in. An entity that stands alone is in none.
    """
    entities = {Entity(one["name"]).key: one for one in links["entities"]}
    found = [
        sorted(group, key=lambda key: (-entities[key]["memories"], key)) for group in _groups(sorted(entities), links)
    ]
    found.sort(key=lambda group: (-len(group), group[0]))
    return {
        "count": len(found),
        "communities": [_told(group, entities, links["relations"], limit) for group in found[:limit]],
    }


def _groups(keys: Sequence[str], links: Json) -> list[list[str]]:
    # Numbers instead of names: the order of a set of names is another one in every process.
    number = {key: place for place, key in enumerate(keys)}
    graph: _Graph = nx.Graph()
    for one, other, weight in sorted((*sorted((number[a], number[b])), n) for a, b, n in links["pairs"]):
        graph.add_edge(one, other, weight=weight)
    if not graph:
        return []
    groups = nx.community.louvain_communities(graph, weight="weight", seed=_SEED)
    return [[keys[place] for place in group] for group in groups if len(group) >= _LEAST]


def _told(group: Sequence[str], entities: Mapping[str, Json], relations: JsonList, limit: int) -> Json:
    members = frozenset(group)
    inside = [edge for edge in relations if {Entity(edge[end]).key for end in ("source", "target")} <= members]
    return {
        "size": len(group),
        "entities": [entities[key] for key in group[:limit]],
        "relations": inside[:limit],
    }
