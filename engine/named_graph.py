"""The graph index as its feed sees it: entities that nobody could name at commit are named before they are applied."""

from __future__ import annotations

from dataclasses import replace

from engine.graph_port import GraphStore
from engine.ingest import with_speaker
from engine.models import Models
from engine.ports import Priority
from engine.types import Applied, Change, ChangeBatch


class NamedGraph:
    """A graph store in front of which missing entities are filled in."""

    def __init__(self, graph: GraphStore, models: Models) -> None:
        self._graph = graph
        self._models = models

    async def status(self) -> Applied:
        """That of the store."""
        return await self._graph.status()

    async def apply(self, batch: ChangeBatch) -> Applied:
        """Apply the batch with every entity named; fails, and so is tried again, while they can't be."""
        nameless = [change for change in batch.changes if change.version and change.version.entities is None]
        if nameless:
            batch = replace(batch, changes=await self._named(batch, nameless))
        return await self._graph.apply(batch)

    async def _named(self, batch: ChangeBatch, nameless: list[Change]) -> tuple[Change, ...]:
        texts = [change.version.text for change in nameless if change.version]
        found = await self._models.entities(texts, Priority.SIGNAL)
        named = {
            change.position: replace(
                change, version=replace(change.version, entities=with_speaker(change.version.name, entities))
            )
            for change, entities in zip(nameless, found, strict=True)
            if change.version
        }
        return tuple(named.get(change.position, change) for change in batch.changes)
