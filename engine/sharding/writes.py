"""Changes over all shards: what is added, updated, deleted and erased, where it lies or in every shard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Unpack

from engine import ids, ingest, requests
from engine.api import AddFields, CallFields, DeleteAllFields, PurgeFields, UpdateFields, WriteFields
from engine.ledger_port import OperationKind
from engine.requests import AddRequest, Call, PurgeRequest
from engine.sharding import routing
from engine.sharding.asking import Until, or_error
from engine.sharding.claims import claim, whole_id
from engine.sharding.everywhere import in_every_shard
from engine.sharding.forgetting import forget_erased
from engine.sharding.verbs import CALL, Verbs
from engine.types import Json, JsonList, Scope

_PURGE_SHARE = 0.75
"""Of a purge's time is for the purge itself, which may wait for files to be written; the rest is for keys."""


class WriteVerbs(Verbs):
    """Each change goes to the shard of its scope or memory, or as a part to each of them."""

    async def add(self, messages: str | Json | Sequence[Json], **fields: Unpack[AddFields]) -> Json:
        """Keep what was said; see `MemoryApi`."""
        request = self._parsed(messages, fields)
        until = self._parts.until(request.call)
        shard = await self._claimed_add(request)
        fields["deadline_s"] = until.left()
        answer = await self._parts.shards[shard].add(messages, **fields)
        return self._parts.placed(answer, shard)

    async def add_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        """Many adds at once; see `MemoryApi`."""
        call = requests.parse_call(fields, CALL)
        until = self._parts.until(call)

        async def target(item: Json) -> int:
            said, rest = requests.parse_item(item, "messages")
            alike = {**rest, "project": call.project, "deadline_s": call.deadline_s}
            return await self._claimed_add(self._parsed(said, alike))

        given = requests.parse_batch(items, self._parts.limits)
        targets = await asyncio.gather(*[or_error(target(item)) for item in given])
        shared: CallFields = {"project": call.project, "deadline_s": until.left()}
        return await self._batches(
            given, targets, lambda shard, mine: self._parts.shards[shard].add_batch(mine, **shared)
        )

    async def update(self, memory_id: str, **fields: Unpack[UpdateFields]) -> Json:
        """A new version of a memory; see `MemoryApi`."""
        request = requests.parse_update(memory_id, fields, self._parts.limits)
        until = self._parts.until(request.call)
        shard = routing.shard_in(request.memory_id, self._parts.count)
        await claim(self._parts, OperationKind.UPDATE, ingest.update_body(request), request.call, shard)
        fields["deadline_s"] = until.left()
        answer = await self._parts.shards[shard].update(memory_id, **fields)
        return self._parts.placed(answer, shard)

    async def delete(self, memory_id: str, **fields: Unpack[WriteFields]) -> Json:
        """End a memory; see `MemoryApi`."""
        call = requests.parse_call(fields, CALL | WriteFields.__annotations__.keys())
        until = self._parts.until(call)
        memory_id = ids.canonical_id(memory_id)
        shard = routing.shard_in(memory_id, self._parts.count)
        await claim(self._parts, OperationKind.DELETE, ingest.delete_body(memory_id), call, shard)
        fields["deadline_s"] = until.left()
        answer = await self._parts.shards[shard].delete(memory_id, **fields)
        return self._parts.placed(answer, shard)

    async def delete_all(self, **fields: Unpack[DeleteAllFields]) -> Json:
        """End every memory of a scope; see `MemoryApi`."""
        request = requests.parse_delete_all(fields, self._parts.limits)
        body, call = ingest.delete_all_body(request), request.call
        until, shard = self._parts.until(call), self._parts.home_of(call, request.scope)
        if shard is None:
            whole = await whole_id(self._parts, OperationKind.DELETE_ALL, body, call)

            def part(shard: int, part_id: str, parts: int, wait: bool) -> Awaitable[Json]:
                return self._parts.shards[shard].delete_part(
                    part_id, parts, wait, **_of_scope(call, request.scope, until)
                )

            return await in_every_shard(whole, self._parts.count, part)
        await claim(self._parts, OperationKind.DELETE_ALL, body, call, shard)
        fields["deadline_s"] = until.left()
        answer = await self._parts.shards[shard].delete_all(**fields)
        return self._parts.placed(answer, shard)

    async def purge(self, **fields: Unpack[PurgeFields]) -> Json:
        """Erase content for good; see `MemoryApi`. Then claims of the keys of what was erased are forgotten."""
        request = requests.parse_purge(fields, self._parts.limits)
        call, until = request.call, self._parts.until(request.call)
        answer = await self._purge(request, fields, Until(self._parts.deadline_s(call) * _PURGE_SHARE))
        await forget_erased(self._parts, call.project, answer, until)
        return answer

    async def _purge(self, request: PurgeRequest, fields: PurgeFields, until: Until) -> Json:
        body, call, target = ingest.purge_body(request), request.call, request.target
        shard = (
            self._parts.home_of(call, target)
            if isinstance(target, Scope)
            else routing.shard_in(target, self._parts.count)
        )
        if shard is not None:
            await claim(self._parts, OperationKind.PURGE, body, call, shard)
            fields["deadline_s"] = until.left()
            return self._parts.placed(await self._parts.shards[shard].purge(**fields), shard)
        whole, scope = await whole_id(self._parts, OperationKind.PURGE, body, call), ingest.scope_of(body)

        def part(shard: int, part_id: str, parts: int, wait: bool) -> Awaitable[Json]:
            return self._parts.shards[shard].purge_part(part_id, parts, wait, **_of_scope(call, scope, until))

        return await in_every_shard(whole, self._parts.count, part)

    def _parsed(self, messages: object, fields: Mapping[str, Any]) -> AddRequest:
        parts = self._parts
        return requests.parse_add(messages, fields, parts.limits, images=parts.settings.llm.takes_images)

    async def _claimed_add(self, request: AddRequest) -> int:
        """The shard of an add, once its key is its own."""
        shard = routing.home_of(ids.routing_key(request.call.project, request.scope), self._parts.count)
        await claim(self._parts, OperationKind.ADD, ingest.add_body(request), request.call, shard)
        return shard

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
                answers[place] = self._parts.placed(found[index], shard) if isinstance(found, list) else found

        await asyncio.gather(*[ask(shard, places) for shard, places in groups.items()])
        return [answer for answer in answers if answer is not None]


def _of_scope(call: Call, scope: Scope, until: Until) -> DeleteAllFields:
    """What a part over a scope is asked with."""
    fields: DeleteAllFields = {"project": call.project, "deadline_s": until.left()}
    if call.idempotency_key is not None and not ids.is_made_up(call.idempotency_key):
        fields["idempotency_key"] = call.idempotency_key
    for name, value in scope.ids().items():
        fields[name] = value
    return fields
