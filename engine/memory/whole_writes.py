"""What a write over all shards asks of each: to keep its key, to carry out a part, to forget keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Unpack

from engine import ids, ingest, requests
from engine.api import CallFields, DeleteAllFields, PurgeFields, WriteFields
from engine.errors import InvalidInput
from engine.ledger_port import OperationKind
from engine.memory.calls import read_call, write_call
from engine.memory.submission import operation_of
from engine.memory.verbs import Verbs
from engine.requests import Call
from engine.types import Json


class WholeWriteVerbs(Verbs):
    """This shard's share of writes over all of them; see `ShardApi`."""

    async def claim(self, digest: str, **fields: Unpack[WriteFields]) -> str:
        """Take an idempotency key for another shard's request; see `ShardApi`."""
        call = write_call(fields)
        if call.idempotency_key is None:
            raise InvalidInput("a claim needs an idempotency_key", {"field": "idempotency_key"})
        lane = ids.key_home(call.project, call.idempotency_key)
        claim = operation_of(OperationKind.CLAIM, {"digest": digest}, call, lane, now_us=self._parts.clock())
        operation, deadline_s = replace(claim, request_hash=bytes.fromhex(digest)), self._parts.door.deadline_s(call)
        answer = await self._parts.writes.submit(operation, wait=True, deadline_s=deadline_s)
        claimed: str = answer["operation_id"]
        return claimed

    async def delete_part(self, part_id: str, parts: int, wait: bool, **fields: Unpack[DeleteAllFields]) -> Json:
        """This shard's part of a deletion over all shards; see `ShardApi`."""
        request = requests.parse_delete_all(fields, self._parts.limits)
        body = ingest.part_body(ingest.delete_all_body(request), parts, request.call)
        return await self._part(OperationKind.DELETE_ALL, body, request.call, part_id, wait=wait)

    async def purge_part(self, part_id: str, parts: int, wait: bool, **fields: Unpack[PurgeFields]) -> Json:
        """This shard's part of a purge over all shards; see `ShardApi`."""
        request = requests.parse_purge(fields, self._parts.limits)
        body = ingest.part_body(ingest.purge_body(request), parts, request.call)
        return await self._part(OperationKind.PURGE, body, request.call, part_id, wait=wait)

    async def erased_keys(self, operation_id: str, **fields: Unpack[CallFields]) -> list[str]:
        """Whose requests a purge has erased; see `ShardApi`."""
        call = read_call(fields)
        async with self._parts.door.reading(call):
            found = await self._parts.operations.known(call.project, operation_id)
        return [*(found.result or {}).get("keys", ())]

    async def forget(self, keys: Sequence[str], **fields: Unpack[CallFields]) -> None:
        """Blank claims; see `ShardApi`."""
        call = read_call(fields)
        async with self._parts.door.within(call):
            await self._parts.writes.forget(call.project, keys)

    async def _part(self, kind: OperationKind, body: Json, call: Call, part_id: str, *, wait: bool) -> Json:
        """Carry out a part, which goes by its id and not by the key: that may be claimed here."""
        keyless = replace(call, idempotency_key=None)
        operation = replace(operation_of(kind, body, keyless, None, now_us=self._parts.clock()), id=part_id)
        deadline_s = self._parts.door.deadline_s(call)
        return await self._parts.writes.submit(operation, wait=wait, deadline_s=deadline_s)
