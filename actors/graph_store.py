"""The graph store's actor shell. Graphs and snapshots live in `engine.graph`."""

from __future__ import annotations

from collections.abc import Sequence

import ray

from actors.options import Address
from actors.shell import Shell
from engine import graph
from engine.config import Settings
from engine.graph_port import (
    BesideAnswer,
    BesideQuery,
    EntitiesAnswer,
    EntitiesQuery,
    GraphAnswer,
    GraphQuery,
    GraphStore,
    LinksAnswer,
    LinksQuery,
    MentionsAnswer,
    NeighboursAnswer,
    NeighboursQuery,
    PathAnswer,
    PathQuery,
)
from engine.types import Applied, AuditAnswer, ChangeBatch, LiveRows, Mending


class GraphStoreActor(Shell[GraphStore]):
    """Owns the graphs of a shard."""

    def __init__(self, address: Address, settings: Settings) -> None:
        super().__init__(address, settings, lambda: graph.build(settings, address.index))

    @ray.method
    async def status(self) -> Applied:
        """As `GraphStore.status`."""
        return await (await self.enter("status")).status()

    @ray.method
    async def apply(self, batch: ChangeBatch) -> Applied:
        """As `GraphStore.apply`."""
        return await (await self.enter("apply")).apply(batch)

    @ray.method
    async def search(self, queries: Sequence[GraphQuery]) -> GraphAnswer:
        """As `GraphStore.search`."""
        return await (await self.enter("search")).search(queries)

    @ray.method
    async def mentions(self, queries: Sequence[GraphQuery]) -> MentionsAnswer:
        """As `GraphStore.mentions`."""
        return await (await self.enter("mentions")).mentions(queries)

    @ray.method
    async def entities(self, query: EntitiesQuery) -> EntitiesAnswer:
        """As `GraphStore.entities`."""
        return await (await self.enter("entities")).entities(query)

    @ray.method
    async def path(self, query: PathQuery) -> PathAnswer:
        """As `GraphStore.path`."""
        return await (await self.enter("path")).path(query)

    @ray.method
    async def beside(self, query: BesideQuery) -> BesideAnswer:
        """As `GraphStore.beside`."""
        return await (await self.enter("beside")).beside(query)

    @ray.method
    async def links(self, query: LinksQuery) -> LinksAnswer:
        """As `GraphStore.links`."""
        return await (await self.enter("links")).links(query)

    @ray.method
    async def neighbours(self, query: NeighboursQuery) -> NeighboursAnswer:
        """As `GraphStore.neighbours`."""
        return await (await self.enter("neighbours")).neighbours(query)

    @ray.method
    async def audit(self, after: str, until: str | None) -> AuditAnswer:
        """As `GraphStore.audit`."""
        return await (await self.enter("audit")).audit(after, until)

    @ray.method
    async def mend(self, mending: Mending) -> Applied:
        """As `GraphStore.mend`."""
        return await (await self.enter("mend")).mend(mending)

    @ray.method
    async def begin_rebuild(self) -> None:
        """As `GraphStore.begin_rebuild`."""
        await (await self.enter("begin_rebuild")).begin_rebuild()

    @ray.method
    async def load(self, rows: LiveRows) -> None:
        """As `GraphStore.load`."""
        await (await self.enter("load")).load(rows)

    @ray.method
    async def finish_rebuild(self, position: int) -> Applied:
        """As `GraphStore.finish_rebuild`."""
        return await (await self.enter("finish_rebuild")).finish_rebuild(position)

    @ray.method
    async def close(self) -> None:
        """As `GraphStore.close`."""
        await (await self.enter("close")).close()
