"""How a search is answered: query vector and entities, three legs side by side, each with its own deadline, then rank.

Embedding and dense + keywords are one chain, entities and graph another. The same steps, one at a time, are this
shard's part of a search over many (`scatter`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import ParamSpec, TypeVar

from engine.circuit import Circuit
from engine.concurrency import TaskSet
from engine.config import SearchSettings
from engine.errors import InvalidInput, RemoraError, Unavailable
from engine.graph_port import GraphQuery
from engine.ledger_port import Ledger
from engine.models import Models
from engine.ports import KeywordStatistics, Priority, VectorHit, VectorQuery
from engine.ranked_answer import LegsFound, ranked_answer
from engine.requests import SearchRequest
from engine.retrieve import Weights, candidates_of
from engine.search_legs import GraphFound, SearchLegs
from engine.shard_api import Evidence, Found, Statistics
from engine.types import Applied, Entity, FloatArray, Json

P = ParamSpec("P")
T = TypeVar("T")

_SHARE_OF_LEG = 0.9
_NOTHING_NEAR = GraphFound(Applied("", 0), (), ())


class SearchPath:
    """Answers searches over the indexes.

    Args:
        ledger: knows what only the graph has found.
        models: for the query.
        legs: the indexes.
        settings: weights, defaults, deadlines.
    """

    def __init__(self, *, ledger: Ledger, models: Models, legs: SearchLegs, settings: SearchSettings) -> None:
        self._ledger = ledger
        self._models = models
        self._legs = legs
        self._settings = settings
        self._weights = Weights.of(settings)
        self._tasks = TaskSet()
        # A little less than a leg has: who is left alone is known before the leg is given up.
        deadline_s = settings.leg_deadline_s * _SHARE_OF_LEG
        self._embedder = Circuit("embedder", self._tasks, deadline_s=deadline_s)
        self._extractor = Circuit("extractor", self._tasks, deadline_s=deadline_s)

    async def close(self) -> None:
        """End what is under way."""
        await self._tasks.close()
        await self._legs.close()

    async def search(self, request: SearchRequest, *, today: str) -> Json:
        """The best memories. A leg that fails or is late is left out and named in `degraded`.

        Raises:
            Unavailable: no leg could answer.
        """
        if request.min_position is not None:
            await self._legs.reached(request.min_position)
        (embedded, found), near = await asyncio.gather(self._by_text(request), self._leg(self._by_entities, request))
        legs = {"dense": embedded and found is not None, "keywords": found is not None, "graph": near is not None}
        degraded = [leg for leg, answered in legs.items() if not answered]
        if found is None and not (near and near.hits):
            raise Unavailable("no index can answer now", {"degraded": degraded, "retry_after_s": 1})
        legs_found = LegsFound(found or (), near.hits if near else (), near.relations if near else (), degraded)
        answer = await ranked_answer(
            request,
            legs_found,
            self._weights,
            today,
            lambda memory_ids: self._leg(self._ledger.get, request.call.project, memory_ids),
        )
        return {**answer, "position": self._legs.position}

    async def evidence(self, request: SearchRequest) -> Evidence:
        """What the models say of the query; None of one that fails or is late."""
        vector, entities = await asyncio.gather(self._leg(self._vector, request), self._leg(self._entities, request))
        return Evidence(vector, entities)

    async def statistics(self, request: SearchRequest, evidence: Evidence) -> Statistics:
        """This shard's part of what the legs count before they search; None of one that fails or is late."""
        keywords, mentions = await asyncio.gather(
            self._leg(self._legs.statistics, self._vector_query(request, None)),
            self._leg(self._mentions, request, evidence.entities or ()),
        )
        return Statistics(keywords, mentions)

    async def candidates(self, request: SearchRequest, evidence: Evidence) -> Found:
        """This shard's candidates, each with the parts of its score; None of a leg that fails or is late."""
        if request.min_position is not None:
            await self._legs.reached(request.min_position)
        counted = evidence.statistics or Statistics()
        hits, near = await asyncio.gather(
            self._leg(self._nearest, request, evidence.vector, counted.keywords),
            self._leg(self._around_in_part, request, evidence.entities, counted.mentions),
        )
        return Found(
            hits=hits,
            graph=near.hits if near else None,
            relations=near.relations if near else (),
            position=self._legs.position,
        )

    async def _leg(self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What the leg found, or None when it failed or is late: the others answer without it."""
        try:
            async with asyncio.timeout(self._settings.leg_deadline_s):
                return await work(*args, **kwargs)
        except InvalidInput:
            raise
        except (RemoraError, TimeoutError):
            return None

    async def _vector(self, request: SearchRequest) -> FloatArray:
        vectors = await self._embedder.call(lambda: self._models.vectors([request.query], Priority.READ, question=True))
        vector: FloatArray = vectors[0]
        return vector

    async def _entities(self, request: SearchRequest) -> tuple[Entity, ...]:
        return (await self._extractor.call(lambda: self._models.entities([request.query], Priority.READ)))[0]

    async def _by_text(self, request: SearchRequest) -> tuple[bool, tuple[VectorHit, ...] | None]:
        """Whether the query could be embedded, and what dense and keyword search found; without a vector, keywords."""
        vector = await self._leg(self._vector, request)
        return vector is not None, await self._leg(self._nearest, request, vector)

    async def _by_entities(self, request: SearchRequest) -> GraphFound:
        return await self._around(request, await self._entities(request))

    async def _nearest(
        self, request: SearchRequest, vector: FloatArray | None, statistics: KeywordStatistics | None = None
    ) -> tuple[VectorHit, ...]:
        return await self._legs.nearest(self._vector_query(request, vector, statistics))

    def _vector_query(
        self, request: SearchRequest, vector: FloatArray | None, statistics: KeywordStatistics | None = None
    ) -> VectorQuery:
        return VectorQuery(
            project=request.call.project,
            filter=request.filter,
            limit=candidates_of(request, self._settings),
            vector=vector,
            text=request.query,
            block=request.block,
            statistics=statistics,
        )

    async def _around(
        self, request: SearchRequest, entities: tuple[Entity, ...] | None, mentions: Mapping[str, int] | None = None
    ) -> GraphFound:
        """`mentions` empty: nobody anywhere mentions them."""
        if entities is None:
            raise Unavailable("what the query names isn't known")
        if not entities or (mentions is not None and not mentions):
            return _NOTHING_NEAR
        return await self._legs.around(self._graph_query(request, entities, mentions))

    async def _around_in_part(
        self, request: SearchRequest, entities: tuple[Entity, ...] | None, mentions: Mapping[str, int] | None
    ) -> GraphFound:
        """The same where other shards have memories too; `mentions` None: no graph could say."""
        if mentions is None:
            raise Unavailable("how many memories mention what the query names isn't known")
        return await self._around(request, entities, mentions)

    async def _mentions(self, request: SearchRequest, entities: tuple[Entity, ...]) -> Mapping[str, int]:
        return await self._legs.mentions(self._graph_query(request, entities)) if entities else {}

    def _graph_query(
        self, request: SearchRequest, entities: tuple[Entity, ...], mentions: Mapping[str, int] | None = None
    ) -> GraphQuery:
        limit = candidates_of(request, self._settings)
        return GraphQuery(request.call.project, entities, limit, request.block, mentions)

    def status(self) -> Json:
        """Calls so far. `left_alone`: parts that don't answer, and are asked again in the background."""
        legs = self._legs.status()
        models = {"embedder": self._embedder, "extractor": self._extractor}
        hanging = [name for name, circuit in models.items() if circuit.is_open]
        return {**legs, "left_alone": [*hanging, *legs["left_alone"]]}

    def queues(self) -> Json:
        """Figures of the queues in front of the indexes."""
        return self._legs.queues()
