"""Changes: what is added, updated, deleted and erased. Each is an operation of the write path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from engine import ids, ingest, requests
from engine.api import AddFields, CallFields, DeleteAllFields, PurgeFields, UpdateFields, WriteFields
from engine.errors import Purged
from engine.ledger_port import OperationKind
from engine.memory.absence import absence, not_found
from engine.memory.calls import write_call
from engine.memory.submission import operation_of
from engine.memory.verbs import Verbs
from engine.ports import Priority
from engine.requests import Call
from engine.types import EventKind, Json, JsonList, Scope


class WriteVerbs(Verbs):
    """Each change waits for its turn in the lane of its scope; see `engine.write_path`."""

    async def add(self, messages: str | Json | Sequence[Json], **fields: Unpack[AddFields]) -> Json:
        """Keep what was said; see `MemoryApi`."""
        return await self._add(messages, fields, Priority.ADD)

    async def add_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        """Many adds at once; see `MemoryApi`. More than fill one call to the models let single adds go first."""
        asked = requests.parse_batch(items, self._parts.limits)
        priority = Priority.ADD if len(asked) <= self._parts.settings.embed.batch_texts else Priority.BULK

        async def add(messages: object, given: Json) -> Json:
            return await self._add(messages, given, priority)

        # All of them begin at once: what is accepted is safe, however long the models then take.
        return await self._parts.door.batch(asked, "messages", fields, add, at_once=len(asked))

    async def update(self, memory_id: str, **fields: Unpack[UpdateFields]) -> Json:
        """A new version of a memory; see `MemoryApi`."""
        request = requests.parse_update(memory_id, fields, self._parts.limits)
        body = ingest.update_body(request)
        return await self._change_one(OperationKind.UPDATE, request.memory_id, body, request.call)

    async def delete(self, memory_id: str, **fields: Unpack[WriteFields]) -> Json:
        """End a memory; see `MemoryApi`."""
        call, memory_id = write_call(fields), ids.canonical_id(memory_id)
        return await self._change_one(OperationKind.DELETE, memory_id, ingest.delete_body(memory_id), call)

    async def delete_all(self, **fields: Unpack[DeleteAllFields]) -> Json:
        """End every memory of a scope; see `MemoryApi`."""
        request = requests.parse_delete_all(fields, self._parts.limits)
        lane = ingest.delete_lane(request.call.project, request.scope)
        return await self._change(OperationKind.DELETE_ALL, ingest.delete_all_body(request), request.call, lane)

    async def purge(self, **fields: Unpack[PurgeFields]) -> Json:
        """Erase content for good; see `MemoryApi`."""
        request = requests.parse_purge(fields, self._parts.limits)
        call, body = request.call, ingest.purge_body(request)
        if isinstance(request.target, Scope):
            lane = ingest.delete_lane(call.project, request.target)
            return await self._change(OperationKind.PURGE, body, call, lane)
        lane = await self._lane_of(call, request.target)
        # Without a lane it can only be a repetition, find that it is erased already, or fail.
        return await self._change(OperationKind.PURGE, body, call, lane, missing=lane is None)

    async def _add(self, messages: object, fields: Mapping[str, Any], priority: Priority) -> Json:
        request = requests.parse_add(messages, fields, self._parts.limits, images=self._parts.settings.llm.takes_images)
        call, lane = request.call, ids.routing_key(request.call.project, request.scope)
        operation = operation_of(OperationKind.ADD, ingest.add_body(request), call, lane, now_us=self._parts.clock())
        deadline_s = self._parts.door.deadline_s(call)
        return await self._parts.writes.submit(operation, wait=request.wait, deadline_s=deadline_s, priority=priority)

    async def _change_one(self, kind: OperationKind, memory_id: str, body: Json, call: Call) -> Json:
        async with self._parts.door.reading(call):
            [version] = await self._parts.ledger.get(call.project, [memory_id])
        if version is not None:
            lane = ids.routing_key(call.project, version.scope)
            return await self._change(kind, ingest.about(body, version), call, lane)
        gone = await absence(self._parts, call, memory_id)
        if call.idempotency_key is None or isinstance(gone, Purged):
            raise gone
        return await self._change(kind, body, call, None, missing=True)

    async def _change(
        self, kind: OperationKind, body: Json, call: Call, lane: str | None, *, missing: bool = False
    ) -> Json:
        operation = operation_of(kind, body, call, lane, now_us=self._parts.clock())
        deadline_s = self._parts.door.deadline_s(call)
        return await self._parts.writes.submit(operation, wait=True, deadline_s=deadline_s, missing=missing)

    async def _lane_of(self, call: Call, memory_id: str) -> str | None:
        """The lane of a memory, live or ended; None: it was never there, or is purged."""
        async with self._parts.door.reading(call):
            events = await self._parts.ledger.history(call.project, memory_id)
        if not events and call.idempotency_key is None:
            raise not_found(memory_id)
        if any(event.kind is EventKind.PURGE for event in events):
            return None
        last = next((event.after or event.before for event in reversed(events)), None)
        return None if last is None else ids.routing_key(call.project, last.scope)
