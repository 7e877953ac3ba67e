"""Operations: accepted requests that change something."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.pickling import by_fields
from engine.types import Json, OperationState


class OperationKind(StrEnum):
    """What an operation does."""

    ADD = "ADD"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    DELETE_ALL = "DELETE_ALL"
    PURGE = "PURGE"
    REINFER = "REINFER"
    """What a new reading of an add's messages changes in their facts."""
    CLAIM = "CLAIM"
    """Changes nothing but whose an idempotency key is: for a request that another shard carries out."""


@by_fields
@dataclass(frozen=True, slots=True)
class Operation:
    """One accepted request that changes something. `request` is what was asked, enough to do it again.

    `seq` is its place in the order of acceptance; 0 before that.
    """

    id: str
    project: str
    kind: OperationKind
    lane: str | None
    request: Json
    created_at_us: int
    idempotency_key: str | None = None
    request_hash: bytes = b""
    seq: int = 0
    state: OperationState = OperationState.PENDING
    result: Json | None = None
    error: Json | None = None
    completed_at_us: int | None = None


@by_fields
@dataclass(frozen=True, slots=True)
class Deferred:
    """An add whose messages are memories already, and whose facts are to come."""

    seq: int
    id: str
    project: str
    lane: str | None


@dataclass(frozen=True, slots=True)
class OperationsPage:
    """One page of operations, newest first, and how many there are on all pages."""

    count: int
    operations: tuple[Operation, ...]
