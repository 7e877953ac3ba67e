"""What the memory system needs from the world: small, asynchronous, batch-first. Lists in, lists out, same order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.errors import RemoraError
from engine.filters import Filter
from engine.pickling import by_fields
from engine.types import (
    Applied,
    Block,
    BlockKey,
    ChangeBatch,
    Entity,
    EventKind,
    FloatArray,
    Json,
    MemoryVersion,
    Message,
    OperationState,
    Relation,
    Scope,
    ScopeField,
)

Span: TypeAlias = tuple[int, int]


class Priority(IntEnum):
    """Who goes first when work queues for a model: a person waits for a read, nobody for a derived signal.

    BULK: of a request with so many items that others would wait long behind it.
    """

    READ = 0
    ADD = 1
    BULK = 2
    SIGNAL = 3


class Output(StrEnum):
    """What an encoder is asked for."""

    POOLED = "pooled"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class EmbedderInfo:
    """Which model this is: vectors of two models never meet in one index."""

    model: str
    dimensions: int
    max_tokens: int
    device: str = "cpu"
    dtype: str = "float32"


@dataclass(frozen=True, slots=True)
class Encoded:
    """`pooled`: float32 (spans, d), unit length, spans of all windows in order. `tokens`: float16 (t, d) per span."""

    pooled: FloatArray
    tokens: tuple[npt.NDArray[np.float16], ...] = ()


class Embedder(Protocol):
    """Texts to vectors."""

    async def info(self) -> EmbedderInfo: ...

    async def encode(
        self,
        windows: Sequence[str],
        spans: Sequence[Sequence[Span]] | None = None,
        outputs: frozenset[Output] = frozenset({Output.POOLED}),
        priority: Priority = Priority.ADD,
    ) -> Encoded:
        """Encode each window once and pool each of its spans (character ranges; None: the whole window, one span)."""
        ...


@dataclass(frozen=True, slots=True)
class Fragment:
    """What an extractor makes of messages: one memory to be. `message_index` says where it came from."""

    text: str
    message_index: int
    role: str | None = None
    name: str | None = None
    timestamp_us: int | None = None


class Extractor(Protocol):
    """Messages to memories to be, and texts to the entities that they name."""

    async def extract(self, conversations: Sequence[Sequence[Message]]) -> list[list[Fragment]]: ...

    async def entities(self, texts: Sequence[str]) -> list[tuple[Entity, ...]]: ...


@by_fields
@dataclass(frozen=True, slots=True)
class KeywordStatistics:
    """What BM25 needs to know of all texts that a query is asked of. `frequencies`: texts that hold each query term."""

    texts: int
    total_length: int
    frequencies: Mapping[str, int]


@by_fields
@dataclass(frozen=True, slots=True)
class VectorQuery:
    """One search. `vector` float32 (d,) or None: no dense leg. `text` None: no keyword leg.

    `block` names the one block that every match must lie in, when the filter says so. `statistics`: of more texts
    than are here, so that shares of keywords compare with those of other shards; None: those of what is searched.
    """

    project: str
    filter: Filter
    limit: int
    vector: FloatArray | None = None
    text: str | None = None
    block: BlockKey | None = None
    statistics: KeywordStatistics | None = None


@by_fields
@dataclass(frozen=True, slots=True)
class VectorHit:
    """One live version with what the store can say of it.

    `dense`: cosine similarity in [-1, 1]. `keywords`: BM25 as a share of what a text holding every query term
    would get, in [0, 1]. None: not computed for this hit (unknown, not zero).
    """

    version: MemoryVersion
    dense: float | None = None
    keywords: float | None = None


@dataclass(frozen=True, slots=True)
class VectorAnswer:
    """Per query the union of the best `limit` of each leg, unordered, or the block that has to be filled first."""

    applied: Applied
    hits: tuple[tuple[VectorHit, ...], ...]
    cold: tuple[BlockKey | None, ...]


@dataclass(frozen=True, slots=True)
class StatisticsAnswer:
    """Per query the keyword statistics of what it is asked of (None: no text, or too much to tell), or the block that
    has to be filled first."""

    applied: Applied
    statistics: tuple[KeywordStatistics | None, ...]
    cold: tuple[BlockKey | None, ...]


class VectorStore(Protocol):
    """The dense and keyword index over live versions."""

    async def status(self) -> Applied: ...

    async def apply(self, batch: ChangeBatch) -> Applied:
        """Take the changes in, if the index has come at least to `batch.after`; otherwise change nothing.

        The answer's position tells: below `batch.until`, the caller has to send what lies between.
        """
        ...

    async def search(self, queries: Sequence[VectorQuery]) -> VectorAnswer: ...

    async def statistics(self, queries: Sequence[VectorQuery]) -> StatisticsAnswer:
        """What the texts that each query is asked of say of its terms, whether they match the rest of it or not."""
        ...

    async def fill(self, block: Block) -> Applied:
        """Give a block that `search` named as cold. Changes applied since then are kept and win over it."""
        ...

    async def close(self) -> None: ...


@by_fields
@dataclass(frozen=True, slots=True)
class GraphQuery:
    """Memories near these entities. `block` limits the start and the walk to the graphs that hold its memories.

    `mentions`: how many memories of all shards mention each entity that the walk may start from, by key. Then a hit's
    score is its share of the walk as it is, so that it compares with those of other shards.
    """

    project: str
    entities: tuple[Entity, ...]
    limit: int
    block: BlockKey | None = None
    mentions: Mapping[str, int] | None = None


@by_fields
@dataclass(frozen=True, slots=True)
class GraphHit:
    """`score`: share of the personalised PageRank that the memory gets, in [0, 1]: relative to the best in the answer,
    times how telling the query's entities are (1 when a single memory has one, less the more do)."""

    memory_id: str
    score: float


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    """Per query the best memories, and the relations among the entities that were met."""

    applied: Applied
    hits: tuple[tuple[GraphHit, ...], ...]
    relations: tuple[tuple[Relation, ...], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class MentionsAnswer:
    """Per query how many memories mention each entity that the walk would start from, by key."""

    applied: Applied
    mentions: tuple[Mapping[str, int], ...]


@dataclass(frozen=True, slots=True)
class EntitiesQuery:
    """What the memories with all ids of `scope` mention. `name`: only entities whose name contains it, folded."""

    project: str
    scope: Scope
    offset: int
    limit: int
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Mentioned:
    """An entity and how many memories mention it."""

    entity: Entity
    memories: int


@dataclass(frozen=True, slots=True)
class EntitiesAnswer:
    """One page of entities, most mentioned first, and how many there are on all pages."""

    applied: Applied
    count: int
    entities: tuple[Mentioned, ...]


@dataclass(frozen=True, slots=True)
class NeighboursQuery:
    """What surrounds the entity of that name in the memories with all ids of `scope`; at most `limit` of each."""

    project: str
    scope: Scope
    entity: str
    limit: int


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """An entity, the relations it has now, who is mentioned together with it (`memories` mention both), and the
    memories that mention it, newest first."""

    entity: Mentioned
    relations: tuple[Relation, ...]
    entities: tuple[Mentioned, ...]
    memory_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NeighboursAnswer:
    """None: no memory of the scope mentions the entity."""

    applied: Applied
    around: Neighbourhood | None


@dataclass(frozen=True, slots=True)
class PathQuery:
    """The shortest way between two entities over the memories with all ids of `scope`."""

    project: str
    scope: Scope
    source: str
    target: str
    most_steps: int


@dataclass(frozen=True, slots=True)
class PathStep:
    """Two entities that one memory links, as its relation says, or `mentioned_with` where it has none."""

    relation: Relation
    memory_id: str


@dataclass(frozen=True, slots=True)
class PathAnswer:
    """`unknown`: names that no memory of the scope mentions. `entities` None: there is no way so short."""

    applied: Applied
    unknown: tuple[str, ...] = ()
    entities: tuple[str, ...] | None = None
    steps: tuple[PathStep, ...] = ()


@dataclass(frozen=True, slots=True)
class BesideQuery:
    """Who is mentioned together with each of the entities with these keys in the memories with all ids of `scope`."""

    project: str
    scope: Scope
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BesideAnswer:
    """Per key the keys of other entities, each said once: of the first of the keys that it stands beside."""

    applied: Applied
    beside: tuple[tuple[str, ...], ...]


class GraphStore(Protocol):
    """The entity graph over live versions. `apply` follows the rule of `VectorStore.apply`.

    `entities`, `neighbours`, `path` and `beside` obey every id of a scope and leave out memories that have expired.
    """

    async def status(self) -> Applied: ...

    async def apply(self, batch: ChangeBatch) -> Applied: ...

    async def search(self, queries: Sequence[GraphQuery]) -> GraphAnswer: ...

    async def mentions(self, queries: Sequence[GraphQuery]) -> MentionsAnswer: ...

    async def entities(self, query: EntitiesQuery) -> EntitiesAnswer: ...

    async def neighbours(self, query: NeighboursQuery) -> NeighboursAnswer: ...

    async def path(self, query: PathQuery) -> PathAnswer: ...

    async def beside(self, query: BesideQuery) -> BesideAnswer: ...

    async def close(self) -> None: ...


class OperationKind(StrEnum):
    """What an operation does."""

    ADD = "ADD"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    DELETE_ALL = "DELETE_ALL"
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
    created_at_us: int = 0


@dataclass(frozen=True, slots=True)
class DeleteEvent:
    """The end of a live memory."""

    memory_id: str


@dataclass(frozen=True, slots=True)
class DeleteScopeEvent:
    """The end of every live memory of the project that has all ids of the scope."""

    scope: Scope


PlannedEvent: TypeAlias = AddEvent | UpdateEvent | DeleteEvent | DeleteScopeEvent


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


Command: TypeAlias = Accept | Commit | AcceptAndCommit | Fail


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
class ScopeCount:
    """A user, agent, app or run that has live memories."""

    field: ScopeField
    value: str
    memories: int
    created_at_us: int
    updated_at_us: int


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

    async def get(self, project: str, memory_ids: Sequence[str]) -> list[MemoryVersion | None]:
        """The live versions."""
        ...

    async def page(self, project: str, node: Filter, offset: int, limit: int) -> Page: ...

    async def keys(self, project: str, node: Filter, limit: int) -> Keys:
        """What the first pages consist of, without the versions themselves."""
        ...

    async def history(self, project: str, memory_id: str) -> list[Event]:
        """Oldest first; empty when the memory was never there."""
        ...

    async def scopes(self, project: str) -> list[ScopeCount]: ...

    async def changes(self, after: int, limit: int) -> ChangeBatch:
        """At most `limit` changes after a position, oldest first."""
        ...

    async def block(self, key: BlockKey) -> Block:
        """All live versions of a block with their vectors, at one position."""
        ...

    async def status(self) -> Json: ...

    async def close(self) -> None: ...
