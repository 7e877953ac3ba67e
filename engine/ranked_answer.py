"""From what the legs found to what a caller gets: ranked, with the memories fetched that only the graph has found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from engine.answers import relation_objects
from engine.graph_port import GraphHit
from engine.ports import VectorHit
from engine.requests import SearchRequest
from engine.retrieve import Terms, Weights, hit_object, known_by_graph, missing, rank, unite
from engine.types import Json, MemoryVersion, Relation


@dataclass(frozen=True, slots=True)
class LegsFound:
    """What there is to rank. `degraded`: the legs that failed or are late."""

    hits: Sequence[VectorHit]
    graph: Sequence[GraphHit]
    relations: Sequence[Relation]
    degraded: list[str] = field(default_factory=list)


async def ranked_answer(
    request: SearchRequest,
    found: LegsFound,
    weights: Weights,
    today: str,
    fetch: Callable[[Sequence[str]], Awaitable[list[MemoryVersion | None] | None]],
) -> Json:
    """The answer of a search but for its position. `fetch`: live versions by id, or None when they can't be had."""
    terms = Terms(request.filter, weights, request.threshold, request.top_k, today)
    candidates = unite(found.hits, found.graph)
    ranked = rank(candidates, terms)
    degraded = found.degraded
    if unknown := missing(found.hits, found.graph, ranked, terms):
        fetched = await fetch(unknown)
        if fetched is None:
            degraded = list(dict.fromkeys([*degraded, "graph"]))
        else:
            ranked = rank([*candidates, *known_by_graph(fetched, found.graph)], terms)
    return {
        "results": [hit_object(one, weights, explain=request.explain) for one in ranked],
        "relations": relation_objects(found.relations),
        "degraded": degraded,
    }
