"""What has become of writes over all shards, and sending those again that failed."""

from __future__ import annotations

from typing import Unpack

from engine import ids, requests
from engine.api import CallFields, OperationsFields, RetryFields
from engine.ledger_port import OperationKind
from engine.sharding.forgetting import forget_erased
from engine.sharding.verbs import CALL, Verbs
from engine.types import Json


class OperationVerbs(Verbs):
    """Looked up in the shards that have them; see `engine.sharding.operations`."""

    async def operation(self, operation_id: str, **fields: Unpack[CallFields]) -> Json:
        """An operation as it stands; see `MemoryApi`."""
        requests.parse_call(fields, CALL)
        return await self._parts.operations.one(*requests.parse_name(operation_id), fields)

    async def operations(self, **fields: Unpack[OperationsFields]) -> Json:
        """A page of operations; see `MemoryApi`."""
        request = requests.parse_operations(fields, self._parts.limits)
        shard = None if request.scope is None else self._parts.home_of(request.call, request.scope)
        shards = self._parts.shards if shard is None else [self._parts.shards[shard]]
        return await self._parts.operations.page(request, shards, self._parts.until(request.call))

    async def retry(self, operation_id: str, **fields: Unpack[RetryFields]) -> Json:
        """Carry a FAILED operation out again; see `MemoryApi`."""
        call, _ = requests.parse_retry(fields)
        until, operation_id = self._parts.until(call), ids.canonical_id(operation_id, "operation_id")
        kind, answer = await self._parts.operations.retry(operation_id, fields, until)
        if kind == OperationKind.PURGE:
            await forget_erased(self._parts, call.project, answer, until)
        return answer
