"""Operations as values: new ones, their errors, and what they need. Pure."""

from __future__ import annotations

from engine import ids, ingest
from engine.errors import RemoraError, from_parts
from engine.ledger_port import Operation, OperationKind
from engine.types import Json, OperationState


def new_operation(
    kind: OperationKind,
    body: Json,
    *,
    project: str,
    lane: str | None,
    slot: int,
    idempotency_key: str | None,
    now_us: int,
    noise: bytes,
) -> Operation:
    """An operation that nobody has accepted yet. `slot`: of its id, where it has no lane of its own."""
    return Operation(
        id=ids.operation_id(slot if lane is None else ids.slot_of(lane), noise),
        project=project,
        kind=kind,
        lane=lane,
        request=body,
        created_at_us=now_us,
        idempotency_key=idempotency_key,
        request_hash=ingest.request_hash(kind, body) if idempotency_key is not None else b"",
    )


def needs_model(operation: Operation) -> bool:
    """Whether something has to be embedded before the operation can commit."""
    if operation.kind is OperationKind.UPDATE:
        return "text" in operation.request["given"]
    if operation.kind is OperationKind.REINFER:
        return any("text" in event for event in operation.request["events"])
    return operation.kind is OperationKind.ADD


def is_final(operation: Operation) -> bool:
    """Whether it has ended, one way or the other."""
    return operation.state in (OperationState.SUCCEEDED, OperationState.FAILED)


def is_blanked(operation: Operation) -> bool:
    """Whether a purge has erased what it was about."""
    return operation.kind is not OperationKind.PURGE and bool((operation.result or {}).get("purged"))


def is_indexed(operation: Operation) -> bool:
    """Whether the indexes have to hear of what it did: of a claim there is nothing to hear."""
    begun = operation.state in (OperationState.SUCCEEDED, OperationState.RUNNING) and operation.result is not None
    return begun and operation.kind is not OperationKind.CLAIM


def error_object(error: RemoraError) -> Json:
    """An error as an operation keeps it."""
    return {"code": error.code, "message": error.message, "details": error.details}


def stored_error(operation: Operation) -> RemoraError:
    """What a FAILED operation failed with, as its caller gets it."""
    stored = operation.error or {}
    details = {**stored.get("details", {}), "operation_id": operation.id}
    return from_parts(stored.get("code", "internal"), stored.get("message", "the operation failed"), details)
