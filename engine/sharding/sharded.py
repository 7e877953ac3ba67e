"""The users' verbs over all shards: one shard where one can answer, else all of them and their answers put together."""

from __future__ import annotations

import asyncio
import builtins
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, Unpack, cast

from engine import ids, ingest, requests
from engine.answers import entities_answer
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
    MemoryApi,
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
from engine.batches import Budget, each, time_left
from engine.concurrency import TaskSet
from engine.config import Settings
from engine.context.answer import Parts, context_answer
from engine.context.request import parse_context
from engine.errors import DeadlineExceeded, NotFound, Overloaded, RemoraError, Unavailable
from engine.graph.communities import communities
from engine.graph_around import widened
from engine.graph_path import nothing_mentions
from engine.ledger_port import OperationKind
from engine.rankings import laid_under
from engine.requests import AddRequest, Call, MergeRequest, PurgeRequest, SearchRequest
from engine.scatter import circuits_of, scattered_search
from engine.shard_api import ShardApi
from engine.sharding import graph_merging, merging, routing
from engine.sharding.asking import Until, every, or_error, or_none
from engine.sharding.everywhere import in_every_shard
from engine.sharding.forgetting import forget
from engine.sharding.operations import OperationsOverShards
from engine.sharding.paths import PathOverShards
from engine.sharding.verifying import verify
from engine.times import day_of
from engine.types import Json, JsonList, MemoryVersion, Scope

F = TypeVar("F", bound=Mapping[str, Any])

_CALL = frozenset({"project", "deadline_s"})
_MORE = 4
"""So many times what is asked for, each shard says of what surrounds an entity: what is rare in one may be common."""
_PURGE_SHARE = 0.75
"""Of a purge's time is for the purge itself, which may wait for files to be written; the rest is for keys."""
_FAR = 10_000
"""A page beyond so many is looked for only if there is one: to find it, every shard names all before it."""


def _now_us() -> int:
    return time.time_ns() // 1000


class Sharded(MemoryApi):
    """One memory system of several shards. It keeps nothing but which shard does not answer a search: any process may
    have one, all answer the same.

    Args:
        own: the shard that is nearest; it does what any shard can do.
        shards: all of them, by number.
        settings: limits and deadlines.
        clock: now in microseconds UTC.
    """

    def __init__(
        self, own: int, shards: Sequence[ShardApi], settings: Settings, clock: Callable[[], int] = _now_us
    ) -> None:
        self._clock = clock
        self._own = own
        self._shards = shards
        self._count = len(shards)
        self._settings = settings
        self._limits = settings.limits
        self._tasks = TaskSet()
        self._circuits = circuits_of(self._count, settings.search, settings.runtime.deadline_s, self._tasks)
        self._operations = OperationsOverShards(shards, settings.limits)

    async def close(self) -> None:
        """End what is under way; the shards stay open."""
        await self._tasks.close()

    async def add(self, messages: str | Json | Sequence[Json], **fields: Unpack[AddFields]) -> Json:
        """Keep what was said; see `MemoryApi`."""
        request = requests.parse_add(messages, fields, self._limits)
        until = self._until(request.call)
        shard = await self._claimed_add(request)
        fields["deadline_s"] = until.left()
        answer = await self._shards[shard].add(messages, **fields)
        return self._placed(answer, shard)

    async def update(self, memory_id: str, **fields: Unpack[UpdateFields]) -> Json:
        """A new version of a memory; see `MemoryApi`."""
        request = requests.parse_update(memory_id, fields, self._limits)
        until = self._until(request.call)
        shard = routing.shard_in(request.memory_id, self._count)
        await self._claim(OperationKind.UPDATE, ingest.update_body(request), request.call, shard)
        fields["deadline_s"] = until.left()
        answer = await self._shards[shard].update(memory_id, **fields)
        return self._placed(answer, shard)

    async def delete(self, memory_id: str, **fields: Unpack[WriteFields]) -> Json:
        """End a memory; see `MemoryApi`."""
        call = requests.parse_call(fields, _CALL | WriteFields.__annotations__.keys())
        until = self._until(call)
        memory_id = ids.canonical_id(memory_id)
        shard = routing.shard_in(memory_id, self._count)
        await self._claim(OperationKind.DELETE, ingest.delete_body(memory_id), call, shard)
        fields["deadline_s"] = until.left()
        answer = await self._shards[shard].delete(memory_id, **fields)
        return self._placed(answer, shard)

    async def delete_all(self, **fields: Unpack[DeleteAllFields]) -> Json:
        """End every memory of a scope; see `MemoryApi`."""
        request = requests.parse_delete_all(fields, self._limits)
        body, call = ingest.delete_all_body(request), request.call
        until, shard = self._until(call), self._home_of(call, request.scope)
        if shard is None:
            whole = await self._whole_id(OperationKind.DELETE_ALL, body, call)

            def part(shard: int, part_id: str, parts: int, wait: bool) -> Awaitable[Json]:
                return self._shards[shard].delete_part(part_id, parts, wait, **_of_scope(call, request.scope, until))

            return await in_every_shard(whole, self._count, part)
        await self._claim(OperationKind.DELETE_ALL, body, call, shard)
        fields["deadline_s"] = until.left()
        answer = await self._shards[shard].delete_all(**fields)
        return self._placed(answer, shard)

    async def purge(self, **fields: Unpack[PurgeFields]) -> Json:
        """Erase content for good; see `MemoryApi`. Then claims of the keys of what was erased are forgotten."""
        request = requests.parse_purge(fields, self._limits)
        call, until = request.call, self._until(request.call)
        answer = await self._purge(request, fields, Until(self._deadline_s(call) * _PURGE_SHARE))
        await self._forget(call.project, answer, until)
        return answer

    async def _purge(self, request: PurgeRequest, fields: PurgeFields, until: Until) -> Json:
        body, call, target = ingest.purge_body(request), request.call, request.target
        shard = self._home_of(call, target) if isinstance(target, Scope) else routing.shard_in(target, self._count)
        if shard is not None:
            await self._claim(OperationKind.PURGE, body, call, shard)
            fields["deadline_s"] = until.left()
            return self._placed(await self._shards[shard].purge(**fields), shard)
        whole, scope = await self._whole_id(OperationKind.PURGE, body, call), ingest.scope_of(body)

        def part(shard: int, part_id: str, parts: int, wait: bool) -> Awaitable[Json]:
            return self._shards[shard].purge_part(part_id, parts, wait, **_of_scope(call, scope, until))

        return await in_every_shard(whole, self._count, part)

    async def _forget(self, project: str, answer: Json, until: Until) -> None:
        """Blank the claims of what a purge has erased, in whichever shard they are.

        Raises:
            Unavailable: it is not done everywhere; the purge sent again does what is left.
        """
        details = {"operation_id": answer["operation_id"], "retry_after_s": 1}
        if merging.is_open(answer):
            raise Unavailable("the purge is accepted and not done yet: send it again", details)
        try:
            await forget(self._shards, project, answer, until)
        except (Unavailable, DeadlineExceeded, Overloaded) as error:
            raise Unavailable(f"the purge is not complete: send it again ({error.message})", details) from error

    async def _whole_id(self, kind: OperationKind, body: Json, call: Call) -> str:
        """The id of an operation over all shards: the same again for the same idempotency key and request."""
        key = call.idempotency_key
        if key is None:
            return ids.operation_id(ids.first_slot(self._own, self._count), secrets.token_bytes(16))
        if ids.is_made_up(key):
            return ids.whole_id(call.project, f"{key}/{ingest.request_hash(kind, body).hex()}")
        return ids.whole_id(call.project, await self._claim(kind, body, call, None))

    async def get(self, memory_id: str, **fields: Unpack[GetFields]) -> Json:
        """One memory; see `MemoryApi`."""
        shard = self._shard_in(memory_id)
        return await self._shards[shard].get(memory_id, **self._past(fields, shard))

    async def history(self, memory_id: str, **fields: Unpack[CallFields]) -> JsonList:
        """Everything that happened to a memory; see `MemoryApi`."""
        shard = self._shard_in(memory_id)
        return [self._placed(event, shard) for event in await self._shards[shard].history(memory_id, **fields)]

    async def search(self, query: str, **fields: Unpack[SearchFields]) -> Json:
        """The best memories for a query; see `MemoryApi`."""
        return await self._search(query, fields)

    async def _search(self, query: str, given: Mapping[str, Any]) -> Json:
        request = requests.parse_search(query, given, self._limits, self._settings.search)
        fields = cast(SearchFields, {**given})
        shard = routing.sole_shard(request.call.project, request.filter, self._count)
        if shard is None:
            return await self._search_everywhere(request, fields)
        fields["min_position"] = routing.local_position(request.min_position, shard, self._count)
        return self._placed(await self._shards[shard].search(query, **self._past(fields, shard)), shard)

    async def _search_everywhere(self, request: SearchRequest, fields: SearchFields) -> Json:
        routing.no_position(request.as_of)
        at_us = None if request.as_of is None else request.as_of.at_us
        fields, known = await self._ranked(request, fields)
        request = requests.parse_search(request.query, fields, self._limits, self._settings.search)

        def told(shard: int) -> SearchFields:
            return {**fields, "min_position": routing.local_position(request.min_position, shard, self._count)}

        answer = await scattered_search(
            self._shards[self._own],
            self._shards,
            request,
            [told(shard) for shard in range(self._count)],
            circuits=self._circuits,
            settings=self._settings.search,
            deadline_s=self._deadline_s(request.call),
            today=day_of(self._clock() if at_us is None else at_us),
        )
        return answer if known else {**answer, "degraded": [*answer["degraded"], "ranking"]}

    async def _ranked(self, request: SearchRequest, fields: SearchFields) -> tuple[SearchFields, bool]:
        """The fields with the project's weights under them, and whether these are known."""
        shared: CallFields = {"project": request.call.project, "deadline_s": self._settings.search.leg_deadline_s}
        try:
            ranking = await self._shards[self._own].ranking(**shared)
        except (RemoraError, TimeoutError):
            return fields, False
        return cast(SearchFields, laid_under(ranking["set"], fields)), True

    async def context(self, query: str, **fields: Unpack[ContextFields]) -> Json:
        """What fits into a prompt; see `MemoryApi`."""
        request = parse_context(query, fields, self._limits, self._settings.search)
        call, until = request.search.call, self._until(request.search.call)

        def shared() -> CallFields:
            return {"project": call.project, "deadline_s": until.left()}

        past: PastFields = {"as_of": fields.get("as_of"), "as_of_position": fields.get("as_of_position")}
        parts = Parts(
            search=lambda given: self._search(query, given),
            versions=lambda memory_ids: self._versions(memory_ids, {**shared(), **past}),
            count=lambda texts: self._shards[self._own].count_tokens(texts, **shared()),
            deadline_s=self._settings.search.leg_deadline_s,
        )
        return await context_answer(request, parts)

    async def _versions(self, memory_ids: Sequence[str], shared: GetFields) -> builtins.list[MemoryVersion | None]:
        """Versions, in no order."""
        groups = routing.by_shard(routing.shard_in(memory_id, self._count) for memory_id in memory_ids)
        found = await every(
            self._shards[shard].versions([memory_ids[place] for place in places], **self._past(shared, shard))
            for shard, places in groups.items()
        )
        return [version for some in found for version in some]

    async def list(self, **fields: Unpack[ListFields]) -> Json:
        """A page of memories; see `MemoryApi`."""
        request = requests.parse_list(fields, self._limits)
        until = self._until(request.call)
        shard = routing.sole_shard(request.call.project, request.filter, self._count)
        if shard is not None:
            return await self._shards[shard].list(**self._past(fields, shard))
        routing.no_position(request.as_of)
        offset = (request.page - 1) * request.page_size
        if offset > _FAR and offset >= (count := await self._counted(fields)):
            return {"count": count, "page": request.page, "page_size": request.page_size, "results": []}
        keys = await every(one.keys(offset + request.page_size, **fields) for one in self._shards)
        shown = merging.page_of(keys, offset, request.page_size)
        return {
            "count": sum(one.count for one in keys),
            "page": request.page,
            "page_size": request.page_size,
            "results": await self._known(shown, request.call, fields.get("as_of"), until),
        }

    async def _counted(self, fields: ListFields) -> int:
        """How many memories a list has."""
        return sum(one.count for one in await every(one.keys(1, **fields) for one in self._shards))

    async def _known(self, memory_ids: Sequence[str], call: Call, as_of: Any, until: Until) -> JsonList:
        """The memories with these ids, in their order; who is gone meanwhile is left out."""
        groups = routing.by_shard(routing.shard_in(memory_id, self._count) for memory_id in memory_ids)
        wanted = [(shard, [memory_ids[place] for place in places]) for shard, places in groups.items()]
        shared: GetFields = {"project": call.project, "deadline_s": until.left(), "as_of": as_of}
        found = await every(self._shards[shard].get_many(mine, **shared) for shard, mine in wanted)
        known = {one["id"]: one for some in found for one in some if one is not None}
        return [known[memory_id] for memory_id in memory_ids if memory_id in known]

    async def entities(self, **fields: Unpack[PageFields]) -> Json:
        """Who has memories; see `MemoryApi`."""
        call = requests.parse_call(fields, _CALL | {"page", "page_size"})
        page, page_size = requests.parse_page(fields, self._limits)
        shared: CallFields = {"project": call.project, "deadline_s": call.deadline_s}
        found = await every(one.scopes(**shared) for one in self._shards)
        return entities_answer(merging.summed_scopes(found), call.project, page, page_size)

    async def add_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        """Many adds at once; see `MemoryApi`."""
        call = requests.parse_call(fields, _CALL)
        until = self._until(call)

        async def target(item: Json) -> int:
            said, rest = requests.parse_item(item, "messages")
            alike = {**rest, "project": call.project, "deadline_s": call.deadline_s}
            return await self._claimed_add(requests.parse_add(said, alike, self._limits))

        given = requests.parse_batch(items, self._limits)
        targets = await asyncio.gather(*[or_error(target(item)) for item in given])
        shared: CallFields = {"project": call.project, "deadline_s": until.left()}
        return await self._batches(given, targets, lambda shard, mine: self._shards[shard].add_batch(mine, **shared))

    async def search_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        """Many searches at once; see `MemoryApi`."""
        call = requests.parse_call(fields, _CALL)
        until = self._until(call)
        budget = Budget(self._limits.batch_results)

        async def one(item: Json) -> Json:
            budget.check()
            query, rest = requests.parse_item(item, "query")
            rest |= {"project": call.project, "deadline_s": time_left(rest.get("deadline_s"), until.left())}
            answer = await self._search(query, rest)
            budget.spend(len(answer["results"]))
            return answer

        asked = requests.parse_batch(items, self._limits)
        return await each(asked, one, at_once=2 * self._settings.embed.batch_texts)

    async def _batches(
        self,
        items: Sequence[Json],
        targets: Sequence[int | Json],
        send: Callable[[int, JsonList], Awaitable[JsonList]],
    ) -> JsonList:
        """One batch a shard, side by side; what is no target is an answer already."""
        answers: list[Json | None] = [None if isinstance(target, int) else target for target in targets]
        groups = routing.by_shard(target if isinstance(target, int) else None for target in targets)

        async def ask(shard: int, places: list[int]) -> None:
            found = await or_error(send(shard, [items[place] for place in places]))
            for index, place in enumerate(places):
                answers[place] = self._placed(found[index], shard) if isinstance(found, list) else found

        await asyncio.gather(*[ask(shard, places) for shard, places in groups.items()])
        return [answer for answer in answers if answer is not None]

    async def graph_entities(self, **fields: Unpack[GraphEntitiesFields]) -> Json:
        """What memories mention; see `MemoryApi`."""
        request = requests.parse_graph_entities(fields, self._limits)
        shard = self._home_of(request.call, request.scope)
        if shard is not None:
            return await self._shards[shard].graph_entities(**self._past(fields, shard))
        routing.no_position(request.as_of)
        found = graph_merging.summed(await every(one.mentioned(**fields) for one in self._shards))
        page, page_size = request.page, request.page_size
        shown = found[(page - 1) * page_size : page * page_size]
        return {"count": len(found), "page": page, "page_size": page_size, "results": shown}

    async def neighbours(self, entity: str, **fields: Unpack[NeighboursFields]) -> Json:
        """What surrounds an entity; see `MemoryApi`."""
        request = requests.parse_neighbours(entity, fields, self._limits)
        shard = self._home_of(request.call, request.scope)
        if shard is not None:
            return await self._shards[shard].neighbours(entity, **self._past(fields, shard))
        routing.no_position(request.as_of)
        fields["limit"] = min(_MORE * request.limit, self._limits.page_size)
        fields["depth"] = 1

        async def look(name: str) -> Json | None:
            return await self._around(name, fields, request.limit)

        found = await look(entity)
        if found is None:
            raise nothing_mentions(request.entity)
        return found if request.depth == 1 else await widened(found, request.depth, request.limit, look)

    async def _around(self, entity: str, fields: NeighboursFields, limit: int) -> Json | None:
        """What surrounds an entity in all shards; None: none knows it."""
        found = await every(or_none(one.neighbours(entity, **fields), NotFound) for one in self._shards)
        known = [one for one in found if one is not None]
        functional = self._settings.graph.functional_keys
        return graph_merging.neighbourhood(known, limit, functional) if known else None

    async def communities(self, **fields: Unpack[CommunitiesFields]) -> Json:
        """Which entities belong together; see `MemoryApi`."""
        request = requests.parse_communities(fields, self._limits)
        shard = self._home_of(request.call, request.scope)
        if shard is not None:
            return await self._shards[shard].communities(**self._past(fields, shard))
        routing.no_position(request.as_of)
        found = await every(one.links(**fields) for one in self._shards)
        links = graph_merging.links(found, self._settings.graph.functional_keys)
        return await asyncio.to_thread(communities, links, request.limit)

    async def path(self, source: str, target: str, **fields: Unpack[PathFields]) -> Json:
        """The way from one entity to another; see `MemoryApi`."""
        request = requests.parse_path(source, target, fields, self._limits)
        shard = self._home_of(request.call, request.scope)
        if shard is not None:
            return await self._shards[shard].path(source, target, **self._past(fields, shard))
        routing.no_position(request.as_of)
        return await PathOverShards(self._shards, request, self._until(request.call), self._limits.id_chars).find()

    async def merge_entities(self, name: str, into: str, **fields: Unpack[AliasFields]) -> Json:
        """Let a name mean another, wherever memories of the scope may be; see `MemoryApi`."""
        request = requests.parse_merge(name, into, fields, self._limits)
        return _same(await every(one.merge_entities(name, into, **fields) for one in self._holding(request)))

    async def split_entity(self, name: str, **fields: Unpack[AliasFields]) -> Json:
        """Let a name mean what it says again; see `MemoryApi`."""
        request = requests.parse_split(name, fields, self._limits)
        return _same(await every(one.split_entity(name, **fields) for one in self._holding(request)))

    def _holding(self, request: MergeRequest) -> Sequence[ShardApi]:
        """The shards that may hold memories of its scope."""
        shard = self._home_of(request.call, request.scope)
        return self._shards if shard is None else [self._shards[shard]]

    async def ranking(self, **fields: Unpack[CallFields]) -> Json:
        """What signals count in a project; see `MemoryApi`. Every shard knows it."""
        return await self._shards[self._own].ranking(**fields)

    async def set_ranking(self, weights: Json | None, **fields: Unpack[CallFields]) -> Json:
        """Let them count otherwise, in every shard; see `MemoryApi`. Sent again, it does what is left."""
        return (await every(one.set_ranking(weights, **fields) for one in self._shards))[0]

    async def operation(self, operation_id: str, **fields: Unpack[CallFields]) -> Json:
        """An operation as it stands; see `MemoryApi`."""
        requests.parse_call(fields, _CALL)
        return await self._operations.one(ids.canonical_id(operation_id, "operation_id"), fields)

    async def operations(self, **fields: Unpack[OperationsFields]) -> Json:
        """A page of operations; see `MemoryApi`."""
        request = requests.parse_operations(fields, self._limits)
        shard = None if request.scope is None else self._home_of(request.call, request.scope)
        shards = self._shards if shard is None else [self._shards[shard]]
        return await self._operations.page(request, shards, self._until(request.call))

    async def retry(self, operation_id: str, **fields: Unpack[RetryFields]) -> Json:
        """Carry a FAILED operation out again; see `MemoryApi`."""
        call, _ = requests.parse_retry(fields)
        until, operation_id = self._until(call), ids.canonical_id(operation_id, "operation_id")
        kind, answer = await self._operations.retry(operation_id, fields, until)
        if kind == OperationKind.PURGE:
            await self._forget(call.project, answer, until)
        return answer

    async def verify(self, **fields: Unpack[VerifyFields]) -> Json:
        """Compare a stretch of a ledger with its indexes; see `MemoryApi`."""
        return await verify(self._shards, fields)

    async def rebuild(self, index: str, **fields: Unpack[RebuildFields]) -> Json:
        """Build an index anew in all shards, side by side; see `MemoryApi`."""
        return merging.rebuilt(index, await every(one.rebuild(index, **fields) for one in self._shards))

    async def status(self) -> dict[str, Any]:
        """What runs, and how far it is: every shard's own account."""
        accounts = await asyncio.gather(*[or_error(one.status()) for one in self._shards])
        return merging.whole_status(accounts)

    async def _claimed_add(self, request: AddRequest) -> int:
        """The shard of an add, once its key is its own."""
        shard = routing.home_of(ids.routing_key(request.call.project, request.scope), self._count)
        await self._claim(OperationKind.ADD, ingest.add_body(request), request.call, shard)
        return shard

    async def _claim(self, kind: OperationKind, body: Json, call: Call, target: int | None) -> str:
        """Take the caller's idempotency key where every shard asks for it; the claim's id.

        Nothing to do without a key, for one that nobody else can have, and when the request goes there anyway.
        """
        key = call.idempotency_key
        if key is None or ids.is_made_up(key):
            return ""
        home = routing.home_of(ids.key_home(call.project, key), self._count)
        if home == target:
            return ""
        digest = ingest.request_hash(kind, body).hex()
        fields: WriteFields = {"project": call.project, "deadline_s": call.deadline_s, "idempotency_key": key}
        return await self._shards[home].claim(digest, **fields)

    def _home_of(self, call: Call, scope: Scope) -> int | None:
        """The shard that holds all memories of a scope; None: they may lie in any."""
        if scope.user_id is None:
            return None
        return routing.home_of(ids.routing_key(call.project, scope), self._count)

    def _past(self, fields: F, shard: int) -> F:
        """The fields as that shard understands them."""
        return cast(F, {**fields, **routing.past_of(fields, shard, self._count)})

    def _placed(self, answer: Json, shard: int) -> Json:
        return routing.placed(answer, shard, self._count)

    def _shard_in(self, raw: str, what: str = "memory_id") -> int:
        return routing.shard_in(ids.canonical_id(raw, what), self._count)

    def _until(self, call: Call) -> Until:
        return Until(self._deadline_s(call))

    def _deadline_s(self, call: Call) -> float:
        limit_s = self._settings.runtime.deadline_s
        return min(call.deadline_s or limit_s, limit_s)


def _same(answers: JsonList) -> Json:
    """What shards say that all did the same; one that had done it before says so."""
    return {**answers[0], "changed": any(one["changed"] for one in answers)}


def _of_scope(call: Call, scope: Scope, until: Until) -> DeleteAllFields:
    """What a part over a scope is asked with."""
    fields: DeleteAllFields = {"project": call.project, "deadline_s": until.left()}
    if call.idempotency_key is not None and not ids.is_made_up(call.idempotency_key):
        fields["idempotency_key"] = call.idempotency_key
    for name, value in scope.ids().items():
        fields[name] = value
    return fields
