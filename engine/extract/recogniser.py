"""What finds entities in texts, and the one that finds none. No spaCy here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.ports import Priority
from engine.types import Entity, Json


class Recogniser(Protocol):
    """Texts to the entities that they name."""

    async def entities(self, texts: Sequence[str], priority: Priority = Priority.ADD) -> list[tuple[Entity, ...]]: ...

    def counters(self) -> dict[str, int]: ...

    def queues(self) -> Json: ...

    async def close(self) -> None: ...


class NoEntities:
    """Finds none."""

    async def entities(self, texts: Sequence[str], priority: Priority = Priority.ADD) -> list[tuple[Entity, ...]]:
        """An empty answer for every text."""
        return [() for _ in texts]

    def counters(self) -> dict[str, int]:
        """Nothing is ever done."""
        return {"batches": 0, "texts": 0}

    def queues(self) -> Json:
        """Nothing ever waits."""
        return {}

    async def close(self) -> None:
        """Nothing to release."""
