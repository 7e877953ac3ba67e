"""What lists and counts read."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.types import MemoryVersion, ScopeField


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
class ScopeCount:
    """A user, agent, app or run that has live memories."""

    field: ScopeField
    value: str
    memories: int
    created_at_us: int
    updated_at_us: int
