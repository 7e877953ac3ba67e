"""The lasting vector store: scope blocks in memory in front of a Milvus table. Who owns what, and in which order."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias, TypeVar

from engine.concurrency import TaskSet
from engine.errors import Conflict, RemoraError
from engine.ports import KeywordStatistics, StatisticsAnswer, VectorAnswer, VectorHit, VectorQuery
from engine.text.analyzer import Analyzer
from engine.types import (
    Applied,
    AuditAnswer,
    AuditRow,
    Block,
    BlockKey,
    ChangeBatch,
    Derived,
    LiveRows,
    Mending,
)
from engine.vector.audit import Held, audit_rows, odd_rows
from engine.vector.block import Row
from engine.vector.blocks import Blocks
from engine.vector.changes import last_of_each, paired, rows_of
from engine.vector.copying import Copying
from engine.vector.in_use import TableInUse
from engine.vector.lost_rows import LostRows
from engine.vector.table import Table

_T = TypeVar("_T")

Answer: TypeAlias = tuple[tuple[VectorHit, ...], BlockKey | None, tuple[str, ...]]
Counted: TypeAlias = tuple[KeywordStatistics | None, BlockKey | None, tuple[str, ...]]

_AUDITED_AT_ONCE = 1000
_MOST_GONE = 10_000


class MilvusVectorStore:
    """`VectorStore` over a `Table` (one thread owns it) and `Blocks` (another does).

    So searching a block never waits for Milvus, nothing is locked, and the event loop only hands out work.

    A rebuild fills a second table in a third thread. What comes in meanwhile goes to the table in use, which is
    searched until the end, and is noted; the copy gets it before it takes over, so that it is where the index in use
    was (or where the ledger was at the beginning, if that is further, or too much came in to be noted). Versions that
    were loaded from after that position stay when older changes are sent again. A memory that was deleted after that
    position may appear once more, in answers that name a position at which it was there: a feed that had confirmed
    the deletion doesn't pass these on.
    """

    def __init__(
        self,
        open_table: Callable[[], tuple[Table, list[str]]],
        analyzer: Analyzer,
        *,
        block_bytes: int,
        flush_rows: int,
        open_copy: Callable[[Table], Table],
    ) -> None:
        """Opens the table in its own thread and waits for it. Raises what `open_table` raises.

        `open_copy` makes an empty table beside the one in use.
        """
        self._in_use = TableInUse(open_table, flush_rows)
        self._memory = ThreadPoolExecutor(1, "remora-blocks")
        self._open_copy = open_copy
        self._analyzer = analyzer
        self._block_bytes = block_bytes
        self._blocks = self._no_blocks()
        self._writing = asyncio.Lock()
        self._rebuilding = asyncio.Lock()
        self._copying: Copying | None = None
        self._tasks = TaskSet()
        self._gone: OrderedDict[str, int] = OrderedDict()
        self._ahead: dict[str, int] = {}

    @property
    def notices(self) -> Sequence[str]:
        """What went wrong that somebody should know, though it is dealt with."""
        return self._in_use.notices

    async def status(self) -> Applied:
        """Which life this is and how far it has come."""
        return self._in_use.applied()

    async def apply(self, batch: ChangeBatch) -> Applied:
        """See `VectorStore.apply`.

        Raises:
            Unavailable: Milvus didn't take it; the same again is harmless. The position stays, unless rows were lost.
        """
        async with self._writing:
            if self._in_use.position >= batch.after:
                await self._take(batch)
            self._in_use.flush_if_due()
        return self._in_use.applied()

    async def search(self, queries: Sequence[VectorQuery]) -> VectorAnswer:
        """See `VectorStore.search`. The position is that before the search: the answer shows at least that much."""
        applied, blocks, table = self._in_use.applied(), self._blocks, self._in_use.table
        scoped = [at for at, query in enumerate(queries) if query.block is not None]
        wide = [at for at, query in enumerate(queries) if query.block is None]
        in_blocks = self._remember(lambda: search_blocks(blocks, [queries[at] for at in scoped]))
        in_table = self._in_use.submit(lambda: table.search([queries[at] for at in wide])) if wide else nothing()
        from_blocks, from_table = await asyncio.gather(in_blocks, in_table)
        answers = dict(zip(scoped + wide, [*from_blocks, *((hits, None, ()) for hits in from_table)], strict=True))
        ordered = [answers[at] for at in range(len(queries))]
        applied = min(
            applied, self._in_use.applied(), key=lambda one: one.position
        )  # rows may have been lost meanwhile
        hits, cold, speakers = zip(*ordered, strict=True) if ordered else ((), (), ())
        return VectorAnswer(applied, hits, cold, speakers)

    async def statistics(self, queries: Sequence[VectorQuery]) -> StatisticsAnswer:
        """See `VectorStore.statistics`. A wide search goes to Milvus, which doesn't tell."""
        applied, blocks = self._in_use.applied(), self._blocks
        counted = await self._remember(lambda: [_count(blocks, query) for query in queries])
        statistics, cold, speakers = zip(*counted, strict=True) if counted else ((), (), ())
        return StatisticsAnswer(applied, statistics, cold, speakers)

    async def fill(self, block: Block) -> Applied:
        """See `VectorStore.fill`."""
        blocks = self._blocks
        await self._remember(lambda: blocks.fill(block))
        return self._in_use.applied()

    async def derive(self, rows: Sequence[Derived]) -> None:
        """See `VectorStore.derive`."""
        blocks = self._blocks
        await self._remember(lambda: blocks.derive(rows))

    async def resident(self) -> Mapping[str, int]:
        """See `VectorStore.resident`."""
        blocks = self._blocks
        return await self._remember(lambda: blocks.resident)

    async def audit(self, after: str, until: str | None) -> AuditAnswer:
        """See `VectorStore.audit`. A block that differs from the table speaks for the memory."""
        applied = self._in_use.applied()
        rows: list[AuditRow] = []
        while True:
            part, last = await self._audit_part(after, until)
            rows += part
            if last is None:
                return AuditAnswer(applied, tuple(rows))
            after = last

    async def mend(self, mending: Mending) -> Applied:
        """See `VectorStore.mend`. It is durable when this answers; blocks that are concerned have to be filled anew."""
        rows = paired(mending.changes, mending.vectors)
        async with self._writing:
            held = await self._in_use.ask(lambda table: table.read([row.change.memory_id for row in rows]))
            newer = {version.memory_id: version.live_from for version, _ in held}
            due = last_of_each(row for row in rows if not self._is_outdated(row, newer.get(row.change.memory_id, 0)))
            await self._in_use.write(due)
            await self._in_use.flush()
            await self._remember(lambda: self._blocks.drop(due))
        return self._in_use.applied()

    async def begin_rebuild(self) -> None:
        """See `VectorStore.begin_rebuild`."""
        async with self._rebuilding:
            await self._abandon_copy()
            table = self._in_use.table
            copying = await Copying.begin(lambda: self._open_copy(table))
            copying.begun_at, self._copying = self._in_use.position, copying

    async def load(self, rows: LiveRows) -> None:
        """See `VectorStore.load`. A copy that doesn't take them is given up."""
        async with self._rebuilding:
            copying = self._copy_under_way()
            try:
                await copying.load(rows)
            except LostRows:
                await self._abandon_copy()
                raise

    async def finish_rebuild(self, position: int) -> Applied:
        """See `VectorStore.finish_rebuild`. The position may be further than asked for. Blocks are filled anew.

        Raises:
            Unavailable: the copy couldn't be made durable and is given up; the old table stays.
        """
        return await asyncio.shield(self._tasks.start(self._finish(position), name="end of a vector rebuild"))

    async def _finish(self, position: int) -> Applied:
        async with self._rebuilding:
            copying = self._copy_under_way()
            try:
                await copying.write(copying.journal.take(position))  # most of it, while others still write
                async with self._writing:
                    removing = await self._switch(copying, position)
            except RemoraError:
                await self._abandon_copy()
                raise
            await removing
            async with self._writing:
                await self._in_use.tell_mark()
        return self._in_use.applied()

    async def close(self) -> None:
        """Makes everything durable and lets go; a copy is given up. Twice is harmless."""
        async with self._rebuilding:
            await self._abandon_copy()
            async with self._writing:
                await self._in_use.close()
        self._memory.shutdown()

    async def _take(self, batch: ChangeBatch) -> None:
        use, blocks = self._in_use, self._blocks
        incarnation, rows = use.incarnation, rows_of(batch, use.position)
        last = [row for row in last_of_each(rows) if row.change.position >= self._ahead.get(row.change.memory_id, 0)]
        # The blocks may get ahead of the position when Milvus fails; they know their own, so a retry is harmless.
        await asyncio.gather(use.write(last), self._remember(lambda: blocks.apply(rows, batch.until)))
        if use.incarnation != incarnation or batch.until <= use.position:
            return  # a flush that was under way has lost rows; or there was nothing new
        self._note_gone(last)
        if self._copying is not None:
            self._copying.journal.note(rows, batch.until)
        use.position = batch.until
        if self._ahead and use.position >= max(self._ahead.values()):
            self._ahead = {}

    def _note_gone(self, rows: Sequence[Row]) -> None:
        """Remembers deletions, as many as may be outrun by a mending that was read before them."""
        self._gone.update((row.change.memory_id, row.change.position) for row in rows if row.change.version is None)
        while len(self._gone) > _MOST_GONE:
            self._gone.popitem(last=False)

    def _is_outdated(self, row: Row, held: int) -> bool:
        """Whether a mending was overtaken: something newer is here, or a newer deletion."""
        change = row.change
        return held > change.position or (
            change.version is not None and self._gone.get(change.memory_id, 0) > change.position
        )

    async def _audit_part(self, after: str, until: str | None) -> tuple[list[AuditRow], str | None]:
        """The rows of a stretch that begins at `after`, and the id at which it ends; None: it comes to `until`."""
        async with self._writing:
            held, end = await self._in_use.ask(lambda table: _stretch(table, after, until))
            odd = await self._remember(lambda: odd_rows(self._blocks.loaded, held, after, end))
        return await asyncio.to_thread(audit_rows, held, odd), None if end == until else end

    def _copy_under_way(self) -> Copying:
        if self._copying is None:
            raise Conflict("no rebuild of the vector index is under way; begin it again")
        return self._copying

    async def _abandon_copy(self) -> None:
        copying, self._copying = self._copying, None
        if copying is not None:
            await copying.abandon()

    async def _switch(self, copying: Copying, position: int) -> asyncio.Task[None]:
        """Lets the copy take over. The task removes the old table."""
        use, noted = self._in_use, copying.journal
        await use.settle()
        await copying.write(noted.take(position))
        unerased = noted.unerased(position) if use.table.keeps_erased else 0
        removing = await use.replace(copying.table, copying.owner, noted.reached(position), unerased)
        self._copying, self._ahead, self._blocks = None, noted.ahead(use.position), self._no_blocks()
        return removing

    def _no_blocks(self) -> Blocks:
        return Blocks(self._in_use.table.mark.dimensions, self._analyzer, self._block_bytes, self._in_use.position)

    def _remember(self, work: Callable[[], _T]) -> asyncio.Future[_T]:
        """Hands work out to the thread that owns the blocks, at once and not when it is awaited."""
        return asyncio.get_running_loop().run_in_executor(self._memory, work)


async def nothing() -> list[tuple[VectorHit, ...]]:
    """What a table says that isn't asked."""
    return []


def search_blocks(blocks: Blocks, queries: Sequence[VectorQuery]) -> list[Answer]:
    """Answers each query from its block, all queries of a block in one go; a cold block is named instead."""
    places: dict[BlockKey, list[int]] = {}
    for at, query in enumerate(queries):
        if query.block is not None:
            places.setdefault(query.block, []).append(at)
    answers: dict[int, Answer] = {}
    for key, asking in places.items():
        if (block := blocks.get(key)) is None:
            answers.update(dict.fromkeys(asking, ((), key, ())))
        else:
            hits = block.search([queries[at] for at in asking], key)
            speakers = [block.speakers(queries[at]) for at in asking]
            answers.update(zip(asking, zip(hits, [None] * len(hits), speakers, strict=True), strict=True))
    return [answers[at] for at in range(len(queries))]


def _stretch(table: Table, after: str, until: str | None) -> tuple[list[Held], str | None]:
    """What a table has of the next ids after one, and the id at which that ends; `until`: there is no more."""
    ids = [one for one in table.ids(after, _AUDITED_AT_ONCE) if until is None or one <= until]
    return table.read(ids), ids[-1] if len(ids) == _AUDITED_AT_ONCE else until


def _count(blocks: Blocks, query: VectorQuery) -> Counted:
    """The statistics of the query's block, or its name when it is cold."""
    if query.block is None or query.text is None:
        return None, None, ()
    block = blocks.get(query.block)
    return (None, query.block, ()) if block is None else (block.statistics(query.text), None, block.speakers(query))
