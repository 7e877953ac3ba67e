"""Looking things up by id or by filter, without a query: memories, their history, who has some."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Unpack

from engine import ids, requests
from engine.answers import entities_answer, history_object, memory_object
from engine.api import CallFields, GetFields, ListFields, PageFields
from engine.ledger_port import Keys, ScopeCount
from engine.memory.absence import absence, not_found, purged
from engine.memory.calls import read_call
from engine.memory.verbs import Verbs
from engine.types import EventKind, Json, JsonList, MemoryVersion
from engine.weighing import results_load


class LookupVerbs(Verbs):
    """Answered by the ledger alone."""

    async def get(self, memory_id: str, **fields: Unpack[GetFields]) -> Json:
        """One memory; see `MemoryApi`."""
        (call, as_of), memory_id = requests.parse_get(fields), ids.canonical_id(memory_id)
        async with self._parts.door.reading(call):
            [version] = await self._parts.moments.versions(call.project, [memory_id], as_of)
        if version is None:
            raise await absence(self._parts, call, memory_id)
        return memory_object(version)

    async def list(self, **fields: Unpack[ListFields]) -> Json:
        """A page of memories; see `MemoryApi`."""
        request = requests.parse_list(fields, self._parts.limits)
        async with self._parts.door.reading(request.call, results_load(request.page_size)):
            page = await self._parts.moments.page(request)
        return {
            "count": page.count,
            "page": request.page,
            "page_size": request.page_size,
            "results": [memory_object(version) for version in page.versions],
        }

    async def history(self, memory_id: str, **fields: Unpack[CallFields]) -> JsonList:
        """Everything that happened to a memory; see `MemoryApi`."""
        call, memory_id = read_call(fields), ids.canonical_id(memory_id)
        async with self._parts.door.reading(call):
            events = await self._parts.ledger.history(call.project, memory_id)
        if any(event.kind is EventKind.PURGE for event in events):
            raise purged(memory_id)
        if not events:
            raise not_found(memory_id)
        return [history_object(event) for event in events]

    async def entities(self, **fields: Unpack[PageFields]) -> Json:
        """Who has memories; see `MemoryApi`."""
        call = requests.parse_call(fields, {"project", "deadline_s", "page", "page_size"})
        page, page_size = requests.parse_page(fields, self._parts.limits)
        async with self._parts.door.reading(call):
            found = await self._parts.ledger.scopes(call.project)
        return entities_answer(found, call.project, page, page_size)

    async def keys(self, limit: int, **fields: Unpack[ListFields]) -> Keys:
        """What the first pages of a list consist of; see `ShardApi`."""
        request = requests.parse_list(fields, self._parts.limits)
        load = results_load(min(limit, self._parts.limits.page_size))
        async with self._parts.door.reading(request.call, load):
            return await self._parts.moments.keys(request, limit)

    async def versions(
        self, memory_ids: Sequence[str], **fields: Unpack[GetFields]
    ) -> builtins.list[MemoryVersion | None]:
        """Many memories as they are ranked; see `ShardApi`."""
        call, as_of = requests.parse_get(fields)
        async with self._parts.door.reading(call, results_load(len(memory_ids))):
            return await self._parts.moments.versions(call.project, memory_ids, as_of)

    async def facts(
        self, memory_ids: Sequence[str], **fields: Unpack[GetFields]
    ) -> dict[str, tuple[MemoryVersion, ...]]:
        """What messages stand for; see `ShardApi`."""
        call, as_of = requests.parse_get(fields)
        async with self._parts.door.reading(call, results_load(len(memory_ids))):
            return await self._parts.moments.facts(call.project, memory_ids, as_of)

    async def get_many(self, memory_ids: Sequence[str], **fields: Unpack[GetFields]) -> builtins.list[Json | None]:
        """Many memories; see `ShardApi`."""
        found = await self.versions(memory_ids, **fields)
        return [None if version is None else memory_object(version) for version in found]

    async def scopes(self, **fields: Unpack[CallFields]) -> builtins.list[ScopeCount]:
        """Who has memories here; see `ShardApi`."""
        call = read_call(fields)
        async with self._parts.door.reading(call):
            return await self._parts.ledger.scopes(call.project)
