"""What surrounds an entity in several steps: what surrounds it, and what surrounds that. No I/O of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

from engine.naming import relationship_key
from engine.types import MENTIONED_WITH, Entity, Json, JsonList

Look: TypeAlias = Callable[[str], Awaitable[Json | None]]
"""What surrounds the entity of a name, as `MemoryApi.neighbours` tells it; None: nothing mentions it any more."""


async def widened(first: Json, depth: int, limit: int, look: Look) -> Json:
    """The same neighbourhood up to `depth` steps away: entities have their `distance`, nearer ones first, and relations
    are told between all of them; at most `limit` of each."""
    reached: dict[str, Json] = {Entity(one["name"]).key: {**one, "distance": 1} for one in first["entities"]}
    centre = Entity(first["entity"]["name"]).key
    edges: JsonList = list(first["relations"])
    frontier = list(reached)
    for distance in range(2, depth + 1):
        found = await asyncio.gather(*(look(reached[key]["name"]) for key in frontier))
        known = [one for one in found if one is not None]
        edges += [edge for one in known for edge in one["relations"]]
        beside = {Entity(other["name"]).key: other for one in known for other in one["entities"]}
        frontier = [key for key in beside if key != centre and key not in reached][: limit - len(reached)]
        reached |= {key: {**beside[key], "distance": distance} for key in frontier}
    return {
        **first,
        "entities": list(reached.values())[:limit],
        "relations": _between(edges, {centre, *reached})[:limit],
    }


def _between(edges: Iterable[Json], keys: set[str]) -> JsonList:
    """The relations between these entities, each once; typed ones first, the others where there is no typed one."""
    typed: dict[tuple[str, str, str], Json] = {}
    untyped: dict[frozenset[str], Json] = {}
    for edge in edges:
        source, target = Entity(edge["source"]).key, Entity(edge["target"]).key
        if {source, target} <= keys and edge["relationship"] == MENTIONED_WITH:
            untyped.setdefault(frozenset((source, target)), edge)
        elif {source, target} <= keys:
            typed.setdefault((source, relationship_key(edge["relationship"]), target), edge)
    linked = {frozenset((source, target)) for source, _, target in typed}
    return [*typed.values(), *(edge for ends, edge in untyped.items() if ends not in linked)]
