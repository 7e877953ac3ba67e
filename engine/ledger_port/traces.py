"""What has become of the facts that messages stand behind, and by whom."""

from __future__ import annotations

from dataclasses import dataclass

from engine.ledger_port.operations import OperationKind
from engine.types import EventKind, MemoryVersion


@dataclass(frozen=True, slots=True)
class Step:
    """An event of a fact. `by`: what kind of operation did it, None when that is unknown (any more).

    `conversation`: the id of the add whose messages said so, also where a new reading of them did. `said`: what the new
    reading said, where the version says it in other words. `version`: what came of it; None: the fact ended.
    """

    kind: EventKind
    by: OperationKind | None
    conversation: str | None
    version: MemoryVersion | None
    said: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """All that happened to a fact, oldest first, without what has been purged."""

    memory_id: str
    steps: tuple[Step, ...]
