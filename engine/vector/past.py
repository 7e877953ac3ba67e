"""Versions of an earlier state, searched exactly as scope blocks are. Nothing here ever changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

import numpy as np

from engine.ports import StatisticsAnswer, VectorAnswer, VectorQuery
from engine.text.analyzer import Analyzer
from engine.types import Applied, BlockKey, Derived, FloatArray, MemoryVersion
from engine.vector.block import ScopeBlock
from engine.vector.memory import InMemoryVectorStore

T = TypeVar("T")


class PastVectors(InMemoryVectorStore):
    """A `VectorStore` for searches of what it is made with.

    Args:
        versions: of one project, all that a query can ask for.
        vectors: float32 (n, d), same order.
        derived: their signals.
        position: the state that they are of.
        analyzer: for words.
        worker: does the work, one call at a time, outside the event loop.
    """

    def __init__(
        self,
        versions: Sequence[MemoryVersion],
        vectors: FloatArray,
        derived: Sequence[Derived],
        position: int,
        analyzer: Analyzer,
        worker: Executor,
    ) -> None:
        super().__init__(vectors.shape[1] if len(versions) else 1)
        self._versions = versions
        self._vectors = vectors
        self._derived = derived
        self._applied = Applied("past", position)
        self._words = analyzer
        self._worker = worker
        self._blocks: dict[BlockKey | None, ScopeBlock] = {}

    async def prepare(self, key: BlockKey | None) -> None:
        """Make a block before it is searched; of many memories it takes seconds."""
        await self._answer_of(lambda: self._block_of(key))

    async def status(self) -> Applied:
        """Always the same."""
        return self._applied

    async def search(self, queries: Sequence[VectorQuery]) -> VectorAnswer:
        """See `VectorStore.search`."""

        def work() -> VectorAnswer:
            hits = tuple(self._block(query).search([query], query.block)[0] for query in queries)
            return VectorAnswer(self._applied, hits, (None,) * len(queries), self._named(queries))

        return await self._answer_of(work)

    async def statistics(self, queries: Sequence[VectorQuery]) -> StatisticsAnswer:
        """See `VectorStore.statistics`."""

        def work() -> StatisticsAnswer:
            counted = tuple(
                None if query.text is None else self._block(query).statistics(query.text) for query in queries
            )
            return StatisticsAnswer(self._applied, counted, (None,) * len(queries), self._named(queries))

        return await self._answer_of(work)

    async def _answer_of(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def _named(self, queries: Sequence[VectorQuery]) -> tuple[tuple[str, ...], ...]:
        return tuple(() if query.block is None else self._block(query).speakers(query) for query in queries)

    def _block(self, query: VectorQuery) -> ScopeBlock:
        """Of the query's block, made when it is first asked for."""
        return self._block_of(query.block)

    def _block_of(self, key: BlockKey | None) -> ScopeBlock:
        block = self._blocks.get(key)
        if block is None:
            block = self._blocks[key] = self._made(key)
        return block

    def _made(self, key: BlockKey | None) -> ScopeBlock:
        block = ScopeBlock(self._vectors.shape[1] if len(self._versions) else 1, self._words)
        taken = [
            at
            for at, version in enumerate(self._versions)
            if key is None or getattr(version.scope, key.field) == key.value
        ]
        if taken:
            block.extend([self._versions[at] for at in taken], self._vectors[np.array(taken)])
            block.derive(self._derived)
        return block
