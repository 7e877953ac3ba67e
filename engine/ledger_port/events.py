"""What an operation does to the ledger: its plan, and the events that it consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from engine.pickling import by_fields
from engine.types import Entity, FloatArray, Relation, Scope


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
