"""What has become of writes, and sending those again that failed."""

from __future__ import annotations

from typing import Unpack

from engine import ids, requests
from engine.api import CallFields, OperationsFields, RetryFields
from engine.memory.calls import read_call
from engine.memory.verbs import Verbs
from engine.types import Json


class OperationVerbs(Verbs):
    """Looked up in the ledger."""

    async def operation(self, operation_id: str, **fields: Unpack[CallFields]) -> Json:
        """An operation as it stands; see `MemoryApi`."""
        call, (known_as, name) = read_call(fields), requests.parse_name(operation_id)
        async with self._parts.door.reading(call):
            return await self._parts.operations.one(call.project, known_as, name)

    async def operations(self, **fields: Unpack[OperationsFields]) -> Json:
        """A page of operations; see `MemoryApi`."""
        request = requests.parse_operations(fields, self._parts.limits)
        async with self._parts.door.reading(request.call):
            return await self._parts.operations.page(request)

    async def retry(self, operation_id: str, **fields: Unpack[RetryFields]) -> Json:
        """Carry a FAILED operation out again; see `MemoryApi`."""
        call, wait = requests.parse_retry(fields)
        operation_id = ids.canonical_id(operation_id, "operation_id")
        async with self._parts.door.reading(call):
            known = await self._parts.operations.known(call.project, operation_id)
        return await self._parts.writes.retry(known, wait=wait, deadline_s=self._parts.door.deadline_s(call))
