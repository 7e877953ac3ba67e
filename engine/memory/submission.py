"""The operation that a request becomes."""

from __future__ import annotations

import secrets

from engine import ids
from engine.ledger_port import Operation, OperationKind
from engine.operations import new_operation
from engine.requests import Call
from engine.types import Json


def operation_of(kind: OperationKind, body: Json, call: Call, lane: str | None, *, now_us: int) -> Operation:
    """A new operation with an id of its own. `lane` None: none is known yet, or it needs none."""
    return new_operation(
        kind,
        body,
        project=call.project,
        lane=lane,
        slot=_slot(body, call),
        idempotency_key=call.idempotency_key,
        now_us=now_us,
        noise=secrets.token_bytes(16),
    )


def _slot(body: Json, call: Call) -> int:
    """Of an operation without a lane: that of the memory it is about, so that its id names the shard that has it."""
    return ids.slot_in(body["memory_id"]) if "memory_id" in body else ids.slot_of(call.project)
