"""The graph as it is written, by its feed and its upkeep: entities that nobody could name at commit are named first.

Questions don't come this way: they go through `aliased_graph`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.graph_port import GraphStore
from engine.ingest import mentioned
from engine.models import Models
from engine.ports import Priority
from engine.types import Applied, AuditAnswer, Change, ChangeBatch, LiveRows, MemoryVersion, Mending


class NamedGraph:
    """A graph store in front of which missing entities are filled in; what needs them fails while nobody can."""

    def __init__(self, graph: GraphStore, models: Models) -> None:
        self._graph = graph
        self._models = models

    async def status(self) -> Applied:
        """That of the store."""
        return await self._graph.status()

    async def apply(self, batch: ChangeBatch) -> Applied:
        """Apply the batch with every entity named; fails, and so is tried again, while they can't be."""
        return await self._graph.apply(replace(batch, changes=await self._named(batch.changes)))

    async def audit(self, after: str, until: str | None) -> AuditAnswer:
        """That of the store."""
        return await self._graph.audit(after, until)

    async def mend(self, mending: Mending) -> Applied:
        """Mend with every entity named."""
        return await self._graph.mend(replace(mending, changes=await self._named(mending.changes)))

    async def begin_rebuild(self) -> None:
        """That of the store."""
        await self._graph.begin_rebuild()

    async def load(self, rows: LiveRows) -> None:
        """Load with every entity named."""
        await self._graph.load(replace(rows, versions=tuple(await self._with_entities(rows.versions))))

    async def finish_rebuild(self, position: int) -> Applied:
        """That of the store."""
        return await self._graph.finish_rebuild(position)

    async def _named(self, changes: Sequence[Change]) -> tuple[Change, ...]:
        nameless = [change for change in changes if _is_nameless(change)]
        found = await self._with_entities([change.version for change in nameless if change.version])
        named = {change.position: version for change, version in zip(nameless, found, strict=True)}
        return tuple(replace(one, version=named[one.position]) if _is_nameless(one) else one for one in changes)

    async def _with_entities(self, versions: Sequence[MemoryVersion]) -> list[MemoryVersion]:
        """The versions, each with its entities; of what has no text (any more) there are none."""
        nameless = [version for version in versions if version.entities is None and version.text]
        found = iter(await self._models.entities([version.text for version in nameless], Priority.SIGNAL))

        def named(version: MemoryVersion) -> MemoryVersion:
            if version.entities is not None:
                return version
            return replace(
                version, entities=mentioned(version.name, next(found), version.relations) if version.text else ()
            )

        return [named(version) for version in versions]


def _is_nameless(change: Change) -> bool:
    return change.version is not None and change.version.entities is None
