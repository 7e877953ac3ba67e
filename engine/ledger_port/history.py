"""What reads of the past answer."""

from __future__ import annotations

from dataclasses import dataclass

from engine.types import Derived, EventKind, FloatArray, MemoryVersion


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
    """One entry of a memory's history, with the versions before and after it.

    `superseded_by`: of a DELETE, the memory that holds in its place.
    """

    position: int
    kind: EventKind
    memory_id: str
    at_us: int
    operation_id: str
    before: MemoryVersion | None
    after: MemoryVersion | None
    superseded_by: str | None = None
