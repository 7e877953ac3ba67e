"""The ledger as the memory system needs it: operations, what they do, and the durable log that keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from engine.as_of import AsOf, Moment
from engine.conversations import Conversation, Order
from engine.errors import RemoraError
from engine.filters import Filter
from engine.pickling import by_fields
from engine.types import (
    Block,
    BlockKey,
    ChangeBatch,
    Derived,
    Entity,
    EventKind,
    FloatArray,
    Json,
    LiveRows,
    MemoryVersion,
    OperationState,
    Relation,
    Scope,
    ScopeField,
)


class OperationKind(StrEnum):
    """What an operation does."""

    ADD = "ADD"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    DELETE_ALL = "DELETE_ALL"
    PURGE = "PURGE"
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
class AddEvent:
    """A memory to add, unless a live one is the same (then nothing happens). `row`: its vector's row in the plan."""

    memory_id: str
    scope: Scope
    text: str
    fingerprint: bytes
    row: int
    created_at_us: int
    message_index: int
    role: str | None = None
    name: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    expiration_date: str | None = None
    entities: tuple[Entity, ...] | None = None
    relations: tuple[Relation, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateEvent:
    """New values for a live memory: the fields that `given` names. A new text comes with its vector's row."""

    memory_id: str
    given: frozenset[str]
    text: str = ""
    row: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    expiration_date: str | None = None
    entities: tuple[Entity, ...] | None = None
    relations: tuple[Relation, ...] = ()
    created_at_us: int = 0


@dataclass(frozen=True, slots=True)
class DeleteEvent:
    """The end of a live memory."""

    memory_id: str


@dataclass(frozen=True, slots=True)
class DeleteScopeEvent:
    """The end of every live memory of the project that has all ids of the scope."""

    scope: Scope


@dataclass(frozen=True, slots=True)
class PurgeEvent:
    """Erasure of the content of one memory, or of every memory that has all ids of the scope, live or ended.

    One of the two is given. Every version's text, vector and values are overwritten, and so are the finished operations
    that hold them; a memory that is live ends.
    """

    memory_id: str | None = None
    scope: Scope | None = None


PlannedEvent: TypeAlias = AddEvent | UpdateEvent | DeleteEvent | DeleteScopeEvent | PurgeEvent


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A precondition: no event of this memory after the position."""

    memory_id: str
    position: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What an operation does to the ledger. `vectors`: float32 (rows, d). `answer` is kept in its result."""

    events: tuple[PlannedEvent, ...]
    vectors: FloatArray
    requires: tuple[Unchanged, ...] = ()
    answer: Mapping[str, Any] = field(default_factory=dict)


@by_fields
@dataclass(frozen=True, slots=True)
class Alias:
    """A name, by key and as it was given, that means `into` in memories with all ids of the scope."""

    scope: Scope
    key: str
    name: str
    into: str


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


@dataclass(frozen=True, slots=True)
class Page:
    """One page of live versions, newest first, and how many there are on all pages."""

    count: int
    versions: tuple[MemoryVersion, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """The newest of a list: when each was made and its id, newest first, and how many there are in all."""

    count: int
    rows: tuple[tuple[int, str], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class PastRows:
    """Versions that were live at an earlier position, as they were then (`live_to` None), oldest first.

    `count`: how many there are; when that is more than was asked for, none of them is here. `vectors`: float32 (n, d),
    same order. `derived`: the signals that their memories have now, of whatever version; whose key isn't that of then
    were made of something else.
    """

    count: int
    versions: tuple[MemoryVersion, ...]
    vectors: FloatArray
    derived: tuple[Derived, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a memory's history, with the versions before and after it."""

    position: int
    kind: EventKind
    memory_id: str
    at_us: int
    operation_id: str
    before: MemoryVersion | None
    after: MemoryVersion | None


@dataclass(frozen=True, slots=True)
class OperationsPage:
    """One page of operations, newest first, and how many there are on all pages."""

    count: int
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class LedgerAuditRow:
    """What a live version has to be in the indexes, told by the digests of `engine.digests`.

    `graph` None: nobody has looked for its entities yet, so what the graph holds isn't known from the ledger.
    """

    memory_id: str
    position: int
    vector: bytes
    graph: bytes | None


@dataclass(frozen=True, slots=True)
class LedgerAudit:
    """Live versions by memory id, at one position."""

    position: int
    rows: tuple[LedgerAuditRow, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A conversation, or what comes `after` a place in it."""

    conversation: Conversation
    after: Order | None = None


@dataclass(frozen=True, slots=True)
class ConversationRows:
    """Live versions of a stretch of a conversation, in order. `keys`: of the signals that are there, by memory id.

    `more`: the conversation goes on behind them.
    """

    versions: tuple[MemoryVersion, ...]
    keys: Mapping[str, bytes]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Lacking:
    """Live memories that have no signals, by id, and where they belong. `total`: of all, told with the first page."""

    memories: tuple[tuple[str, Conversation], ...]
    total: int | None = None


@dataclass(frozen=True, slots=True)
class ScopeCount:
    """A user, agent, app or run that has live memories."""

    field: ScopeField
    value: str
    memories: int
    created_at_us: int
    updated_at_us: int


class Known(Protocol):
    """What single memories say, now or at another time."""

    async def get(self, project: str, memory_ids: Sequence[str]) -> list[MemoryVersion | None]: ...


class Ledger(Protocol):
    """The durable, ordered log: the only truth. What each write means is fixed in `docs/consistency.md`."""

    async def open(self) -> Ownership:
        """Become the shard's owner: earlier owners' writes are refused from now on."""
        ...

    async def write(self, epoch: int, commands: Sequence[Command]) -> WriteAnswer:
        """Do the commands in order, in one transaction. Safe to send again when the answer was lost.

        Raises:
            StaleEpoch: somebody else owns the shard; nothing was written.
        """
        ...

    async def unfinished(self) -> list[Operation]:
        """The accepted operations that are still open, in the order of acceptance."""
        ...

    async def operation(self, project: str, operation_id: str) -> Operation | None: ...

    async def operations(
        self, project: str, scope: Scope | None, states: frozenset[OperationState], offset: int, limit: int
    ) -> OperationsPage:
        """Operations (not claims) in one of these states, newest first: those whose scope has all ids of `scope`."""
        ...

    async def get(self, project: str, memory_ids: Sequence[str]) -> list[MemoryVersion | None]:
        """The live versions."""
        ...

    async def purged(self, project: str, memory_id: str) -> bool:
        """Whether there was such a memory and its content has been erased."""
        ...

    async def page(self, project: str, node: Filter, offset: int, limit: int) -> Page: ...

    async def keys(self, project: str, node: Filter, limit: int) -> Keys:
        """What the first pages consist of, without the versions themselves."""
        ...

    async def moment(self, asked: AsOf) -> Moment:
        """The last state that is not after what is asked for; position 0 is before all that happened."""
        ...

    async def get_at(self, project: str, memory_ids: Sequence[str], position: int) -> list[MemoryVersion | None]:
        """The versions that were live then. As in all reads of the past, what has been purged since isn't there."""
        ...

    async def page_at(self, project: str, node: Filter, position: int, offset: int, limit: int) -> Page:
        """As `page` would have answered then."""
        ...

    async def keys_at(self, project: str, node: Filter, position: int, limit: int) -> Keys:
        """As `keys` would have answered then."""
        ...

    async def rows_at(self, project: str, block: BlockKey | None, position: int, limit: int) -> PastRows:
        """What was live then in a block (None: in the project), unless it is more than `limit`."""
        ...

    async def history(self, project: str, memory_id: str) -> list[Event]:
        """Oldest first; empty when the memory was never there."""
        ...

    async def scopes(self, project: str) -> list[ScopeCount]: ...

    async def changes(self, after: int, limit: int) -> ChangeBatch:
        """At most `limit` changes after a position, oldest first."""
        ...

    async def block(self, key: BlockKey) -> Block:
        """All live versions of a block with their vectors and derived signals, at one position."""
        ...

    async def begin_signals(self, epoch: int, made_by: str) -> None:
        """Let go of derived signals that another model or format made.

        Raises:
            StaleEpoch: somebody else owns the shard.
        """
        ...

    async def put_signals(self, epoch: int, made_by: str, rows: Sequence[Derived]) -> None:
        """Keep derived signals of whole windows; a window of which a version has ended meanwhile is left out.

        A version's end removes its signals, and those of all memories that were encoded in one window with it.

        Raises:
            StaleEpoch: somebody else owns the shard; nothing was written.
        """
        ...

    async def lacking(self, after: str, limit: int) -> Lacking:
        """At most `limit` live memories without derived signals, those with `memory_id > after`."""
        ...

    async def conversations(self, asked: Sequence[Stretch], limit: int) -> list[ConversationRows]:
        """At most `limit` live memories of each stretch of a run; an add's are told whole."""
        ...

    async def aliases(self, project: str) -> tuple[Alias, ...]:
        """The names of a project that mean another."""
        ...

    async def put_alias(self, epoch: int, project: str, alias: Alias) -> None:
        """Let a name mean another in a scope, durably, in place of what it meant. The same again changes nothing.

        Raises:
            StaleEpoch: somebody else owns the shard; nothing was written.
        """
        ...

    async def drop_alias(self, epoch: int, project: str, scope: Scope, key: str) -> None:
        """Let the name of that key mean what it says again. The same again changes nothing.

        Raises:
            StaleEpoch: somebody else owns the shard; nothing was written.
        """
        ...

    async def ranking(self, project: str) -> Mapping[str, float]:
        """The weights of signals that a project has set; empty: none."""
        ...

    async def put_ranking(self, epoch: int, project: str, weights: Mapping[str, float]) -> None:
        """Set them durably; empty: as shipped. The same again changes nothing.

        Raises:
            StaleEpoch: somebody else owns the shard; nothing was written.
        """
        ...

    async def live(self, after: str, limit: int) -> LiveRows:
        """At most `limit` live versions with their vectors, of all projects, by id; those with `memory_id > after`."""
        ...

    async def rows(self, memory_ids: Sequence[str]) -> LiveRows:
        """The live versions with these ids, of any project; those that aren't live are left out."""
        ...

    async def audit(self, after: str, limit: int) -> LedgerAudit:
        """The same memories as `live`, as digests."""
        ...

    async def check(self) -> list[str]:
        """What contradicts itself in the ledger, a sentence each; empty when it is sound."""
        ...

    async def status(self) -> Json: ...

    async def close(self) -> None: ...
