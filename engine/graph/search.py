"""From a query's entities to memories and relations. Pure: the time is an argument."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import Final

from engine.graph.aliases import Aliases
from engine.graph.contribution import Contribution
from engine.graph.project_graph import ProjectGraph
from engine.graph.region import Region
from engine.graph.roles import who_has
from engine.graph.timeline import Statement, merged
from engine.graph.walk import Visited, walk
from engine.graph_port import GraphHit, GraphQuery, Role
from engine.telling import relative, specificity
from engine.times import day_of
from engine.types import MENTIONED_WITH, Entity, Relation

# Another name for the same person may be meant: it starts the walk too, with half the weight in all.
_ALIAS_WEIGHT: Final = 0.5
_OWNER_WEIGHT: Final = 0.5
_MOST_ALIASES: Final = 8
_MOST_LOOKED_AT: Final = 256
_PERSON_KINDS: Final = frozenset({"person", "per", "people"})

_MOST_MET: Final = 16
_MOST_RELATIONS: Final = 20
# Named together once is chance.
_STRONG: Final = 2


class _Terrain:
    """A region as the walk sees it. `counted`: mentions that are known to be more than here."""

    def __init__(self, region: Region, counted: Mapping[str, int]) -> None:
        self._region = region
        self._counted = counted

    def mentions(self, key: str) -> int:
        return self._counted[key] if key in self._counted else self._region.mentions(key)

    def memories(self, key: str) -> Iterator[Contribution]:
        return self._region.memories(key)

    def keys(self, memory: Contribution) -> Sequence[str]:
        return self._region.keys(memory)

    def related(self, key: str) -> Iterable[str]:
        return dict.fromkeys(one.target if one.source == key else one.source for one in self._region.true(key))


def search(
    project: ProjectGraph | None, query: GraphQuery, now_us: int, functional: frozenset[str] = frozenset()
) -> tuple[tuple[GraphHit, ...], tuple[Relation, ...]]:
    """The best memories for the query, best first, and the relations among the entities that were met.

    The best gets the `specificity` of the most telling start: who is in everything tells nothing. When the query
    tells how often all shards mention its entities, each hit gets its bare share of a walk over them all, as near as
    it can be told from here: for other shards' memories these stand in.
    """
    if project is None:
        return (), ()
    region = _region(project, query, now_us, functional)
    if query.mentions is not None:
        return _search_a_part(region, query, query.mentions)
    starts = _starts(region, query)
    counted = {key: region.mentions(key) for key in starts}
    if not starts:
        return (), ()
    visited = walk(_Terrain(region, {}), _seeds(starts, counted))
    return relative(_best(visited, query.limit), counted.values()), _relations(visited, region)


def _search_a_part(
    region: Region, query: GraphQuery, counted: Mapping[str, int]
) -> tuple[tuple[GraphHit, ...], tuple[Relation, ...]]:
    """The same where other shards have memories too, `counted` with these: each hit gets its bare share."""
    starts = _weights(region.aliases, query, counted)
    here = {key: region.mentions(key) for key in starts}
    if not any(here.values()):
        return (), ()
    beyond = {key: counted[key] / count for key, count in here.items() if count}
    visited = walk(_Terrain(region, counted), _seeds(starts, counted), beyond)
    return _best(visited, query.limit), _relations(visited, region)


def _seeds(starts: Mapping[str, float], counted: Mapping[str, int]) -> dict[str, float]:
    return {key: weight * specificity(counted[key]) for key, weight in starts.items()}


def mentions(
    project: ProjectGraph | None, query: GraphQuery, now_us: int, functional: frozenset[str] = frozenset()
) -> dict[str, int]:
    """How many memories mention each entity that a search would start from, by key."""
    if project is None:
        return {}
    region = _region(project, query, now_us, functional)
    return {key: region.mentions(key) for key in _starts(region, query)}


def _region(project: ProjectGraph, query: GraphQuery, now_us: int, functional: frozenset[str]) -> Region:
    return Region(
        project,
        None if query.block is None else (query.block.field, query.block.value),
        at_us=now_us if query.view.at_us is None else query.view.at_us,
        made_by_us=query.view.at_us,
        day=day_of(now_us),
        functional=functional,
        aliases=Aliases(query.view.aliases),
    )


def _starts(region: Region, query: GraphQuery) -> dict[str, float]:
    """Keys to start from, with weights: the names of the query, who has its roles, other names of the same persons."""
    keys = _keys(region.aliases, query)
    found: dict[str, float] = {key: 1.0 for key in keys if key in region}
    for role in query.roles:
        holders = who_has(region, role)
        for key in holders:
            found.setdefault(key, 1.0 / len(holders))
        if holders:
            _step_back(found, region.aliases, role)
    for key in keys:
        aliases = list(islice(_aliases(region, key), _MOST_ALIASES))
        for alias in aliases:
            found.setdefault(alias, _ALIAS_WEIGHT / len(aliases))
    return found


def _step_back(starts: dict[str, float], aliases: Aliases, role: Role) -> None:
    """Who is named only to say whose husband is meant starts the walk less."""
    owner = None if role.of is None else aliases.of(Entity(role.of).key)
    if owner in starts:
        starts[owner] = min(starts[owner], _OWNER_WEIGHT)


def _keys(aliases: Aliases, query: GraphQuery) -> list[str]:
    return list(dict.fromkeys(aliases.of(entity.key) for entity in query.entities))


def _aliases(region: Region, key: str) -> Iterator[str]:
    """Persons whose name is one word of `key`, or, `key` being one word, has it among several."""
    words = key.split(" ")
    longer = islice(region.longer_names(key), _MOST_LOOKED_AT) if len(words) == 1 else iter(())
    shorter = (word for word in dict.fromkeys(words) if len(words) > 1 and word in region)
    for candidate in (*longer, *shorter):
        if candidate != key and region.entity(candidate).kind.casefold() in _PERSON_KINDS:
            yield candidate


def _weights(names: Aliases, query: GraphQuery, known: Mapping[str, int]) -> dict[str, float]:
    """What `_starts` gives, of keys that are known to be starts: what is no name of the query has one of its roles."""
    keys = sorted(known)
    asked = _keys(names, query)
    found = {key: 1.0 for key in asked if key in known}
    others: dict[str, float] = {}
    for key in asked:
        aliases = [other for other in keys if _may_be_alias(key, other)][:_MOST_ALIASES]
        for alias in aliases:
            others.setdefault(alias, _ALIAS_WEIGHT / len(aliases))
    holders = [key for key in keys if key not in found and key not in others]
    for role in query.roles if holders else ():
        _step_back(found, names, role)
    return others | dict.fromkeys(holders, 1.0 / max(1, len(holders))) | found


def _may_be_alias(key: str, other: str) -> bool:
    """Whether one of two names is a word of the other."""
    words, others = key.split(" "), other.split(" ")
    return key != other and ((len(words) == 1 and key in others) or (len(others) == 1 and other in words))


def _best(visited: Visited, limit: int) -> tuple[GraphHit, ...]:
    shares = ((share, memory) for memory, share in visited.memories.items())
    best = heapq.nsmallest(limit, shares, key=lambda pair: (-round(pair[0], 12), -pair[1].position, pair[1].memory_id))
    return tuple(GraphHit(memory.memory_id, share) for share, memory in best)


def _relations(visited: Visited, region: Region) -> tuple[Relation, ...]:
    """Typed relations among the entities that the walk met most, then those that are often named together."""
    met = heapq.nsmallest(_MOST_MET, visited.entities, key=lambda key: (-round(visited.entities[key], 12), key))
    typed = _typed_among(met, region)
    counted = ((region.shared(one, other), one, other) for one, other in combinations(met, 2))
    linked = {frozenset((one.source, one.target)) for one in typed}
    strong = [(n, a, b) for n, a, b in counted if n >= _STRONG and frozenset((a, b)) not in linked]
    strong.sort(key=lambda pair: -pair[0])
    together = [_together(region, one, other) for _, one, other in strong[: _MOST_RELATIONS - len(typed)]]
    return (*map(region.relation, typed), *together)


def _typed_among(met: list[str], region: Region) -> list[Statement]:
    """By the place of the entities in the walk; of one entity the newest first."""
    near = frozenset(met)
    found: dict[tuple[str, str, str], Statement] = {}
    for key in met:
        for one in merged(one for one in region.true(key) if {one.source, one.target} <= near):
            found.setdefault((one.source, one.relationship, one.target), one)
    return list(found.values())[:_MOST_RELATIONS]


def _together(region: Region, one: str, other: str) -> Relation:
    return Relation(region.entity(one).name, MENTIONED_WITH, region.entity(other).name)
