"""The values that cross boundaries: all frozen. Times are integer microseconds since the epoch, UTC (`*_us`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.naming import name_key
from engine.packed import pack, unpack
from engine.pickling import by_fields

FloatArray: TypeAlias = npt.NDArray[np.float32]
TokenCodes: TypeAlias = npt.NDArray[np.int8]
Json: TypeAlias = dict[str, Any]
JsonList: TypeAlias = list[Json]
ScopeField: TypeAlias = Literal["user_id", "agent_id", "app_id", "run_id"]

SCOPE_FIELDS: tuple[ScopeField, ...] = ("user_id", "agent_id", "app_id", "run_id")
PROCEDURAL = "procedural_memory"
"""Mem0's name for the record of what an agent did."""
DEFAULT_PROJECT = "default"
MENTIONED_WITH = "mentioned_with"
"""The relationship of two entities of which all that is known is that memories mention both."""


@by_fields
@dataclass(frozen=True, slots=True)
class Scope:
    """Who a memory belongs to inside a project: any non-empty subset of the four ids."""

    user_id: str | None = None
    agent_id: str | None = None
    app_id: str | None = None
    run_id: str | None = None

    def ids(self) -> dict[ScopeField, str]:
        """The ids that are set, in routing order: user, agent, app, run."""
        return {name: value for name in SCOPE_FIELDS if (value := getattr(self, name)) is not None}

    def owner(self) -> tuple[ScopeField, str]:
        """The first id that is set: with the project it makes the routing key."""
        return next(iter(self.ids().items()))


@by_fields
@dataclass(frozen=True, slots=True)
class Message:
    """What was said. `images`: URLs or data URIs of what was shown with it; the text names each of them."""

    role: str
    content: str
    name: str | None = None
    timestamp_us: int | None = None
    images: tuple[str, ...] = ()


@by_fields
@dataclass(frozen=True, slots=True)
class Entity:
    """Something a text names. `key` is the folded name under which mentions of the same thing meet."""

    name: str
    kind: str = "other"

    @property
    def key(self) -> str:
        return name_key(self.name)


@by_fields
@dataclass(frozen=True, slots=True)
class Relation:
    """A typed edge between two entities, true from `valid_at_us` until `invalid_at_us` (None: still).

    `memory_id`: the memory that says so, where it is read from the graph; None in the memory itself.
    """

    source: str
    relationship: str
    target: str
    valid_at_us: int | None = None
    invalid_at_us: int | None = None
    memory_id: str | None = None


def indexed_text(name: str | None, text: str) -> str:
    """A text as the indexes take it. The speaker stands before it: a question often names one.

    Without the name, such a question finds what was said *to* that person ("Hey Ann!"), not by them.
    """
    return text if name is None else f"{name}: {text}"


class EventKind(StrEnum):
    """What happened to a memory."""

    ADD = "ADD"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    PURGE = "PURGE"
    NONE = "NONE"


class OperationState(StrEnum):
    """How far an accepted request has come."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class Doubt(StrEnum):
    """Why a fact may not hold any more."""

    SOURCE_UPDATED = "source_updated"
    SOURCE_DELETED = "source_deleted"
    SIBLING_UPDATED = "sibling_updated"
    """Another fact from the same message has been corrected."""
    SIBLING_DELETED = "sibling_deleted"


@by_fields
@dataclass(frozen=True, slots=True)
class Flag:
    """Something that a fact came from has changed. `memory_id`: what has."""

    doubt: Doubt
    memory_id: str


@by_fields
@dataclass(frozen=True, slots=True)
class MemoryVersion:
    """One version of a memory; its vector travels beside it, never in it.

    Live at ledger positions `live_from <= p < live_to` (`live_to` None: until now).
    `entities` None means that nobody has looked for them yet. `origin`: of a memory that was updated, the `live_from`
    and the `operation_id` of its first version. `sources`: of a fact, the memories that hold the messages it is from;
    empty: it is a message itself. `flag`: of a fact that somebody should look at.
    """

    memory_id: str
    project: str
    scope: Scope
    text: str
    version: int
    live_from: int
    created_at_us: int
    updated_at_us: int
    role: str | None = None
    name: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    expiration_date: str | None = None
    entities: tuple[Entity, ...] | None = None
    relations: tuple[Relation, ...] = ()
    live_to: int | None = None
    operation_id: str = ""
    origin: tuple[int, str] | None = None
    sources: tuple[str, ...] = ()
    flag: Flag | None = None

    @property
    def indexed_text(self) -> str:
        """What is embedded and searched for words: the text, after who said it where that is known."""
        return indexed_text(self.name, self.text)


@by_fields
@dataclass(frozen=True, slots=True)
class Change:
    """One event as an index needs it: the version that is live after it, or None when the memory is gone."""

    position: int
    kind: EventKind
    memory_id: str
    project: str
    version: MemoryVersion | None


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """All changes of a shard with `after < position <= until`, in order.

    `vectors`: float32 (k, d), one row for each change that has a version, in order.
    An index may apply it when its own position is at least `after`; what it has already is harmless.
    """

    after: int
    until: int
    changes: tuple[Change, ...]
    vectors: FloatArray

    @staticmethod
    def joined(batches: Sequence[ChangeBatch]) -> ChangeBatch:
        """Batches that follow on each other as one."""
        if len(batches) == 1:
            return batches[0]
        vectors = [batch.vectors for batch in batches if len(batch.vectors)]
        return ChangeBatch(
            batches[0].after,
            batches[-1].until,
            tuple(change for batch in batches for change in batch.changes),
            np.concatenate(vectors) if vectors else batches[0].vectors,
        )


@dataclass(frozen=True, slots=True)
class Applied:
    """What every leaf answer carries: which life of the leaf this is, and up to where its index has come.

    `unerased`: the position of the first purge whose text the index's files may still hold; 0: none does.
    """

    incarnation: str
    position: int
    unerased: int = 0


@dataclass(frozen=True, slots=True)
class BlockKey:
    """Names the live memories of one project whose scope has `field == value`."""

    project: str
    field: ScopeField
    value: str


@dataclass(frozen=True, slots=True)
class Derived:
    """What was computed of one version inside its conversation, after it was added.

    `key`: what it was made of; another window, model or format gives another. `context`: float32 (d,), unit length, as
    exact as `engine.packed` keeps it. `tokens`: int8 (t, c), the codes of its tokens.
    """

    memory_id: str
    version: int
    key: bytes
    context: FloatArray
    tokens: TokenCodes

    def __reduce__(self) -> tuple[Any, ...]:
        # As plain bytes: thousands of small arrays travel slowly when each is a buffer of its own.
        context = pack(self.context)
        return _derived, (self.memory_id, self.version, self.key, context, self.tokens.tobytes(), self.tokens.shape[1])


def _derived(memory_id: str, version: int, key: bytes, context: bytes, tokens: bytes, width: int) -> Derived:
    """As it was pickled."""
    return Derived(
        memory_id,
        version,
        key,
        unpack(context),
        np.frombuffer(tokens, dtype=np.int8).reshape(-1, width),
    )


@dataclass(frozen=True, slots=True)
class Block:
    """All live versions of a block as of a ledger position. `vectors`: float32 (n, d), same order.

    `derived`: what is known of them so far, in any order.
    """

    key: BlockKey
    position: int
    versions: tuple[MemoryVersion, ...]
    vectors: FloatArray
    derived: tuple[Derived, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveRows:
    """Live versions as of a ledger position, by memory id. `vectors`: float32 (n, d), same order."""

    position: int
    versions: tuple[MemoryVersion, ...]
    vectors: FloatArray


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What an index holds of one memory, by a digest of `engine.digests`. `position`: the version's `live_from`."""

    memory_id: str
    position: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class AuditAnswer:
    """What an index holds of a range of ids, in no order."""

    applied: Applied
    rows: tuple[AuditRow, ...]


@dataclass(frozen=True, slots=True)
class Mending:
    """What single memories have to be in an index, whatever its position: per memory the live version, or None.


    `vectors`: float32 (k, d), one row for each change that has a version, in order. A change's position is that of
    its version, or for one that is gone the ledger's at that time: an index that holds something newer keeps it.
    """

    changes: tuple[Change, ...]
    vectors: FloatArray
