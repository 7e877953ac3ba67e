"""Looking up over all shards: a memory, its history, pages of memories and of who has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from engine import requests
from engine.answers import entities_answer, feedback_answer
from engine.api import (
    CallFields,
    ExportFields,
    FeedbackFields,
    GetFields,
    ListFields,
    PageFields,
)
from engine.requests import Call
from engine.sharding import merging, routing
from engine.sharding.asking import Until, every
from engine.sharding.verbs import CALL, Verbs
from engine.types import Json, JsonList

_FAR = 10_000
"""A page beyond so many is looked for only if there is one: to find it, every shard names all before it."""


class LookupVerbs(Verbs):
    """Answered by the shard that an id or a user names, else by all."""

    async def get(self, memory_id: str, **fields: Unpack[GetFields]) -> Json:
        """One memory; see `MemoryApi`."""
        shard = self._parts.shard_in(memory_id)
        return await self._parts.shards[shard].get(memory_id, **self._parts.past(fields, shard))

    async def history(self, memory_id: str, **fields: Unpack[CallFields]) -> JsonList:
        """Everything that happened to a memory; see `MemoryApi`."""
        shard = self._parts.shard_in(memory_id)
        return [
            self._parts.placed(event, shard) for event in await self._parts.shards[shard].history(memory_id, **fields)
        ]

    async def list(self, **fields: Unpack[ListFields]) -> Json:
        """A page of memories; see `MemoryApi`."""
        request = requests.parse_list(fields, self._parts.limits)
        until = self._parts.until(request.call)
        shard = routing.sole_shard(request.call.project, request.filter, self._parts.count)
        if shard is not None:
            return await self._parts.shards[shard].list(**self._parts.past(fields, shard))
        routing.no_position(request.as_of)
        offset = (request.page - 1) * request.page_size
        if offset > _FAR and offset >= (count := await self._counted(fields)):
            return {"count": count, "page": request.page, "page_size": request.page_size, "results": []}
        keys = await every(one.keys(offset + request.page_size, **fields) for one in self._parts.shards)
        shown = merging.page_of(keys, offset, request.page_size)
        return {
            "count": sum(one.count for one in keys),
            "page": request.page,
            "page_size": request.page_size,
            "results": await self._known(shown, request.call, fields.get("as_of"), until),
        }

    async def entities(self, **fields: Unpack[PageFields]) -> Json:
        """Who has memories; see `MemoryApi`."""
        call = requests.parse_call(fields, CALL | {"page", "page_size"})
        page, page_size = requests.parse_page(fields, self._parts.limits)
        shared: CallFields = {"project": call.project, "deadline_s": call.deadline_s}
        found = await every(one.scopes(**shared) for one in self._parts.shards)
        return entities_answer(merging.summed_scopes(found), call.project, page, page_size)

    async def make_export(self, schema: Any, **fields: Unpack[ExportFields]) -> Json:
        """Ask for an export; see `MemoryApi`. The first shard keeps them all."""
        return await self._parts.shards[0].make_export(schema, **fields)

    async def export(self, export_id: str | None = None, **fields: Unpack[ExportFields]) -> Json:
        """What was asked for; see `MemoryApi`."""
        return await self._parts.shards[0].export(export_id, **fields)

    async def rate(
        self, memory_id: str, feedback: str | None, reason: str | None = None, **fields: Unpack[CallFields]
    ) -> Json:
        """Keep what somebody thinks of a memory; see `MemoryApi`."""
        return await self._parts.shards[self._parts.shard_in(memory_id)].rate(memory_id, feedback, reason, **fields)

    async def feedback(self, **fields: Unpack[FeedbackFields]) -> Json:
        """What is thought of memories; see `MemoryApi`."""
        asked = requests.parse_feedback(fields, self._parts.limits)
        found = await every(one.ratings(**fields) for one in self._parts.shards)
        return feedback_answer(found, asked.page, asked.page_size)

    async def _counted(self, fields: ListFields) -> int:
        """How many memories a list has."""
        return sum(one.count for one in await every(one.keys(1, **fields) for one in self._parts.shards))

    async def _known(self, memory_ids: Sequence[str], call: Call, as_of: Any, until: Until) -> JsonList:
        """The memories with these ids, in their order; who is gone meanwhile is left out."""
        groups = routing.by_shard(routing.shard_in(memory_id, self._parts.count) for memory_id in memory_ids)
        wanted = [(shard, [memory_ids[place] for place in places]) for shard, places in groups.items()]
        shared: GetFields = {"project": call.project, "deadline_s": until.left(), "as_of": as_of}
        found = await every(self._parts.shards[shard].get_many(mine, **shared) for shard, mine in wanted)
        known = {one["id"]: one for some in found for one in some if one is not None}
        return [known[memory_id] for memory_id in memory_ids if memory_id in known]
