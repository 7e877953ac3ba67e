"""A vector store that keeps everything in memory and forgets it at the end. The lasting one: `milvus`."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from engine.ports import StatisticsAnswer, VectorAnswer, VectorHit, VectorQuery
from engine.types import Applied, Block, BlockKey, ChangeBatch
from engine.vector.block import Row, ScopeBlock
from engine.vector.changes import rows_of
from engine.vector.keywords import Analyzer


class InMemoryVectorStore:
    """`VectorStore` over numpy arrays: exact, never cold, the same answers as the Milvus one. For your own tests.

    Every memory is held once for its project and once for each id of its scope, so that keyword statistics are those
    of the block that is searched.
    """

    def __init__(self, dimensions: int, language: str = "english") -> None:
        """`language`: see `Analyzer`."""
        self._dimensions = dimensions
        self._analyzer = Analyzer(language)
        self._incarnation = secrets.token_hex(8)
        self._position = 0
        self._blocks: dict[BlockKey | str, ScopeBlock] = {}

    async def status(self) -> Applied:
        """Which life this is and how far it has come."""
        return Applied(self._incarnation, self._position)

    async def apply(self, batch: ChangeBatch) -> Applied:
        """See `VectorStore.apply`."""
        if self._position >= batch.after:
            for row in rows_of(batch, self._position):
                self._take(row)
            self._position = max(self._position, batch.until)
        return await self.status()

    async def search(self, queries: Sequence[VectorQuery]) -> VectorAnswer:
        """See `VectorStore.search`."""
        hits = tuple(self._answer(query) for query in queries)
        return VectorAnswer(await self.status(), hits, (None,) * len(queries))

    async def statistics(self, queries: Sequence[VectorQuery]) -> StatisticsAnswer:
        """See `VectorStore.statistics`; exact for wide searches too."""
        counted = tuple(None if query.text is None else self._block(query).statistics(query.text) for query in queries)
        return StatisticsAnswer(await self.status(), counted, (None,) * len(queries))

    async def fill(self, block: Block) -> Applied:
        """Nothing to do: no block is ever cold."""
        return await self.status()

    async def close(self) -> None:
        """Forgets everything."""
        self._blocks.clear()

    def _take(self, row: Row) -> None:
        project, version = row.change.project, row.change.version
        if version is None:
            concerned = [block for block in self._blocks.values() if row.change.memory_id in block]
        else:
            keys: list[BlockKey | str] = [
                project,
                *(BlockKey(project, name, value) for name, value in version.scope.ids().items()),
            ]
            concerned = [self._blocks.setdefault(key, self._empty()) for key in keys]
        for block in concerned:
            block.apply([row], row.change.position)

    def _empty(self) -> ScopeBlock:
        return ScopeBlock(self._dimensions, self._analyzer)

    def _answer(self, query: VectorQuery) -> tuple[VectorHit, ...]:
        return self._block(query).search([query], query.block)[0]

    def _block(self, query: VectorQuery) -> ScopeBlock:
        return self._blocks.get(query.project if query.block is None else query.block) or self._empty()
