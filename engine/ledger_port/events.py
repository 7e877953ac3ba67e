"""What an operation does to the ledger: its plan, and the events that it consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from engine.pickling import by_fields
from engine.types import Entity, FloatArray, Relation, Scope


@by_fields
@dataclass(frozen=True, slots=True)
class Source:
    """A message that a fact is from, in the version in which it was read."""

    memory_id: str
    version: int


@by_fields
@dataclass(frozen=True, slots=True)
class AddEvent:
    """A memory to add, unless a live one is the same (then nothing happens). `row`: its vector's row in the plan.

    `sources`: of a fact, the messages that it is from, each as it was read. Those that have ended meanwhile count no
    more, and a fact without any isn't added.
    """

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
    categories: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateEvent:
    """New values for a live memory: the fields that `given` names. A new text comes with its vector's row.

    `sources`: of a fact, messages that it is from as well from now on; with nothing `given` it has only been told
    again. `withdrawn`: messages that don't say it any more. `message_index`: of the message that changed it.
    """

    memory_id: str
    given: frozenset[str]
    text: str = ""
    row: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    expiration_date: str | None = None
    entities: tuple[Entity, ...] | None = None
    relations: tuple[Relation, ...] = ()
    categories: tuple[str, ...] = ()
    created_at_us: int = 0
    sources: tuple[Source, ...] = ()
    withdrawn: tuple[str, ...] = ()
    message_index: int | None = None


@dataclass(frozen=True, slots=True)
class DeleteEvent:
    """The end of a live memory. `superseded_by`: the memory that holds in its place."""

    memory_id: str
    superseded_by: str | None = None
    message_index: int | None = None


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
    """What an operation does to the ledger. `vectors`: float32 (rows, d). `answer` is kept in its result.

    `more`: facts are to come. The operation stays open, RUNNING, until another plan of it is committed. `read`: the
    messages in which somebody has looked for facts; lists leave them out, whether there were any or not.
    """

    events: tuple[PlannedEvent, ...]
    vectors: FloatArray
    requires: tuple[Unchanged, ...] = ()
    answer: Mapping[str, Any] = field(default_factory=dict)
    more: bool = False
    read: tuple[str, ...] = ()
