"""From what the legs found to what a caller gets: ranked, with what only the graph has found looked up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.answers import relation_objects
from engine.covering import covered, messages_in, pool
from engine.filters import Everything, matches
from engine.finishing import Rerank, finished, nobody
from engine.graph_port import GraphHit
from engine.ports import VectorHit
from engine.ranking.weights import NO_FLOORS, Floors, Weights
from engine.requests import SearchRequest
from engine.retrieve import Candidate, Terms, hit_object, known_by_graph, missing, rank, relevant, unite
from engine.types import FloatArray, Json, MemoryVersion, Relation
from engine.vector.matcher import remainder


@dataclass(frozen=True, slots=True)
class LegsFound:
    """What there is to rank. `hits` None: the vector index didn't answer; otherwise its best `limit`.

    `degraded`: the legs that failed or are late.
    """

    hits: Sequence[VectorHit] | None
    graph: Sequence[GraphHit]
    relations: Sequence[Relation]
    limit: int
    degraded: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LookUp:
    """Where what only the graph has found is looked up, by id; None: it can't be.

    `hits`: in the vector index, with all its signals. `versions`: in the ledger, when there is no vector index.
    `facts`: of messages that have been read for facts, those that are live. `infers`: there may be such messages though
    no fact was found.
    """

    hits: Callable[[Sequence[str]], Awaitable[Sequence[VectorHit] | None]]
    versions: Callable[[Sequence[str]], Awaitable[list[MemoryVersion | None] | None]]
    facts: Callable[[Sequence[str]], Awaitable[Mapping[str, Sequence[MemoryVersion]] | None]]
    infers: bool = False


async def ranked_answer(
    request: SearchRequest,
    found: LegsFound,
    weights: Weights,
    today: str,
    look_up: LookUp,
    floors: Floors = NO_FLOORS,
    rerank: Rerank = nobody,
) -> Json:
    """The answer of a search but for its position."""
    most, day = request.wishes.spare(request.top_k), None if request.include_expired else today
    terms = Terms(request.filter, weights, request.threshold, most, day, floors)
    candidates = unite(found.hits or (), found.graph)
    ranked = rank(candidates, terms)
    degraded, vectors = found.degraded, _vectors(found.hits or ())
    if unknown := missing(found.hits or (), found.graph, found.limit, ranked, terms):
        more = await _looked_up(unknown, found, look_up)
        if more is None:
            degraded = list(dict.fromkeys([*degraded, "graph"]))
        else:
            candidates = [*candidates, *more.candidates]
            ranked = rank(candidates, terms)
            vectors |= _vectors(more.hits)
    if not request.include_messages and (look_up.infers or any(one.version.sources for one in candidates)):
        looked = pool(relevant(candidates, terms), terms.top_k)
        facts = await look_up.facts(messages_in(looked))
        degraded = degraded if facts is not None else [*degraded, "facts"]
        ranked = covered(looked, facts or {}, terms)[: terms.top_k]
    hits, whole = await finished(ranked, request.query, request.top_k, request.wishes, vectors, rerank)
    degraded = degraded if whole else [*degraded, "rerank"]
    return {
        "results": [one.told(hit_object(one.ranked, weights, floors, explain=request.explain)) for one in hits],
        "relations": relation_objects(await _allowed(request, found, look_up)),
        "degraded": degraded,
    }


@dataclass(frozen=True, slots=True)
class _More:
    """What was looked up. `hits`: what the vector index says of it, if it was asked."""

    candidates: Sequence[Candidate]
    hits: Sequence[VectorHit] = ()


async def _looked_up(memory_ids: Sequence[str], found: LegsFound, look_up: LookUp) -> _More | None:
    hits = None if found.hits is None else await look_up.hits(memory_ids)
    if hits is not None:
        return _More(unite(hits, found.graph), hits)
    versions = await look_up.versions(memory_ids)
    return None if versions is None else _More(known_by_graph(versions, found.graph))


async def _allowed(request: SearchRequest, found: LegsFound, look_up: LookUp) -> Sequence[Relation]:
    """The relations that memories state which match the filter.

    The graph knows a filter by its block alone. Where it says more, what only stands together anywhere is left out.
    """
    if request.block is not None and remainder(request.filter, request.block) == Everything():
        return found.relations
    stated = [edge for edge in found.relations if edge.memory_id is not None]
    known: dict[str | None, MemoryVersion] = {hit.version.memory_id: hit.version for hit in found.hits or ()}
    ids = dict.fromkeys(one for edge in stated if (one := edge.memory_id) is not None and one not in known)
    if ids:
        fetched = await look_up.versions(list(ids)) or ()
        known.update((version.memory_id, version) for version in fetched if version is not None)
    return [
        edge
        for edge in stated
        if (version := known.get(edge.memory_id)) is not None and matches(request.filter, version)
    ]


def _vectors(hits: Sequence[VectorHit]) -> dict[str, FloatArray]:
    return {hit.version.memory_id: hit.vector for hit in hits if hit.vector is not None}
