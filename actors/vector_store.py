"""The vector store's actor shell. Blocks, keywords and Milvus live in `engine.vector`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ray

from actors.options import Address
from actors.shell import Shell
from engine import vector
from engine.config import Settings
from engine.ports import EmbedderInfo, StatisticsAnswer, VectorAnswer, VectorQuery, VectorStore
from engine.types import Applied, AuditAnswer, Block, ChangeBatch, Derived, LiveRows, Mending


class VectorStoreActor(Shell[VectorStore]):
    """Owns the Milvus client of a shard, and the blocks of the scopes in use."""

    def __init__(self, address: Address, settings: Settings, info: EmbedderInfo) -> None:
        super().__init__(address, settings, lambda: vector.build(settings, address.index, info))

    @ray.method
    async def status(self) -> Applied:
        """As `VectorStore.status`."""
        return await (await self.enter("status")).status()

    @ray.method
    async def apply(self, batch: ChangeBatch) -> Applied:
        """As `VectorStore.apply`."""
        return await (await self.enter("apply")).apply(batch)

    @ray.method
    async def search(self, queries: Sequence[VectorQuery]) -> VectorAnswer:
        """As `VectorStore.search`."""
        return await (await self.enter("search")).search(queries)

    @ray.method
    async def statistics(self, queries: Sequence[VectorQuery]) -> StatisticsAnswer:
        """As `VectorStore.statistics`."""
        return await (await self.enter("statistics")).statistics(queries)

    @ray.method
    async def fill(self, block: Block) -> Applied:
        """As `VectorStore.fill`."""
        return await (await self.enter("fill")).fill(block)

    @ray.method
    async def derive(self, rows: Sequence[Derived]) -> None:
        """As `VectorStore.derive`."""
        await (await self.enter("derive")).derive(rows)

    @ray.method
    async def resident(self) -> Mapping[str, int]:
        """As `VectorStore.resident`."""
        return await (await self.enter("resident")).resident()

    @ray.method
    async def audit(self, after: str, until: str | None) -> AuditAnswer:
        """As `VectorStore.audit`."""
        return await (await self.enter("audit")).audit(after, until)

    @ray.method
    async def mend(self, mending: Mending) -> Applied:
        """As `VectorStore.mend`."""
        return await (await self.enter("mend")).mend(mending)

    @ray.method
    async def begin_rebuild(self) -> None:
        """As `VectorStore.begin_rebuild`."""
        await (await self.enter("begin_rebuild")).begin_rebuild()

    @ray.method
    async def load(self, rows: LiveRows) -> None:
        """As `VectorStore.load`."""
        await (await self.enter("load")).load(rows)

    @ray.method
    async def finish_rebuild(self, position: int) -> Applied:
        """As `VectorStore.finish_rebuild`."""
        return await (await self.enter("finish_rebuild")).finish_rebuild(position)

    @ray.method
    async def close(self) -> None:
        """As `VectorStore.close`."""
        await (await self.enter("close")).close()
