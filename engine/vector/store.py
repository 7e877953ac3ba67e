"""The lasting vector store: scope blocks in memory in front of a Milvus table. Who owns what, and in which order."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeAlias, TypeVar

from engine.ports import KeywordStatistics, StatisticsAnswer, VectorAnswer, VectorHit, VectorQuery
from engine.types import Applied, Block, BlockKey, ChangeBatch
from engine.vector.block import Row
from engine.vector.blocks import Blocks
from engine.vector.changes import last_of_each, rows_of
from engine.vector.keywords import Analyzer
from engine.vector.mark import Mark

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

Answer: TypeAlias = tuple[tuple[VectorHit, ...], BlockKey | None]


class Table(Protocol):
    """Where the rows last. Blocking, and only ever called from the one thread that opened it."""

    mark: Mark

    def write(self, rows: Sequence[Row]) -> None: ...

    def flush(self, position: int) -> None: ...

    def search(self, queries: Sequence[VectorQuery]) -> list[tuple[VectorHit, ...]]: ...

    def close(self) -> None: ...


class MilvusVectorStore:
    """`VectorStore` over a `Table` (one thread owns it) and `Blocks` (another does).

    So searching a block never waits for Milvus, nothing is locked, and the event loop only hands out work.
    The position starts from the table's mark, which is never ahead of what is durable: what came later is sent again.
    `notices`: what went wrong that somebody should know, though it is dealt with.
    """

    def __init__(
        self,
        open_table: Callable[[], tuple[Table, list[str]]],
        analyzer: Analyzer,
        *,
        block_bytes: int,
        flush_rows: int,
    ) -> None:
        """Opens the table in its own thread and waits for it. Raises what `open_table` raises."""
        self._disk = ThreadPoolExecutor(1, "remora-milvus")
        self._memory = ThreadPoolExecutor(1, "remora-blocks")
        try:
            self._table, self.notices = self._disk.submit(open_table).result()
        except BaseException:
            self._disk.shutdown()
            raise
        self._incarnation = secrets.token_hex(8)
        self._position = self._table.mark.position
        self._blocks = Blocks(self._table.mark.dimensions, analyzer, block_bytes, self._position)
        self._flush_rows = flush_rows
        self._unflushed_rows = 0
        self._flushing: asyncio.Future[None] | None = None
        self._writing = asyncio.Lock()
        self._closed = False

    async def status(self) -> Applied:
        """Which life this is and how far it has come."""
        return Applied(self._incarnation, self._position)

    async def apply(self, batch: ChangeBatch) -> Applied:
        """See `VectorStore.apply`.

        Raises:
            Unavailable: Milvus didn't take it; the position stays, and the same again is harmless.
        """
        async with self._writing:
            if self._position >= batch.after:
                await self._take(batch)
        self._flush_if_due()
        return await self.status()

    async def search(self, queries: Sequence[VectorQuery]) -> VectorAnswer:
        """See `VectorStore.search`. The position is that before the search: the answer shows at least that much."""
        applied = await self.status()
        scoped = [at for at, query in enumerate(queries) if query.block is not None]
        wide = [at for at, query in enumerate(queries) if query.block is None]
        from_blocks, from_table = await asyncio.gather(
            self._search_blocks([queries[at] for at in scoped]), self._search_table([queries[at] for at in wide])
        )
        answers = dict(zip(scoped + wide, from_blocks + from_table, strict=True))
        ordered = [answers[at] for at in range(len(queries))]
        return VectorAnswer(applied, tuple(hits for hits, _ in ordered), tuple(cold for _, cold in ordered))

    async def statistics(self, queries: Sequence[VectorQuery]) -> StatisticsAnswer:
        """See `VectorStore.statistics`. A wide search goes to Milvus, which doesn't tell."""
        applied = await self.status()
        counted = await self._on(self._memory, lambda: [_count(self._blocks, query) for query in queries])
        return StatisticsAnswer(applied, tuple(one for one, _ in counted), tuple(cold for _, cold in counted))

    async def fill(self, block: Block) -> Applied:
        """See `VectorStore.fill`."""
        await self._on(self._memory, lambda: self._blocks.fill(block))
        return await self.status()

    async def close(self) -> None:
        """Makes everything durable and lets go. Twice is harmless."""
        async with self._writing:
            if self._closed:
                return
            self._closed = True
            if self._flushing is not None:
                await asyncio.wait([self._flushing])
            try:
                if self._table.mark.position < self._position:
                    await self._on(self._disk, lambda: self._table.flush(self._position))
            finally:
                await self._on(self._disk, self._table.close)
                self._disk.shutdown()
                self._memory.shutdown()

    async def _take(self, batch: ChangeBatch) -> None:
        rows = rows_of(batch, self._position)
        last = last_of_each(rows)
        # The blocks may get ahead of the position when Milvus fails; they know their own, so a retry is harmless.
        await asyncio.gather(
            self._on(self._disk, lambda: self._table.write(last)),
            self._on(self._memory, lambda: self._blocks.apply(rows, batch.until)),
        )
        self._unflushed_rows += len(last)
        self._position = max(self._position, batch.until)

    def _flush_if_due(self) -> None:
        """Starts a flush behind the answer: unflushed rows cost a Lite search 45 microseconds each."""
        if self._unflushed_rows < self._flush_rows or self._flushing is not None or self._closed:
            return
        position, rows = self._position, self._unflushed_rows
        self._unflushed_rows = 0
        self._flushing = asyncio.get_running_loop().run_in_executor(self._disk, self._table.flush, position)
        self._flushing.add_done_callback(lambda flush: self._flushed(flush, rows))

    def _flushed(self, flush: asyncio.Future[None], rows: int) -> None:
        self._flushing = None
        if not flush.cancelled() and (error := flush.exception()) is not None:
            self._unflushed_rows += rows
            _log.error("flush of the vector table failed", exc_info=error)
            if (notice := f"flush failed: {error}") not in self.notices:
                self.notices.append(notice)

    async def _search_blocks(self, queries: Sequence[VectorQuery]) -> list[Answer]:
        return await self._on(self._memory, lambda: search_blocks(self._blocks, queries)) if queries else []

    async def _search_table(self, queries: Sequence[VectorQuery]) -> list[Answer]:
        if not queries:
            return []
        return [(hits, None) for hits in await self._on(self._disk, lambda: self._table.search(queries))]

    async def _on(self, owner: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(owner, work)


def search_blocks(blocks: Blocks, queries: Sequence[VectorQuery]) -> list[Answer]:
    """Answers each query from its block, all queries of a block in one go; a cold block is named instead."""
    places: dict[BlockKey, list[int]] = {}
    for at, query in enumerate(queries):
        if query.block is not None:
            places.setdefault(query.block, []).append(at)
    answers: dict[int, Answer] = {}
    for key, asking in places.items():
        if (block := blocks.get(key)) is None:
            answers.update(dict.fromkeys(asking, ((), key)))
        else:
            hits = block.search([queries[at] for at in asking], key)
            answers.update(zip(asking, [(found, None) for found in hits], strict=True))
    return [answers[at] for at in range(len(queries))]


def _count(blocks: Blocks, query: VectorQuery) -> tuple[KeywordStatistics | None, BlockKey | None]:
    """The statistics of the query's block, or its name when it is cold."""
    if query.block is None or query.text is None:
        return None, None
    block = blocks.get(query.block)
    return (None, query.block) if block is None else (block.statistics(query.text), None)
