"""What a memory's events say its versions have to be. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.types import EventKind


@dataclass(frozen=True, slots=True)
class Told:
    """An event as the ledger has it."""

    position: int
    kind: str
    version: int
    operation_id: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A version as the ledger has it. `erased`: it has no fingerprint; `empty`: neither text nor vector."""

    version: int
    live_from: int
    live_to: int | None
    operation_id: str
    erased: bool
    empty: bool


@dataclass(frozen=True, slots=True)
class _Due:
    """A version as the events make it."""

    live_from: int
    operation_id: str
    live_to: int | None = None


def contradictions(memory_id: str, told: Sequence[Told], kept: Sequence[Kept]) -> Iterator[str]:
    """What doesn't fit, a sentence each. Events by position, versions by number."""
    due, purged, impossible = _due(told)
    if impossible is not None:
        yield f"memory {memory_id}: {impossible}"
        return
    numbers = [one.version for one in kept]
    if numbers != list(range(1, len(due) + 1)):
        yield f"memory {memory_id}: its events made versions 1 to {len(due)}, there are {numbers or 'none'}"
        return
    for expected, one in zip(due, kept, strict=True):
        what = f"version {one.version} of memory {memory_id}"
        if (one.live_from, one.live_to) != (expected.live_from, expected.live_to):
            yield (
                f"{what} is live from {one.live_from} to {one.live_to}; "
                f"by its events from {expected.live_from} to {expected.live_to}"
            )
        if one.operation_id != expected.operation_id:
            yield f"{what} names operation {one.operation_id}, its event {expected.operation_id}"
        if one.erased != purged:
            yield f"{what} is {'' if one.erased else 'not '}erased; its events say otherwise"
        if one.erased and not one.empty:
            yield f"{what} is erased and still has content"


def _due(told: Sequence[Told]) -> tuple[list[_Due], bool, str | None]:
    """The versions that the events make, whether they end with a purge, and what no order of requests can have done."""
    due: list[_Due] = []
    purged = False
    for event in told:
        is_live = bool(due) and due[-1].live_to is None
        number = len(due) + (event.kind in (EventKind.ADD, EventKind.UPDATE))
        if purged or event.version != number or not _may_follow(event.kind, is_live, bool(due)):
            return due, purged, f"its {event.kind} of version {event.version} at {event.position} can't be"
        if is_live:
            due[-1] = _Due(due[-1].live_from, due[-1].operation_id, event.position)
        if event.kind in (EventKind.ADD, EventKind.UPDATE):
            due.append(_Due(event.position, event.operation_id))
        purged = event.kind == EventKind.PURGE
    return due, purged, None


def _may_follow(kind: str, is_live: bool, was_there: bool) -> bool:
    match kind:
        case EventKind.ADD:
            return not was_there
        case EventKind.UPDATE | EventKind.DELETE:
            return is_live
        case EventKind.PURGE:
            return was_there
        case _:
            return False
