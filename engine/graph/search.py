"""From a query's entities to memories and relations. Pure: the time is an argument."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, islice
from typing import Final

from engine.graph.contribution import Contribution
from engine.graph.project_graph import ProjectGraph, Region
from engine.graph.walk import Visited, walk
from engine.graph_port import GraphHit, GraphQuery
from engine.telling import relative, specificity
from engine.types import MENTIONED_WITH, Entity, Relation

# Another name for the same person may be meant: it starts the walk too, with half the weight in all.
_ALIAS_WEIGHT: Final = 0.5
_MOST_ALIASES: Final = 8
_MOST_LOOKED_AT: Final = 256
_PERSON_KINDS: Final = frozenset({"person", "per", "people"})

_MOST_MET: Final = 16
_MOST_RELATIONS: Final = 20
# Named together once is chance.
_STRONG: Final = 2


class _Terrain:
    """A region at a point in time, as the walk sees it. `counted`: mentions that are known to be more than here."""

    def __init__(self, region: Region, now_us: int, counted: Mapping[str, int]) -> None:
        self._region = region
        self._now_us = now_us
        self._counted = counted

    def mentions(self, key: str) -> int:
        return self._counted[key] if key in self._counted else self._region.mentions(key)

    def memories(self, key: str) -> Iterator[Contribution]:
        return self._region.memories(key)

    def related(self, key: str) -> Iterable[str]:
        return dict.fromkeys(other for other, _, _ in self._region.typed(key, self._now_us))


def search(
    project: ProjectGraph | None, query: GraphQuery, now_us: int
) -> tuple[tuple[GraphHit, ...], tuple[Relation, ...]]:
    """The best memories for the query, best first, and the relations among the entities that were met.

    The best gets the `specificity` of the most telling start: who is in everything tells nothing. When the query
    tells how often all shards mention its entities, each hit gets its bare share of a walk over them all, as near as
    it can be told from here: for other shards' memories these stand in.
    """
    if project is None:
        return (), ()
    region = _region(project, query)
    if query.mentions is not None:
        return _search_a_part(region, query, query.mentions, now_us)
    starts = _starts(region, query.entities)
    counted = {key: region.mentions(key) for key in starts}
    if not starts:
        return (), ()
    visited = walk(_Terrain(region, now_us, {}), _seeds(starts, counted))
    return relative(_best(visited, query.limit), counted.values()), _relations(visited, region, now_us)


def _search_a_part(
    region: Region, query: GraphQuery, counted: Mapping[str, int], now_us: int
) -> tuple[tuple[GraphHit, ...], tuple[Relation, ...]]:
    """The same where other shards have memories too, `counted` with these: each hit gets its bare share."""
    starts = _weights(query.entities, counted)
    here = {key: region.mentions(key) for key in starts}
    if not any(here.values()):
        return (), ()
    beyond = {key: counted[key] / count for key, count in here.items() if count}
    visited = walk(_Terrain(region, now_us, counted), _seeds(starts, counted), beyond)
    return _best(visited, query.limit), _relations(visited, region, now_us)


def _seeds(starts: Mapping[str, float], counted: Mapping[str, int]) -> dict[str, float]:
    return {key: weight * specificity(counted[key]) for key, weight in starts.items()}


def mentions(project: ProjectGraph | None, query: GraphQuery) -> dict[str, int]:
    """How many memories mention each entity that a search would start from, by key."""
    if project is None:
        return {}
    region = _region(project, query)
    return {key: region.mentions(key) for key in _starts(region, query.entities)}


def _region(project: ProjectGraph, query: GraphQuery) -> Region:
    return Region(project, None if query.block is None else (query.block.field, query.block.value))


def _starts(region: Region, entities: Iterable[Entity]) -> dict[str, float]:
    """Keys to start from, with weights: the names of the query, and other names of the same persons."""
    found: dict[str, float] = {}
    for key in dict.fromkeys(entity.key for entity in entities):
        if key in region:
            found[key] = 1.0
    for key in dict.fromkeys(entity.key for entity in entities):
        aliases = list(islice(_aliases(region, key), _MOST_ALIASES))
        for alias in aliases:
            found.setdefault(alias, _ALIAS_WEIGHT / len(aliases))
    return found


def _aliases(region: Region, key: str) -> Iterator[str]:
    """Persons whose name is one word of `key`, or, `key` being one word, has it among several."""
    words = key.split(" ")
    longer = islice(region.longer_names(key), _MOST_LOOKED_AT) if len(words) == 1 else iter(())
    shorter = (word for word in dict.fromkeys(words) if len(words) > 1 and word in region)
    for candidate in (*longer, *shorter):
        if region.entity(candidate).kind.casefold() in _PERSON_KINDS:
            yield candidate


def _weights(entities: Iterable[Entity], known: Iterable[str]) -> dict[str, float]:
    """What `_starts` gives, of keys that are known to be starts: the names of the query, and other names of them."""
    keys = sorted(known)
    named = [key for key in dict.fromkeys(entity.key for entity in entities) if key in keys]
    found = dict.fromkeys(named, 1.0)
    for key in dict.fromkeys(entity.key for entity in entities):
        aliases = [other for other in keys if _may_be_alias(key, other)][:_MOST_ALIASES]
        for alias in aliases:
            found.setdefault(alias, _ALIAS_WEIGHT / len(aliases))
    return found


def _may_be_alias(key: str, other: str) -> bool:
    """Whether one of two names is a word of the other."""
    words, others = key.split(" "), other.split(" ")
    return key != other and ((len(words) == 1 and key in others) or (len(others) == 1 and other in words))


def _best(visited: Visited, limit: int) -> tuple[GraphHit, ...]:
    shares = ((share, memory) for memory, share in visited.memories.items())
    best = heapq.nsmallest(limit, shares, key=lambda pair: (-round(pair[0], 12), -pair[1].position, pair[1].memory_id))
    return tuple(GraphHit(memory.memory_id, share) for share, memory in best)


def _relations(visited: Visited, region: Region, now_us: int) -> tuple[Relation, ...]:
    """Typed relations among the entities that the walk met most, then those that are often named together."""
    met = heapq.nsmallest(_MOST_MET, visited.entities, key=lambda key: (-round(visited.entities[key], 12), key))
    typed = _typed_among(met, region, now_us)
    counted = ((region.shared(one, other), one, other) for one, other in combinations(met, 2))
    linked = {frozenset((Entity(edge.source).key, Entity(edge.target).key)) for edge in typed}
    strong = [(n, a, b) for n, a, b in counted if n >= _STRONG and frozenset((a, b)) not in linked]
    strong.sort(key=lambda pair: -pair[0])
    together = [_together(region, one, other) for _, one, other in strong[: _MOST_RELATIONS - len(typed)]]
    return (*typed, *together)


def _typed_among(met: list[str], region: Region, now_us: int) -> list[Relation]:
    near = frozenset(met)
    latest: dict[tuple[str, str, str], tuple[int, Relation]] = {}
    for key in met:
        for other, edge, memory in region.typed(key, now_us):
            if other in near:
                _keep_latest(latest, edge, memory)
    return [edge for _, edge in islice(latest.values(), _MOST_RELATIONS)]


def _keep_latest(
    latest: dict[tuple[str, str, str], tuple[int, Relation]], edge: Relation, memory: Contribution
) -> None:
    """The same said by several memories counts once, as the latest says it."""
    triple = (Entity(edge.source).key, edge.relationship.casefold(), Entity(edge.target).key)
    if triple not in latest or latest[triple][0] < memory.position:
        latest[triple] = (memory.position, edge)


def _together(region: Region, one: str, other: str) -> Relation:
    return Relation(region.entity(one).name, MENTIONED_WITH, region.entity(other).name)
