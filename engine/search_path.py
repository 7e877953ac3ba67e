"""How a search is answered: the legs side by side, each with its own deadline; what they found is ranked elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from engine.answers import relation_objects
from engine.batch_queue import BatchQueue
from engine.concurrency import TaskSet
from engine.config import SearchSettings
from engine.errors import InvalidInput, RemoraError, Unavailable
from engine.index_feed import IndexFeed
from engine.models import Models
from engine.ports import (
    GraphAnswer,
    GraphHit,
    GraphQuery,
    GraphStore,
    Ledger,
    Priority,
    VectorHit,
    VectorQuery,
    VectorStore,
)
from engine.requests import SearchRequest
from engine.retrieve import Terms, Weights, hit_object, known_by_graph, missing, rank, unite
from engine.types import Applied, BlockKey, Entity, FloatArray, Json, Relation

T = TypeVar("T")

_BATCH = 64
_IN_FLIGHT = 8
_COMPANY_S = 0.001
_ROUNDS = 6
_CANDIDATES_PER_HIT = 3


@dataclass(frozen=True, slots=True)
class _VectorFound:
    applied: Applied
    hits: tuple[VectorHit, ...]
    cold: BlockKey | None


@dataclass(frozen=True, slots=True)
class _GraphFound:
    applied: Applied
    hits: tuple[GraphHit, ...]
    relations: tuple[Relation, ...]


class SearchPath:
    """Answers searches over the indexes; concurrent ones share calls.

    Args:
        ledger: fills cold blocks, and knows what only the graph has found.
        models: for the query.
        vector: dense and keyword index.
        graph: entity graph.
        vector_feed: tells whether the vector index has lost something.
        graph_feed: the same for the graph.
        settings: weights, defaults, deadlines.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        models: Models,
        vector: VectorStore,
        graph: GraphStore,
        vector_feed: IndexFeed,
        graph_feed: IndexFeed,
        settings: SearchSettings,
    ) -> None:
        self._ledger = ledger
        self._models = models
        self._vector = vector
        self._graph = graph
        self._vector_feed = vector_feed
        self._graph_feed = graph_feed
        self._settings = settings
        self._weights = Weights.of(settings)
        self._filling: dict[BlockKey, asyncio.Task[None]] = {}
        self._tasks = TaskSet()
        self._vector_calls: BatchQueue[VectorQuery, _VectorFound] = BatchQueue(
            self._search_vectors, name="vector search", max_items=_BATCH, in_flight=_IN_FLIGHT, linger_s=_COMPANY_S
        )
        self._graph_calls: BatchQueue[GraphQuery, _GraphFound] = BatchQueue(
            self._search_graph, name="graph search", max_items=_BATCH, in_flight=_IN_FLIGHT, linger_s=_COMPANY_S
        )

    async def close(self) -> None:
        """End what is under way."""
        await self._tasks.close()
        await self._vector_calls.close()
        await self._graph_calls.close()

    async def search(self, request: SearchRequest, *, today: str) -> Json:
        """The best memories. A leg that fails or is late is left out and named in `degraded`.

        Raises:
            Unavailable: no leg could answer.
        """
        if request.min_position is not None:
            await self._wait_for(request.min_position)
        (embedded, found), near = await asyncio.gather(self._by_text(request), self._leg(self._by_entities(request)))
        legs = {"dense": embedded and found is not None, "keywords": found is not None, "graph": near is not None}
        degraded = [leg for leg, answered in legs.items() if not answered]
        if found is None and not (near and near.hits):
            raise Unavailable("no index can answer now", {"degraded": degraded, "retry_after_s": 1})
        return await self._answer(request, found or (), near, degraded, today)

    async def _answer(
        self,
        request: SearchRequest,
        hits: Sequence[VectorHit],
        near: _GraphFound | None,
        degraded: list[str],
        today: str,
    ) -> Json:
        graph_hits = near.hits if near else ()
        candidates = unite(hits, graph_hits)
        terms = Terms(request.filter, self._weights, request.threshold, request.top_k, today)
        ranked = rank(candidates, terms)
        if unknown := missing(hits, graph_hits, ranked, terms):
            fetched = await self._leg(self._ledger.get(request.call.project, unknown))
            if fetched is None:
                degraded.append("graph")
            else:
                ranked = rank([*candidates, *known_by_graph(fetched, graph_hits)], terms)
        return {
            "results": [hit_object(one, self._weights, explain=request.explain) for one in ranked],
            "relations": relation_objects(near.relations) if near else [],
            "degraded": degraded,
            "position": self._vector_feed.position,
        }

    async def _leg(self, work: Awaitable[T]) -> T | None:
        """What the leg found, or None when it failed or is late: the others answer without it."""
        try:
            async with asyncio.timeout(self._settings.leg_deadline_s):
                return await work
        except InvalidInput:
            raise
        except (RemoraError, TimeoutError):
            return None

    async def _wait_for(self, position: int) -> None:
        await asyncio.gather(self._vector_feed.reached(position), self._graph_feed.reached(position))

    async def _by_text(self, request: SearchRequest) -> tuple[bool, tuple[VectorHit, ...] | None]:
        """Whether the query could be embedded, and what dense and keyword search found; without a vector, keywords."""
        vectors = await self._leg(self._models.vectors([request.query], Priority.READ))
        vector = None if vectors is None else vectors[0]
        return vector is not None, await self._leg(self._nearest(request, vector))

    async def _by_entities(self, request: SearchRequest) -> _GraphFound | None:
        named = await self._models.entities([request.query], Priority.READ)
        return await self._around(request, named[0])

    def _candidates(self, request: SearchRequest) -> int:
        return max(self._settings.candidates, _CANDIDATES_PER_HIT * request.top_k)

    async def _nearest(self, request: SearchRequest, vector: FloatArray | None) -> tuple[VectorHit, ...]:
        query = VectorQuery(
            project=request.call.project,
            filter=request.filter,
            limit=self._candidates(request),
            vector=vector,
            text=request.query,
            block=request.block,
        )
        await self._vector_feed.known()
        for _ in range(_ROUNDS):
            since = self._vector_feed.confirmed
            found = await self._vector_calls.submit(query)
            if not self._vector_feed.observe(found.applied, since):
                await self._vector_feed.caught_up()
            elif found.cold is None:
                return found.hits
            else:
                await self._fill(found.cold)
        # The blocks in use don't fit into memory together: the index on disk answers this one.
        return (await self._vector_calls.submit(replace(query, block=None))).hits

    async def _fill(self, key: BlockKey) -> None:
        """Read a block from the ledger into the index; searches that need the same one share it."""
        task = self._filling.get(key)
        if task is None:
            task = self._tasks.start(self._fill_from_ledger(key), name=f"fill of {key.field}")
            self._filling[key] = task
            task.add_done_callback(lambda _: self._filling.pop(key, None))
        await asyncio.shield(task)

    async def _fill_from_ledger(self, key: BlockKey) -> None:
        await self._vector.fill(await self._ledger.block(key))

    async def _around(self, request: SearchRequest, entities: tuple[Entity, ...]) -> _GraphFound | None:
        if not entities:
            return _GraphFound(Applied("", 0), (), ())
        query = GraphQuery(request.call.project, entities, self._candidates(request), request.block)
        await self._graph_feed.known()
        for _ in range(_ROUNDS):
            since = self._graph_feed.confirmed
            found = await self._graph_calls.submit(query)
            if self._graph_feed.observe(found.applied, since):
                return found
            await self._graph_feed.caught_up()
        return None

    async def _search_vectors(self, queries: list[VectorQuery]) -> list[_VectorFound | Exception]:
        answer = await self._vector.search(queries)
        return [_VectorFound(answer.applied, hits, cold) for hits, cold in zip(answer.hits, answer.cold, strict=True)]

    async def _search_graph(self, queries: list[GraphQuery]) -> list[_GraphFound | Exception]:
        answer: GraphAnswer = await self._graph.search(queries)
        relations = answer.relations or ((),) * len(answer.hits)
        return [_GraphFound(answer.applied, hits, edges) for hits, edges in zip(answer.hits, relations, strict=True)]

    def status(self) -> Json:
        """Calls so far."""
        return {
            "searches": self._vector_calls.stats.items,
            "vector_calls": self._vector_calls.stats.batches,
            "graph_calls": self._graph_calls.stats.batches,
        }

    def queues(self) -> Json:
        """Figures of the queues in front of the indexes."""
        return {"vector": self._vector_calls.figures(), "graph": self._graph_calls.figures()}
