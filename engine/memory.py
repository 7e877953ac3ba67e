"""The memory system over its ports: the verbs that users see. How writes and searches work is in their own modules."""

from __future__ import annotations

import asyncio
import builtins
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from engine import ids, ingest, requests
from engine.alias_book import AliasBook
from engine.aliased_graph import AliasedGraph
from engine.answers import entities_answer, history_object, memory_object
from engine.api import (
    AddFields,
    AliasFields,
    CallFields,
    CommunitiesFields,
    ContextFields,
    DeleteAllFields,
    GetFields,
    GraphEntitiesFields,
    ListFields,
    NeighboursFields,
    OperationsFields,
    PageFields,
    PastFields,
    PathFields,
    PurgeFields,
    RebuildFields,
    RetryFields,
    SearchFields,
    UpdateFields,
    VerifyFields,
    WriteFields,
)
from engine.as_of import AsOf, Moment, at_position, not_ahead
from engine.batches import Budget, each, time_left
from engine.between_indexes import BetweenIndexes
from engine.config import Settings
from engine.context.answer import Parts, context_answer
from engine.context.request import parse_context
from engine.disk import per_memory, used_bytes
from engine.errors import DeadlineExceeded, InvalidInput, NotFound, Purged, RemoraError, Unavailable
from engine.faults import FAULTS, FaultPoints
from engine.figures import calls_per_request
from engine.filters import Compare, Filter, Not, Op, conjunction
from engine.finishing import nobody
from engine.gate import Gate, Load, Room
from engine.graph_path import GraphPath
from engine.graph_port import GraphStore
from engine.index_feed import IndexFeed
from engine.ledger_port import Alias, Keys, Known, Ledger, Operation, OperationKind, Ownership, Page, ScopeCount
from engine.models import Models
from engine.named_graph import NamedGraph
from engine.operation_list import OperationList
from engine.operations import new_operation
from engine.past.worlds import Worlds
from engine.ports import Embedder, Extractor, Priority, Reranker, VectorStore
from engine.ranking.given import weights_of
from engine.rankings import Rankings, ranking_answer
from engine.search_legs import SearchLegs
from engine.search_path import SearchPath
from engine.shard_api import Evidence, Found, Statistics
from engine.signals import SignalFeed
from engine.times import day_of
from engine.types import BlockKey, Entity, EventKind, Json, JsonList, MemoryVersion, Scope
from engine.upkeep import Upkeep
from engine.upkeep.subject import graph_subject, vector_subject
from engine.weighing import results_load, search_load
from engine.write_path import WritePath

if TYPE_CHECKING:
    from engine.requests import Call, ListRequest, SearchRequest

_STATUS_S = 1.0
"""How long a status waits for what a part says: whoever asks would rather hear that it doesn't answer."""
_SHORT = Load(tokens=32)
_ALWAYS_ADDS = 32
_ALWAYS_SEARCHES = 12
"""So many short texts are let in whatever the pace: the models need a few at once to show it."""


def _now_us() -> int:
    return time.time_ns() // 1000


class Memory:
    """One shard's memory system: implements `engine.api.MemoryApi` over the ports that it is given.

    `start` makes it the owner of the shard; until then calls are refused. It owns the tasks that it starts, not the
    ports: whoever made those closes them, after `close`.

    Args:
        ledger: the truth.
        embedder: texts to vectors.
        extractor: messages to memories, texts to entities.
        vector: dense and keyword index.
        graph: entity graph.
        settings: limits, weights, deadlines.
        reranker: puts hits in order where a search wants it.
        shard: which one it is, for its status.
        faults: named points that tests arm.
        clock: now in microseconds UTC.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        embedder: Embedder,
        extractor: Extractor,
        vector: VectorStore,
        graph: GraphStore,
        settings: Settings,
        reranker: Reranker | None = None,
        shard: int = 0,
        faults: FaultPoints = FAULTS,
        clock: Callable[[], int] = _now_us,
    ) -> None:
        limits = settings.limits
        self._ledger = ledger
        self._vector = vector
        self._settings = settings
        self._shard = shard
        self._limits = limits
        self._reranker = reranker
        self._clock = clock
        room = Room(limits.pending_reads, limits.pending_bytes, limits.pending_tokens)
        self._reads = Gate(
            "reads",
            room,
            time.monotonic,
            longest_s=limits.search_wait_s,
            always=_ALWAYS_SEARCHES * _SHORT.work,
        )
        self._models = Models(
            embedder,
            extractor,
            batch_texts=settings.embed.batch_texts,
            queue_texts=settings.embed.queue_texts,
            in_flight=settings.embedders,
        )
        self._aliases = AliasBook(ledger)
        self._past = Worlds(
            ledger=ledger, models=self._models, settings=settings, aliases=self._aliases, searches=self._search_path
        )
        self._vector_feed = IndexFeed("vector", vector, ledger.changes)
        named = NamedGraph(graph, self._models)
        self._graph_feed = IndexFeed("graph", BetweenIndexes(named, self._vector_feed, faults), ledger.changes)
        self._signals = SignalFeed(
            ledger=ledger, models=self._models, vector=vector, reached=self._vector_feed, settings=settings.signals
        )
        self._writes = WritePath(
            ledger=ledger,
            models=self._models,
            feeds=(self._vector_feed, self._graph_feed),
            listeners=(self._signals, self._past),
            gate=Gate(
                "operations",
                replace(room, items=limits.pending_operations),
                time.monotonic,
                longest_s=min(limits.write_wait_s, settings.runtime.deadline_s / 2),
                always=_ALWAYS_ADDS * _SHORT.work,
            ),
            batch_operations=settings.ledger.batch_operations,
            apply_deadline_s=settings.runtime.apply_deadline_s,
            faults=faults,
            rules=settings.extract.relations == "rules",
        )
        self._rankings = Rankings(ledger, settings.search.leg_deadline_s)
        self._operations = OperationList(ledger, self._writes.is_running)
        self._aliases = AliasBook(ledger)
        asked = AliasedGraph(graph, self._aliases)
        self._legs = SearchLegs(
            ledger=ledger,
            vector=vector,
            graph=asked,
            vector_feed=self._vector_feed,
            graph_feed=self._graph_feed,
            deadline_s=settings.search.leg_deadline_s,
        )
        self._rerank = nobody if reranker is None else reranker.score
        self._searches = self._search_path(ledger, self._legs)
        self._graphs = GraphPath(graph=asked, feed=self._graph_feed, ledger=ledger)
        subjects = (vector_subject(vector, self._vector_feed), graph_subject(named, self._graph_feed))
        self._upkeep = Upkeep(ledger, subjects, shard=shard)
        self._started = False

    def _search_path(self, ledger: Known, legs: SearchLegs) -> SearchPath:
        """Searches over these indexes, those of now or of an earlier state."""
        return SearchPath(
            ledger=ledger,
            models=self._models,
            legs=legs,
            settings=self._settings.search,
            language=self._settings.vector.language,
            rerank=self._rerank,
        )

    async def start(self) -> None:
        """Own the shard, take up what was left unfinished, and begin to feed the indexes."""
        ownership = await self._writes.start()
        for feed in (self._vector_feed, self._graph_feed):
            feed.start(ownership.position)
        self._signals.start(ownership.epoch, ownership.position)
        self._upkeep.start()
        self._started = True

    async def close(self) -> None:
        """Stop. What is accepted and not finished is finished after the next start."""
        self._started = False
        await asyncio.gather(self._upkeep.close(), self._signals.close())
        await self._writes.close()
        await self._searches.close()
        await self._past.close()
        await asyncio.gather(self._vector_feed.close(), self._graph_feed.close())
        await self._models.close()

    @property
    def ownership(self) -> Ownership:
        """What `start` got; raises Unavailable when it isn't the owner, or not any more."""
        return self._writes.ownership

    async def indexes_at(self, position: int) -> None:
        """Wait until both indexes have come to a position."""
        await asyncio.gather(self._vector_feed.reached(position), self._graph_feed.reached(position))

    async def signals_complete(self) -> None:
        """Wait until every memory has its derived signals."""
        await self._signals.complete()

    async def add(self, messages: str | Json | Sequence[Json], **fields: Unpack[AddFields]) -> Json:
        """Keep what was said; see `MemoryApi`."""
        return await self._add(messages, fields, Priority.ADD)

    async def _add(self, messages: object, fields: Mapping[str, Any], priority: Priority) -> Json:
        request = requests.parse_add(messages, fields, self._limits)
        operation = self._operation(
            OperationKind.ADD,
            ingest.add_body(request),
            request.call,
            ids.routing_key(request.call.project, request.scope),
        )
        deadline_s = self._deadline_s(request.call)
        return await self._writes.submit(operation, wait=request.wait, deadline_s=deadline_s, priority=priority)

    async def update(self, memory_id: str, **fields: Unpack[UpdateFields]) -> Json:
        """A new version of a memory; see `MemoryApi`."""
        request = requests.parse_update(memory_id, fields, self._limits)
        return await self._change_one(
            OperationKind.UPDATE, request.memory_id, ingest.update_body(request), request.call
        )

    async def delete(self, memory_id: str, **fields: Unpack[WriteFields]) -> Json:
        """End a memory; see `MemoryApi`."""
        call = requests.parse_call(fields, WriteFields.__annotations__.keys() | CallFields.__annotations__.keys())
        memory_id = ids.canonical_id(memory_id)
        return await self._change_one(OperationKind.DELETE, memory_id, ingest.delete_body(memory_id), call)

    async def delete_all(self, **fields: Unpack[DeleteAllFields]) -> Json:
        """End every memory of a scope; see `MemoryApi`."""
        request = requests.parse_delete_all(fields, self._limits)
        lane = ingest.delete_lane(request.call.project, request.scope)
        return await self._change(OperationKind.DELETE_ALL, ingest.delete_all_body(request), request.call, lane)

    async def purge(self, **fields: Unpack[PurgeFields]) -> Json:
        """Erase content for good; see `MemoryApi`."""
        request = requests.parse_purge(fields, self._limits)
        call, body = request.call, ingest.purge_body(request)
        if isinstance(request.target, Scope):
            lane = ingest.delete_lane(call.project, request.target)
            return await self._change(OperationKind.PURGE, body, call, lane)
        lane = await self._lane_of(call, request.target)
        # Without a lane it can only be a repetition, find that it is erased already, or fail.
        return await self._change(OperationKind.PURGE, body, call, lane, missing=lane is None)

    async def _lane_of(self, call: Call, memory_id: str) -> str | None:
        """The lane of a memory, live or ended; None: it was never there, or is purged."""
        with self._reads.admit():
            async with self._within(call):
                events = await self._ledger.history(call.project, memory_id)
        if not events and call.idempotency_key is None:
            raise _not_found(memory_id)
        if any(event.kind is EventKind.PURGE for event in events):
            return None
        last = next((event.after or event.before for event in reversed(events)), None)
        return None if last is None else ids.routing_key(call.project, last.scope)

    async def search(self, query: str, **fields: Unpack[SearchFields]) -> Json:
        """The best memories for a query; see `MemoryApi`."""
        return await self._search(query, fields)

    async def _search(self, query: str, fields: Mapping[str, Any], *, waited: bool = True) -> Json:
        request = self._search_request(query, fields)
        with self._reads.admit(search_load(request), waited=waited):
            async with self._within(request.call):
                ranked, known = await self._rankings.within(request.call.project, fields)
                if ranked is not fields:
                    request = self._search_request(query, ranked)
                async with self._search_at(request) as (searches, asked, at_us):
                    answer = await searches.search(asked, today=day_of(at_us), at_us=at_us)
                return answer if known else {**answer, "degraded": [*answer["degraded"], "ranking"]}

    async def context(self, query: str, **fields: Unpack[ContextFields]) -> Json:
        """What fits into a prompt; see `MemoryApi`."""
        request = parse_context(query, fields, self._limits, self._settings.search)
        call = request.search.call
        shared: CallFields = {"project": call.project, "deadline_s": call.deadline_s}
        past: PastFields = {"as_of": fields.get("as_of"), "as_of_position": fields.get("as_of_position")}
        parts = Parts(
            search=lambda given: self._search(query, given),
            versions=lambda memory_ids: self.versions(memory_ids, **shared, **past),
            count=lambda texts: self.count_tokens(texts, **shared),
            deadline_s=self._settings.search.leg_deadline_s,
        )
        async with self._within(call):
            return await context_answer(request, parts)

    async def get(self, memory_id: str, **fields: Unpack[GetFields]) -> Json:
        """One memory; see `MemoryApi`."""
        (call, as_of), memory_id = requests.parse_get(fields), ids.canonical_id(memory_id)
        version = await self._live(call, memory_id, as_of)
        if version is None:
            raise await self._gone(call, memory_id)
        return memory_object(version)

    async def list(self, **fields: Unpack[ListFields]) -> Json:
        """A page of memories; see `MemoryApi`."""
        request = requests.parse_list(fields, self._limits)
        with self._reads.admit(results_load(request.page_size)):
            async with self._within(request.call):
                page = await self._page(request)
        return {
            "count": page.count,
            "page": request.page,
            "page_size": request.page_size,
            "results": [memory_object(version) for version in page.versions],
        }

    async def _page(self, request: ListRequest) -> Page:
        project, size = request.call.project, request.page_size
        offset = (request.page - 1) * size
        if request.as_of is None:
            return await self._ledger.page(project, self._unexpired(request.filter), offset, size)
        moment = await self._moment(request.as_of)
        node = self._unexpired(request.filter, moment)
        return await self._ledger.page_at(project, node, moment.position, offset, size)

    async def history(self, memory_id: str, **fields: Unpack[CallFields]) -> JsonList:
        """Everything that happened to a memory; see `MemoryApi`."""
        call, memory_id = self._read_call(fields), ids.canonical_id(memory_id)
        with self._reads.admit():
            async with self._within(call):
                events = await self._ledger.history(call.project, memory_id)
        if any(event.kind is EventKind.PURGE for event in events):
            raise _purged(memory_id)
        if not events:
            raise _not_found(memory_id)
        return [history_object(event) for event in events]

    async def entities(self, **fields: Unpack[PageFields]) -> Json:
        """Who has memories; see `MemoryApi`."""
        call = requests.parse_call(fields, {"project", "deadline_s", "page", "page_size"})
        page, page_size = requests.parse_page(fields, self._limits)
        with self._reads.admit():
            async with self._within(call):
                found = await self._ledger.scopes(call.project)
        return entities_answer(found, call.project, page, page_size)

    async def add_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        """Many adds at once; see `MemoryApi`. More than fill one call to the models let single adds go first."""
        asked = requests.parse_batch(items, self._limits)
        priority = Priority.ADD if len(asked) <= self._settings.embed.batch_texts else Priority.BULK
        # All of them begin at once: what is accepted is safe, however long the models then take.
        return await self._batch(
            asked, "messages", fields, lambda said, given: self._add(said, given, priority), at_once=len(asked)
        )

    async def search_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        """Many searches at once; see `MemoryApi`. As many are under way as keep the models busy, and no more."""
        asked = requests.parse_batch(items, self._limits)
        budget = Budget(self._limits.batch_results)

        async def search(query: str, given: Json) -> Json:
            budget.check()
            answer = await self._search(query, given, waited=False)
            budget.spend(len(answer["results"]))
            return answer

        return await self._batch(asked, "query", fields, search, at_once=2 * self._settings.embed.batch_texts)

    async def graph_entities(self, **fields: Unpack[GraphEntitiesFields]) -> Json:
        """What memories mention; see `MemoryApi`."""
        request = requests.parse_graph_entities(fields, self._limits)
        with self._reads.admit():
            async with self._within(request.call), self._graph_at(request) as graphs:
                return await graphs.entities(request)

    async def neighbours(self, entity: str, **fields: Unpack[NeighboursFields]) -> Json:
        """What surrounds an entity; see `MemoryApi`."""
        request = requests.parse_neighbours(entity, fields, self._limits)
        with self._reads.admit():
            async with self._within(request.call), self._graph_at(request) as graphs:
                return await graphs.neighbours(request)

    async def path(self, source: str, target: str, **fields: Unpack[PathFields]) -> Json:
        """The way from one entity to another; see `MemoryApi`."""
        request = requests.parse_path(source, target, fields, self._limits)
        with self._reads.admit():
            async with self._within(request.call), self._graph_at(request) as graphs:
                return await graphs.path(request)

    async def communities(self, **fields: Unpack[CommunitiesFields]) -> Json:
        """Which entities belong together; see `MemoryApi`."""
        request = requests.parse_communities(fields, self._limits)
        with self._reads.admit():
            async with self._within(request.call), self._graph_at(request) as graphs:
                return await graphs.communities(request)

    async def merge_entities(self, name: str, into: str, **fields: Unpack[AliasFields]) -> Json:
        """Let a name mean another; see `MemoryApi`."""
        request = requests.parse_merge(name, into, fields, self._limits)
        alias = Alias(request.scope, Entity(request.name).key, request.name, request.into)
        epoch = self.ownership.epoch
        with self._reads.admit():
            async with self._within(request.call):
                return await self._aliases.merge(epoch, request.call.project, alias)

    async def split_entity(self, name: str, **fields: Unpack[AliasFields]) -> Json:
        """Let a name mean what it says again; see `MemoryApi`."""
        request = requests.parse_split(name, fields, self._limits)
        epoch = self.ownership.epoch
        with self._reads.admit():
            async with self._within(request.call):
                return await self._aliases.split(epoch, request.call.project, request.scope, request.name)

    async def links(self, **fields: Unpack[CommunitiesFields]) -> Json:
        """What links the entities here; see `ShardApi`."""
        request = requests.parse_communities(fields, self._limits)
        with self._reads.admit():
            async with self._within(request.call), self._graph_at(request) as graphs:
                return await graphs.links(request)

    async def ranking(self, **fields: Unpack[CallFields]) -> Json:
        """What signals count in a project; see `MemoryApi`."""
        call = self._read_call(fields)
        with self._reads.admit():
            async with self._within(call):
                known = await self._rankings.of(call.project)
        return ranking_answer(known, self._settings.search.weights)

    async def set_ranking(self, weights: Json | None, **fields: Unpack[CallFields]) -> Json:
        """Let them count otherwise; see `MemoryApi`."""
        call, given = self._read_call(fields), weights_of(weights)
        epoch = self.ownership.epoch
        async with self._within(call):
            await self._rankings.put(epoch, call.project, given)
        set_now = {signal.value: weight for signal, weight in given.items()}
        return ranking_answer(set_now, self._settings.search.weights)

    async def operation(self, operation_id: str, **fields: Unpack[CallFields]) -> Json:
        """An operation as it stands; see `MemoryApi`."""
        call, operation_id = self._read_call(fields), ids.canonical_id(operation_id, "operation_id")
        with self._reads.admit():
            async with self._within(call):
                return await self._operations.one(call.project, operation_id)

    async def operations(self, **fields: Unpack[OperationsFields]) -> Json:
        """A page of operations; see `MemoryApi`."""
        request = requests.parse_operations(fields, self._limits)
        with self._reads.admit():
            async with self._within(request.call):
                return await self._operations.page(request)

    async def retry(self, operation_id: str, **fields: Unpack[RetryFields]) -> Json:
        """Carry a FAILED operation out again; see `MemoryApi`."""
        call, wait = requests.parse_retry(fields)
        operation_id = ids.canonical_id(operation_id, "operation_id")
        with self._reads.admit():
            async with self._within(call):
                known = await self._operations.known(call.project, operation_id)
        return await self._writes.retry(known, wait=wait, deadline_s=self._deadline_s(call))

    async def evidence(self, query: str, **fields: Unpack[SearchFields]) -> Evidence:
        """What the models say of a query; see `ShardApi`."""
        request = self._search_request(query, fields)
        with self._reads.admit(search_load(request), waited=True):
            async with self._within(request.call), self._search_at(request) as (searches, asked, at_us):
                return await searches.evidence(asked, at_us=at_us)

    async def statistics(self, query: str, evidence: Evidence, **fields: Unpack[SearchFields]) -> Statistics:
        """What the legs count before they search; see `ShardApi`."""
        request = self._search_request(query, fields)
        with self._reads.admit(search_load(request)):
            async with self._within(request.call), self._search_at(request) as (searches, asked, _):
                return await searches.statistics(asked, evidence)

    async def candidates(self, query: str, evidence: Evidence, **fields: Unpack[SearchFields]) -> Found:
        """What the indexes find here; see `ShardApi`."""
        request = self._search_request(query, fields)
        with self._reads.admit(search_load(request)):
            async with self._within(request.call), self._search_at(request) as (searches, asked, _):
                return await searches.candidates(asked, evidence)

    async def versions(
        self, memory_ids: Sequence[str], **fields: Unpack[GetFields]
    ) -> builtins.list[MemoryVersion | None]:
        """Many memories as they are ranked; see `ShardApi`."""
        call, as_of = requests.parse_get(fields)
        with self._reads.admit(results_load(len(memory_ids))):
            async with self._within(call):
                return await self._versions(call, memory_ids, as_of)

    async def rerank(self, query: str, texts: Sequence[str], **fields: Unpack[CallFields]) -> builtins.list[float]:
        """How well texts answer; see `ShardApi`."""
        call = self._read_call(fields)
        if self._reranker is None:
            raise Unavailable("no reranker is set", {"setting": "rerank.model"})
        with self._reads.admit(results_load(len(texts))):
            async with self._within(call):
                return await self._reranker.score(query, texts)

    async def count_tokens(self, texts: Sequence[str], **fields: Unpack[CallFields]) -> builtins.list[int]:
        """How long texts are; see `ShardApi`."""
        call = self._read_call(fields)
        with self._reads.admit(results_load(len(texts))):
            async with self._within(call):
                return await self._models.count_tokens(texts)

    async def keys(self, limit: int, **fields: Unpack[ListFields]) -> Keys:
        """What the first pages of a list consist of; see `ShardApi`."""
        request = requests.parse_list(fields, self._limits)
        with self._reads.admit(results_load(min(limit, self._limits.page_size))):
            async with self._within(request.call):
                if request.as_of is None:
                    return await self._ledger.keys(request.call.project, self._unexpired(request.filter), limit)
                moment = await self._moment(request.as_of)
                node = self._unexpired(request.filter, moment)
                return await self._ledger.keys_at(request.call.project, node, moment.position, limit)

    async def get_many(self, memory_ids: Sequence[str], **fields: Unpack[GetFields]) -> builtins.list[Json | None]:
        """Many memories; see `ShardApi`."""
        found = await self.versions(memory_ids, **fields)
        return [None if version is None else memory_object(version) for version in found]

    async def mentioned(self, **fields: Unpack[GraphEntitiesFields]) -> JsonList:
        """All that memories here mention; see `ShardApi`."""
        request = requests.parse_graph_entities(fields, self._limits)
        with self._reads.admit():
            async with self._within(request.call), self._graph_at(request) as graphs:
                return await graphs.mentioned(request)

    async def beside(
        self, keys: Sequence[str], **fields: Unpack[GraphEntitiesFields]
    ) -> builtins.list[tuple[str, ...]]:
        """Who is mentioned together with each entity here; see `ShardApi`."""
        request = requests.parse_graph_entities(fields, self._limits)
        with self._reads.admit():
            async with self._within(request.call), self._graph_at(request) as graphs:
                return await graphs.beside(request, keys)

    async def scopes(self, **fields: Unpack[CallFields]) -> builtins.list[ScopeCount]:
        """Who has memories here; see `ShardApi`."""
        call = self._read_call(fields)
        with self._reads.admit():
            async with self._within(call):
                return await self._ledger.scopes(call.project)

    async def claim(self, digest: str, **fields: Unpack[WriteFields]) -> str:
        """Take an idempotency key for another shard's request; see `ShardApi`."""
        call = requests.parse_call(fields, WriteFields.__annotations__.keys() | CallFields.__annotations__.keys())
        if call.idempotency_key is None:
            raise InvalidInput("a claim needs an idempotency_key", {"field": "idempotency_key"})
        lane = ids.key_home(call.project, call.idempotency_key)
        operation = replace(
            self._operation(OperationKind.CLAIM, {"digest": digest}, call, lane), request_hash=bytes.fromhex(digest)
        )
        answer = await self._writes.submit(operation, wait=True, deadline_s=self._deadline_s(call))
        claimed: str = answer["operation_id"]
        return claimed

    async def delete_part(self, part_id: str, parts: int, wait: bool, **fields: Unpack[DeleteAllFields]) -> Json:
        """This shard's part of a deletion over all shards; see `ShardApi`."""
        request = requests.parse_delete_all(fields, self._limits)
        body = ingest.part_body(ingest.delete_all_body(request), parts, request.call)
        return await self._part_of(OperationKind.DELETE_ALL, body, request.call, part_id, wait=wait)

    async def purge_part(self, part_id: str, parts: int, wait: bool, **fields: Unpack[PurgeFields]) -> Json:
        """This shard's part of a purge over all shards; see `ShardApi`."""
        request = requests.parse_purge(fields, self._limits)
        body = ingest.part_body(ingest.purge_body(request), parts, request.call)
        return await self._part_of(OperationKind.PURGE, body, request.call, part_id, wait=wait)

    async def _part_of(self, kind: OperationKind, body: Json, call: Call, part_id: str, *, wait: bool) -> Json:
        """Carry out a part, which goes by its id and not by the key: that may be claimed here."""
        operation = replace(self._operation(kind, body, replace(call, idempotency_key=None), None), id=part_id)
        return await self._writes.submit(operation, wait=wait, deadline_s=self._deadline_s(call))

    async def erased_keys(self, operation_id: str, **fields: Unpack[CallFields]) -> builtins.list[str]:
        """Whose requests a purge has erased; see `ShardApi`."""
        call = self._read_call(fields)
        with self._reads.admit():
            async with self._within(call):
                found = await self._operations.known(call.project, operation_id)
        return [*(found.result or {}).get("keys", ())]

    async def forget(self, keys: Sequence[str], **fields: Unpack[CallFields]) -> None:
        """Blank claims; see `ShardApi`."""
        call = self._read_call(fields)
        async with self._within(call):
            await self._writes.forget(call.project, keys)

    async def verify(self, **fields: Unpack[VerifyFields]) -> Json:
        """Compare a stretch of the ledger with both indexes; see `MemoryApi`."""
        request = requests.parse_verify(fields)
        _ = self.ownership
        with self._reads.admit():
            async with self._within(request.call):
                return await self._upkeep.verify(request.after, request.limit, repair=request.repair)

    async def rebuild(self, index: str, **fields: Unpack[RebuildFields]) -> Json:
        """Build an index anew while everything goes on; see `MemoryApi`."""
        name, start = requests.parse_rebuild(index, fields)
        _ = self.ownership
        return self._upkeep.rebuild(name, start=start)

    async def status(self) -> dict[str, Any]:
        """What runs, and how far it is; never fails: a part that is away says so."""
        ledger, embedder = await asyncio.gather(self._part(self._ledger.status()), self._part(self._embedder_info()))
        feeds = {feed.name: feed for feed in (self._vector_feed, self._graph_feed)}
        ready = self._started and not self._writes.fenced
        healthy = all(feed.healthy for feed in feeds.values()) and "error" not in ledger and "error" not in embedder
        writes, queues = self._writes.status(), self._queues()
        return {
            "shard": self._shard,
            "state": "starting" if not ready else "ready" if healthy else "degraded",
            "ready": ready,
            "extractor": ingest.VERBATIM,
            "ledger": ledger,
            "embedder": {**embedder, **self._models.stats()},
            **{name: feed.figures() for name, feed in feeds.items()},
            "upkeep": self._upkeep.status(),
            "signals": {**self._signals.figures(), **await self._kept(ledger)},
            "writes": writes,
            "searches": {**self._searches.status(), "pending": self._reads.pending},
            "gates": {"operations": self._writes.gate(), "reads": self._reads.figures()},
            "queues": queues,
            "calls_per_request": calls_per_request(queues, writes["took_ms"]["recent"]),
        }

    async def _kept(self, ledger: Json) -> Json:
        """How many memories have their signals, what a memory takes on disk, and what blocks take in memory.

        `ledger`: its own status.
        """
        if "error" in ledger:
            return {}
        used = await asyncio.to_thread(used_bytes, self._settings.data_dir, self._shard)
        sizes = per_memory(used, ledger["memories"], ledger["signals"], ledger["signal_bytes"])
        resident = await self._part(self._vector.resident())
        return {"complete": ledger["signals"], "bytes_per_memory": sizes, "resident_bytes": dict(resident)}

    def _queues(self) -> Json:
        """Figures of every queue of this shard."""
        return {**self._models.queues(), "ledger": self._writes.queue(), **self._searches.queues()}

    async def _embedder_info(self) -> Json:
        info = await self._models.info()
        return {"model": info.model, "dimensions": info.dimensions, "device": info.device, "dtype": info.dtype}

    async def _part(self, work: Any) -> Json:
        try:
            async with asyncio.timeout(_STATUS_S):
                known: Json = await work
        except (RemoraError, TimeoutError) as error:
            return {"error": str(error) or "no answer in time"}
        return known

    async def _batch(
        self,
        items: Sequence[Json],
        name: str,
        fields: CallFields,
        perform: Callable[[Any, Json], Awaitable[Json]],
        *,
        at_once: int,
    ) -> JsonList:
        """The outcome of each item; `name` is its own argument, the rest are fields. One deadline holds for all."""
        call = self._read_call(fields)
        until_s = time.monotonic() + self._deadline_s(call)

        async def one(item: Json) -> Json:
            own, rest = requests.parse_item(item, name)
            deadline_s = time_left(rest.get("deadline_s"), until_s - time.monotonic())
            return await perform(own, {**rest, "project": call.project, "deadline_s": deadline_s})

        return await each(items, one, at_once=at_once)

    def _search_request(self, query: str, fields: Mapping[str, Any]) -> SearchRequest:
        return requests.parse_search(query, fields, self._limits, self._settings.search)

    def _unexpired(self, node: Filter, moment: Moment | None = None) -> Filter:
        today = self._today() if moment is None else day_of(moment.at_us)
        return conjunction(node, Not(Compare("expiration_date", Op.LT, today)))

    async def _moment(self, as_of: AsOf) -> Moment:
        """Raises InvalidInput for one that lies in the future."""
        asked = not_ahead(as_of, self._clock())
        return at_position(await self._ledger.moment(asked), asked)

    def _today(self) -> str:
        return day_of(self._clock())

    def _read_call(self, fields: Any) -> Call:
        return requests.parse_call(fields, frozenset({"project", "deadline_s"}))

    def _deadline_s(self, call: Call) -> float:
        return min(call.deadline_s or self._settings.runtime.deadline_s, self._settings.runtime.deadline_s)

    def _within(self, call: Call) -> _Within:
        return _Within(self._deadline_s(call))

    def _is_now(self, moment: Moment) -> bool:
        """Whether nothing has happened since, and days haven't gone by."""
        return moment.latest and day_of(moment.at_us) == self._today()

    @asynccontextmanager
    async def _search_at(self, request: SearchRequest) -> AsyncIterator[tuple[SearchPath, SearchRequest, int]]:
        """Who answers the search, how it is asked, and when that is."""
        if request.as_of is None:
            yield self._searches, request, self._clock()
            return
        moment = await self._moment(request.as_of)
        if self._is_now(moment):
            yield self._searches, request, moment.at_us
            return
        async with self._past.at(request.call.project, request.block, moment) as world:
            await world.prepare(request.block)
            # There is no index to wait for.
            yield world.searches, replace(request, min_position=None), moment.at_us

    @asynccontextmanager
    async def _graph_at(self, request: _OfGraph) -> AsyncIterator[GraphPath]:
        """The graph as it was then; that of now where nothing has happened since, and days haven't gone by."""
        moment = None if request.as_of is None else await self._moment(request.as_of)
        if moment is None or self._is_now(moment):
            yield self._graphs
            return
        async with self._past.at(request.call.project, request.block, moment) as world:
            yield world.graphs

    async def _live(self, call: Call, memory_id: str, as_of: AsOf | None = None) -> MemoryVersion | None:
        with self._reads.admit():
            async with self._within(call):
                return (await self._versions(call, [memory_id], as_of))[0]

    async def _versions(
        self, call: Call, memory_ids: Sequence[str], as_of: AsOf | None
    ) -> builtins.list[MemoryVersion | None]:
        if as_of is None:
            return await self._ledger.get(call.project, memory_ids)
        moment = await self._moment(as_of)
        return await self._ledger.get_at(call.project, memory_ids, moment.position)

    async def _change_one(self, kind: OperationKind, memory_id: str, body: Json, call: Call) -> Json:
        version = await self._live(call, memory_id)
        if version is not None:
            lane = ids.routing_key(call.project, version.scope)
            return await self._change(kind, ingest.about(body, version), call, lane)
        gone = await self._gone(call, memory_id)
        if call.idempotency_key is None or isinstance(gone, Purged):
            raise gone
        return await self._change(kind, body, call, None, missing=True)

    async def _gone(self, call: Call, memory_id: str) -> Purged | NotFound:
        """Why a memory isn't there: one of another project costs the same look as one that never was."""
        with self._reads.admit():
            async with self._within(call):
                purged = await self._ledger.purged(call.project, memory_id)
        return _purged(memory_id) if purged else _not_found(memory_id)

    async def _change(
        self, kind: OperationKind, body: Json, call: Call, lane: str | None, *, wait: bool = True, missing: bool = False
    ) -> Json:
        operation = self._operation(kind, body, call, lane)
        return await self._writes.submit(operation, wait=wait, deadline_s=self._deadline_s(call), missing=missing)

    def _operation(self, kind: OperationKind, body: Json, call: Call, lane: str | None) -> Operation:
        return new_operation(
            kind,
            body,
            project=call.project,
            lane=lane,
            slot=_slot(body, call),
            idempotency_key=call.idempotency_key,
            now_us=self._clock(),
            noise=secrets.token_bytes(16),
        )


def _slot(body: Json, call: Call) -> int:
    """Of an operation without a lane: that of the memory it is about, so that its id names the shard that has it."""
    return ids.slot_in(body["memory_id"]) if "memory_id" in body else ids.slot_of(call.project)


def _not_found(memory_id: str) -> NotFound:
    return NotFound("Memory not found!", {"memory_id": memory_id})


def _purged(memory_id: str) -> Purged:
    return Purged("The memory's content has been erased for good.", {"memory_id": memory_id})


class _OfGraph(Protocol):
    """A question about the graph."""

    @property
    def call(self) -> Call: ...

    @property
    def block(self) -> BlockKey | None: ...

    @property
    def as_of(self) -> AsOf | None: ...


class _Within:
    """`asyncio.timeout` that says what ran out."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._timeout = asyncio.timeout(deadline_s)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise DeadlineExceeded(f"no answer within {self._deadline_s} s", {"deadline_s": self._deadline_s}) from None
