"""How a search is answered: query vector and entities, three legs side by side, each with its own deadline, then rank.

Embedding and dense + keywords are one chain, entities and graph another. The same steps, one at a time, are this
shard's part of a search over many (`scatter`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

from engine.circuit import Circuit
from engine.concurrency import TaskSet
from engine.config import SearchSettings
from engine.errors import InvalidInput, RemoraError, Unavailable
from engine.extract.roles import roles_of
from engine.extract.written import names_written
from engine.finishing import Rerank, nobody
from engine.graph_port import GraphQuery
from engine.ledger_port import Known
from engine.models import Asked, Models
from engine.ports import KeywordStatistics, Priority, VectorHit, VectorQuery
from engine.question import Question, understood
from engine.ranked_answer import LegsFound, LookUp, ranked_answer
from engine.ranking.signals import Signal
from engine.ranking.weights import NO_FLOORS, SHIPPED_WEIGHTS, Floors, Weights
from engine.requests import SearchRequest
from engine.retrieve import candidates_of
from engine.search_legs import GraphFound, SearchLegs
from engine.shard_api import Evidence, Found, Statistics
from engine.speaking import Speaking
from engine.types import Applied, Entity, Json

P = ParamSpec("P")
T = TypeVar("T")

_SHARE_OF_LEG = 0.9
_NOTHING_NEAR = GraphFound(Applied("", 0), (), ())
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class _SaidByText:
    """What was asked of the vector index, and what it found; None: it failed or is late."""

    query: VectorQuery
    hits: tuple[VectorHit, ...] | None


class SearchPath:
    """Answers searches over the indexes.

    Args:
        ledger: knows what only the graph has found.
        models: for the query.
        legs: the indexes.
        settings: weights, defaults, deadlines.
        language: of the texts, as set.
        rerank: asks the reranker.
        infers: facts are made of messages.
    """

    def __init__(
        self,
        *,
        ledger: Known,
        models: Models,
        legs: SearchLegs,
        settings: SearchSettings,
        language: str = "english",
        rerank: Rerank = nobody,
        infers: bool = False,
    ) -> None:
        self._infers = infers
        self._ledger = ledger
        self._models = models
        self._legs = legs
        self._settings = settings
        self._language = language
        self._weights = SHIPPED_WEIGHTS.but(settings.weights)
        self._speaking = Speaking()
        self._tasks = TaskSet()
        # A little less than a leg has: who is left alone is known before the leg is given up.
        deadline_s = settings.leg_deadline_s * _SHARE_OF_LEG
        self._embedder = Circuit("embedder", self._tasks, deadline_s=deadline_s)
        self._extractor = Circuit("extractor", self._tasks, deadline_s=deadline_s)
        self._ask_reranker = rerank

    async def close(self) -> None:
        """End what is under way."""
        await self._tasks.close()
        await self._legs.close()

    async def search(self, request: SearchRequest, *, today: str, at_us: int) -> Json:
        """The best memories. A leg that fails or is late is left out and named in `degraded`.

        Args:
            request: what is asked.
            today: `YYYY-MM-DD`, for expiry.
            at_us: when it is asked, for what is said of time.

        Raises:
            Unavailable: no leg could answer.
        """
        if request.min_position is not None:
            await self._legs.reached(request.min_position)
        said, near = await asyncio.gather(self._by_text(request, at_us), self._leg(self._by_entities, request))
        found, query = said.hits, said.query
        legs = {
            "dense": query.vector is not None and found is not None,
            "keywords": found is not None,
            "graph": near is not None,
        }
        degraded = [leg for leg, answered in legs.items() if not answered]
        if found is None and not (near and near.hits):
            raise Unavailable("no index can answer now", {"degraded": degraded, "retry_after_s": 1})
        legs_found = LegsFound(found, near.hits if near else (), near.relations if near else (), query.limit, degraded)
        look_up = LookUp(
            hits=lambda memory_ids: self._leg(self._known, query, memory_ids),
            versions=lambda memory_ids: self._leg(self._ledger.get, request.call.project, memory_ids),
            facts=lambda memory_ids: self._leg(self._ledger.facts_of, request.call.project, memory_ids),
            infers=self._infers,
        )
        answer = await ranked_answer(request, legs_found, query.weights, today, look_up, query.floors, self._rerank)
        return {**answer, "position": self._legs.position}

    async def _rerank(self, query: str, texts: Sequence[str]) -> Sequence[float] | None:
        return await self._leg(self._ask_reranker, query, texts)

    async def evidence(self, request: SearchRequest, *, at_us: int) -> Evidence:
        """What the models say of the query; None of one that fails or is late."""
        if request.block is not None and request.block not in self._speaking:
            await self._leg(self._count, self._vector_query(request, Question(request.query), None))
        question = self._understood(request, at_us)
        asked, entities = await asyncio.gather(
            self._leg(self._asked, question.text, request), self._leg(self._entities, request)
        )
        vector, tokens = (None, None) if asked is None else (asked.vector, asked.tokens)
        floors = await self._floors() if asked else NO_FLOORS
        return Evidence(vector, entities, question=question, tokens=tokens, floors=floors)

    async def statistics(self, request: SearchRequest, evidence: Evidence) -> Statistics:
        """This shard's part of what the legs count before they search; None of one that fails or is late."""
        question = evidence.question or Question(request.query)
        keywords, mentions = await asyncio.gather(
            self._leg(self._count, self._vector_query(request, question, None)),
            self._leg(self._mentions, request, evidence.entities or ()),
        )
        return Statistics(keywords, mentions)

    async def candidates(self, request: SearchRequest, evidence: Evidence) -> Found:
        """This shard's candidates, each with its signals; None of a leg that fails or is late."""
        if request.min_position is not None:
            await self._legs.reached(request.min_position)
        counted = evidence.statistics or Statistics()
        question = evidence.question or Question(request.query)
        asked = None if evidence.vector is None else Asked(evidence.vector, evidence.tokens)
        query = self._vector_query(request, question, asked, counted.keywords, evidence.floors)
        if evidence.among:
            return Found(await self._leg(self._known, query, evidence.among), None, position=self._legs.position)
        hits, near = await asyncio.gather(
            self._leg(self._nearest, query),
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

    async def _asked(self, text: str, request: SearchRequest) -> Asked:
        if self._weights_of(request)[Signal.TOKENS] > 0:
            return await self._embedder.call(lambda: self._models.question(text))
        vectors = await self._embedder.call(lambda: self._models.vectors([text], Priority.READ, question=True))
        return Asked(vectors[0])

    async def _entities(self, request: SearchRequest) -> tuple[Entity, ...]:
        return (await self._extractor.call(lambda: self._models.entities([request.query], Priority.READ)))[0]

    async def _by_text(self, request: SearchRequest, at_us: int) -> _SaidByText:
        """What the vector index finds; without a vector, by keywords.

        Who speaks in a scope is known from its last answer. If it turns out that the query names somebody else, it is
        asked once more.
        """
        question = self._understood(request, at_us)
        said = await self._found_by_text(request, question)
        again = self._understood(request, at_us)
        if said.hits is not None and again.named != question.named:
            return await self._found_by_text(request, again)
        return said

    async def _found_by_text(self, request: SearchRequest, question: Question) -> _SaidByText:
        asked = await self._leg(self._asked, question.text, request)
        floors = await self._floors() if asked else NO_FLOORS
        query = self._vector_query(request, question, asked, floors=floors)
        return _SaidByText(query, await self._leg(self._nearest, query))

    async def _floors(self) -> Floors:
        info = await self._models.info()
        return Floors(info.floor, info.token_floor)

    async def _by_entities(self, request: SearchRequest) -> GraphFound:
        return await self._around(request, await self._entities(request))

    async def _nearest(self, query: VectorQuery) -> tuple[VectorHit, ...]:
        found = await self._legs.nearest(query)
        if query.block is not None:
            self._speaking.note(query.block, found.speakers)
        return found.hits

    async def _count(self, query: VectorQuery) -> KeywordStatistics | None:
        counted = await self._legs.statistics(query)
        if counted is None:
            return None
        if query.block is not None:
            self._speaking.note(query.block, counted.speakers)
        return counted.statistics

    async def _known(self, query: VectorQuery, memory_ids: Sequence[str]) -> tuple[VectorHit, ...]:
        """What the vector index says of single memories; those that don't match are left out."""
        return (await self._legs.nearest(replace(query, limit=0, among=tuple(memory_ids)))).hits

    def _understood(self, request: SearchRequest, at_us: int) -> Question:
        return understood(request.query, self._speaking.of(request.block), at_us, self._language)

    def _weights_of(self, request: SearchRequest) -> Weights:
        return self._weights.but(request.weights)

    def _vector_query(
        self,
        request: SearchRequest,
        question: Question,
        asked: Asked | None,
        statistics: KeywordStatistics | None = None,
        floors: Floors = NO_FLOORS,
    ) -> VectorQuery:
        return VectorQuery(
            project=request.call.project,
            filter=request.filter,
            limit=candidates_of(request, self._settings),
            vector=asked.vector if asked else None,
            text=question.text,
            block=request.block,
            statistics=statistics,
            tokens=asked.tokens if asked else None,
            named=question.named,
            weights=self._weights_of(request),
            floors=floors,
            time=question.time,
            at_us=question.at_us,
            vectors=request.wishes.diversity > 0,
            half_life_s=self._settings.half_life_days * _DAY_S,
            include_expired=request.include_expired,
        )

    async def _around(
        self, request: SearchRequest, entities: tuple[Entity, ...] | None, mentions: Mapping[str, int] | None = None
    ) -> GraphFound:
        """`mentions` empty: nobody anywhere mentions them."""
        if entities is None:
            raise Unavailable("what the query names isn't known")
        query = self._graph_query(request, entities, mentions)
        if not (query.entities or query.roles) or (mentions is not None and not mentions):
            return _NOTHING_NEAR
        return await self._legs.around(query)

    async def _around_in_part(
        self, request: SearchRequest, entities: tuple[Entity, ...] | None, mentions: Mapping[str, int] | None
    ) -> GraphFound:
        """The same where other shards have memories too; `mentions` None: no graph could say."""
        if mentions is None:
            raise Unavailable("how many memories mention what the query names isn't known")
        return await self._around(request, entities, mentions)

    async def _mentions(self, request: SearchRequest, entities: tuple[Entity, ...]) -> Mapping[str, int]:
        query = self._graph_query(request, entities)
        return await self._legs.mentions(query) if query.entities or query.roles else {}

    def _graph_query(
        self, request: SearchRequest, entities: tuple[Entity, ...], mentions: Mapping[str, int] | None = None
    ) -> GraphQuery:
        limit = candidates_of(request, self._settings)
        asked = {entity.key: entity for entity in (*names_written(request.query), *entities)}
        roles = roles_of(request.query)
        return GraphQuery(request.call.project, tuple(asked.values()), limit, request.block, mentions, roles=roles)

    def status(self) -> Json:
        """Calls so far. `left_alone`: parts that don't answer, and are asked again in the background."""
        legs = self._legs.status()
        models = {"embedder": self._embedder, "extractor": self._extractor}
        hanging = [name for name, circuit in models.items() if circuit.is_open]
        return {**legs, "left_alone": [*hanging, *legs["left_alone"]]}

    def queues(self) -> Json:
        """Figures of the queues in front of the indexes."""
        return self._legs.queues()
