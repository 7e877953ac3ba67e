"""What an add would do, and what a project wants of its facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from engine import ids, ingest, requests
from engine.api import CallFields, PreviewFields
from engine.inference.making import Inferring
from engine.inference.previewing import preview_of_facts, preview_of_messages
from engine.ledger_port import Operation, OperationKind
from engine.memory.calls import read_call
from engine.memory.submission import operation_of
from engine.memory.verbs import Verbs
from engine.types import Json
from engine.weighing import held_load


class InferenceVerbs(Verbs):
    """Asked of the language model where there is one; nothing but settings is written."""

    async def preview(self, messages: str | Json | Sequence[Json], **fields: Unpack[PreviewFields]) -> Json:
        """What an add of these messages would store; see `MemoryApi`."""
        parts = self._parts
        request = requests.parse_preview(messages, fields, parts.limits, images=parts.settings.llm.takes_images)
        call, lane = request.call, ids.routing_key(request.call.project, request.scope)
        operation = operation_of(OperationKind.ADD, ingest.add_body(request), call, lane, now_us=parts.clock())
        # Most of its time is the language model's: by tokens it would make reads look slow.
        async with parts.door.reading(call, held_load(operation.request)):
            if parts.inferring is not None and request.infer:
                return await self._previewed(operation, parts.inferring)
            return preview_of_messages(await parts.models.fragments(request.messages))

    async def inference(self, **fields: Unpack[CallFields]) -> Json:
        """What a project wants of its facts; see `MemoryApi`."""
        call = read_call(fields)
        async with self._parts.door.reading(call):
            return await self._parts.wishing.told(call.project)

    async def set_inference(self, inference: Json | None, **fields: Unpack[CallFields]) -> Json:
        """Want something else of them; see `MemoryApi`."""
        call, wanted = read_call(fields), requests.inference_of(inference, self._parts.limits)
        epoch = self._parts.writes.ownership.epoch
        async with self._parts.door.within(call):
            await self._parts.wishing.put(epoch, call.project, wanted)
            return await self._parts.wishing.told(call.project)

    async def _previewed(self, operation: Operation, inferring: Inferring) -> Json:
        draft = await inferring.drafter.preview(operation, self._parts.writes.ownership.secret)
        policy = await inferring.wishing.policy(operation)
        return preview_of_facts(draft, await inferring.reconciler.settle(operation, draft, policy, 0))
