"""What is sent to the ledger to be written, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from engine.errors import RemoraError
from engine.ledger_port.events import Plan
from engine.ledger_port.operations import Operation
from engine.pickling import by_fields
from engine.types import ChangeBatch, Json


@dataclass(frozen=True, slots=True)
class Accept:
    """Make the operation durable."""

    operation: Operation


@dataclass(frozen=True, slots=True)
class Commit:
    """Let an accepted operation take effect."""

    operation_id: str
    plan: Plan


@by_fields
@dataclass(frozen=True, slots=True)
class AcceptAndCommit:
    """Both at once, or neither."""

    operation: Operation
    plan: Plan


@dataclass(frozen=True, slots=True)
class Fail:
    """End an accepted operation with an error."""

    operation_id: str
    error: Json


@dataclass(frozen=True, slots=True)
class Retry:
    """Make a FAILED operation PENDING again, as if it were accepted now: it gets the next `seq`.

    One that isn't FAILED stays as it is and is answered (`fresh` False).
    """

    project: str
    operation_id: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Blank the claims of these idempotency keys: the hash of the request goes, and the key answers Purged."""

    project: str
    keys: tuple[str, ...]


Command: TypeAlias = Accept | Commit | AcceptAndCommit | Fail | Retry | Forget


@by_fields
@dataclass(frozen=True, slots=True)
class Written:
    """What has become of a command: the operation as the ledger has it now. `fresh`: this command did it.

    `error`: why an `AcceptAndCommit` or `Accept` left no trace (then `operation` is None).
    """

    operation: Operation | None
    fresh: bool = True
    error: RemoraError | None = None


@dataclass(frozen=True, slots=True)
class WriteAnswer:
    """One `Written` a command, and all changes that the transaction made, ready to push to the indexes."""

    written: tuple[Written, ...]
    changes: ChangeBatch


@dataclass(frozen=True, slots=True)
class Ownership:
    """What a new owner gets: its epoch, the server's secret, and the position of the last event."""

    epoch: int
    secret: bytes
    position: int
