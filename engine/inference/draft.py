"""What was made of the messages of one add, before anybody knows what becomes of it. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from engine.facts.made import NO_COST, Cost
from engine.facts.reading import Fact
from engine.ledger_port import Source
from engine.types import Entity, FloatArray


@dataclass(frozen=True, slots=True)
class DraftFact:
    """A fact, the messages that it is from, when it was said, and by whom (None: by several)."""

    memory_id: str
    fact: Fact
    sources: tuple[Source, ...]
    said_us: int
    role: str | None = None
    name: str | None = None

    @property
    def text(self) -> str:
        """What it says."""
        return self.fact.text


@dataclass(frozen=True, slots=True)
class Draft:
    """The facts of an add. `vectors`: float32 (facts, d); `entities`: of each, None when nobody has looked.

    `read`: memories of the messages in which facts were looked for. `unread`: numbers of messages that nobody could
    read, `refused` those among them that the model won't. `problems`: what was wrong with its answers, in words.
    """

    facts: tuple[DraftFact, ...]
    vectors: FloatArray
    entities: tuple[tuple[Entity, ...] | None, ...]
    read: tuple[str, ...] = ()
    unread: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()
    cost: Cost = NO_COST
    refused: tuple[int, ...] = ()

    @property
    def may_improve(self) -> bool:
        """Whether the model may read more of the messages if it is asked again."""
        return set(self.unread) > set(self.refused)
