"""The lasting vector store: scope blocks in memory in front of a Milvus table. Who owns what, and in which order."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias, TypeVar

from engine.concurrency import TaskSet
from engine.errors import Conflict, RemoraError
from engine.ports import KeywordStatistics, StatisticsAnswer, VectorAnswer, VectorHit, VectorQuery
from engine.types import Applied, AuditAnswer, AuditRow, Block, BlockKey, ChangeBatch, LiveRows, Mending
from engine.vector.audit import audit_rows, odd_rows
from engine.vector.block import Row
from engine.vector.blocks import Blocks
from engine.vector.changes import earliest, last_of_each, paired, purges, rows_of
from engine.vector.copying import Copying
from engine.vector.keywords import Analyzer
from engine.vector.lost_rows import LostRows
from engine.vector.table import Table

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

Answer: TypeAlias = tuple[tuple[VectorHit, ...], BlockKey | None]

_AUDITED_AT_ONCE = 500
_MOST_GONE = 10_000
_MOST_NOTICES = 20


class MilvusVectorStore:
    """`VectorStore` over a `Table` (one thread owns it) and `Blocks` (another does).

    So searching a block never waits for Milvus, nothing is locked, and the event loop only hands out work.
    The position starts from the table's mark, which is never ahead of what is durable: what came later is sent again.
    When the table says that it has lost rows, the position goes back to the mark, in a new incarnation.

    A rebuild fills a second table in a third thread. What comes in meanwhile goes to the table in use, which is
    searched until the end, and is noted; the copy gets it before it takes over, so that it is where the index in use
    was (or where the ledger was at the beginning, if that is further, or too much came in to be noted). Versions that
    were loaded from after that position stay when older changes are sent again. A memory that was deleted after that
    position may appear once more, in answers that name a position at which it was there: a feed that had confirmed
    the deletion doesn't pass these on.

    `notices`: what went wrong that somebody should know, though it is dealt with.
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
        self._disk = ThreadPoolExecutor(1, "remora-milvus")
        self._memory = ThreadPoolExecutor(1, "remora-blocks")
        try:
            self._table, notices = self._disk.submit(open_table).result()
        except BaseException:
            self._disk.shutdown()
            raise
        self.notices: list[str] = []
        for notice in notices:
            self._notice(notice)
        self._open_copy = open_copy
        self._analyzer = analyzer
        self._block_bytes = block_bytes
        self._position = self._unerased = self._old_unerased = self._unflushed_rows = 0
        self._set_back()
        self._blocks = self._no_blocks()
        self._flush_rows = flush_rows
        self._flushing: asyncio.Future[None] | None = None
        self._writing = asyncio.Lock()
        self._rebuilding = asyncio.Lock()
        self._copying: Copying | None = None
        self._tasks = TaskSet()
        self._gone: OrderedDict[str, int] = OrderedDict()
        self._ahead: dict[str, int] = {}
        self._closed = False

    async def status(self) -> Applied:
        """Which life this is and how far it has come."""
        return self._applied()

    async def apply(self, batch: ChangeBatch) -> Applied:
        """See `VectorStore.apply`.

        Raises:
            Unavailable: Milvus didn't take it; the same again is harmless. The position stays, unless rows were lost.
        """
        async with self._writing:
            if self._position >= batch.after:
                await self._take(batch)
            self._flush_if_due()
        return self._applied()

    async def search(self, queries: Sequence[VectorQuery]) -> VectorAnswer:
        """See `VectorStore.search`. The position is that before the search: the answer shows at least that much."""
        applied, blocks, table = self._applied(), self._blocks, self._table
        scoped = [at for at, query in enumerate(queries) if query.block is not None]
        wide = [at for at, query in enumerate(queries) if query.block is None]
        from_blocks, from_table = await asyncio.gather(
            self._on(self._memory, lambda: search_blocks(blocks, [queries[at] for at in scoped])),
            self._on(self._disk if wide else self._memory, lambda: search_table(table, [queries[at] for at in wide])),
        )
        answers = dict(zip(scoped + wide, from_blocks + from_table, strict=True))
        ordered = [answers[at] for at in range(len(queries))]
        applied = min(applied, self._applied(), key=lambda one: one.position)  # rows may have been lost meanwhile
        return VectorAnswer(applied, tuple(hits for hits, _ in ordered), tuple(cold for _, cold in ordered))

    async def statistics(self, queries: Sequence[VectorQuery]) -> StatisticsAnswer:
        """See `VectorStore.statistics`. A wide search goes to Milvus, which doesn't tell."""
        applied, blocks = self._applied(), self._blocks
        counted = await self._on(self._memory, lambda: [_count(blocks, query) for query in queries])
        return StatisticsAnswer(applied, tuple(one for one, _ in counted), tuple(cold for _, cold in counted))

    async def fill(self, block: Block) -> Applied:
        """See `VectorStore.fill`."""
        blocks = self._blocks
        await self._on(self._memory, lambda: blocks.fill(block))
        return self._applied()

    async def audit(self, after: str, until: str | None) -> AuditAnswer:
        """See `VectorStore.audit`. A block that differs from the table speaks for the memory."""
        applied = self._applied()
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
            held = await self._from_table(lambda table: table.read([row.change.memory_id for row in rows]))
            newer = {version.memory_id: version.live_from for version, _ in held}
            due = last_of_each(row for row in rows if not self._is_outdated(row, newer.get(row.change.memory_id, 0)))
            await self._write(due)
            await self._flush()
            await self._on(self._memory, lambda: self._blocks.drop(due))
        return self._applied()

    async def begin_rebuild(self) -> None:
        """See `VectorStore.begin_rebuild`."""
        async with self._rebuilding:
            await self._abandon_copy()
            table = self._table
            copying = await Copying.begin(lambda: self._open_copy(table))
            copying.begun_at, self._copying = self._position, copying

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
                    old, owner = await self._switch(copying, position)
            except RemoraError:
                await self._abandon_copy()
                raise
            await self._retire(old, owner)
        return self._applied()

    async def close(self) -> None:
        """Makes everything durable and lets go; a copy is given up. Twice is harmless."""
        async with self._rebuilding:
            await self._abandon_copy()
            async with self._writing:
                await self._close()

    async def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            await self._settle_flush()
            if (self._table.mark.position, self._table.mark.unerased) != (self._position, self._applied().unerased):
                await self._flush()
        finally:
            await self._on(self._disk, self._table.close)
            self._disk.shutdown()
            self._memory.shutdown()

    async def _take(self, batch: ChangeBatch) -> None:
        rows = rows_of(batch, self._position)
        last = [row for row in last_of_each(rows) if row.change.position >= self._ahead.get(row.change.memory_id, 0)]
        # The blocks may get ahead of the position when Milvus fails; they know their own, so a retry is harmless.
        blocks = self._blocks
        await asyncio.gather(self._write(last), self._on(self._memory, lambda: blocks.apply(rows, batch.until)))
        self._note_gone(last)
        if self._copying is not None and batch.until > self._position:
            self._copying.journal.note(rows, batch.until)
        self._position = max(self._position, batch.until)
        if self._ahead and self._position >= max(self._ahead.values()):
            self._ahead = {}

    async def _write(self, rows: Sequence[Row]) -> None:
        await self._from_table(lambda table: table.write(rows))
        self._unflushed_rows += len(rows)
        if self._table.keeps_erased:
            self._unerased = earliest(self._unerased, *purges(rows))

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
            found = await self._from_table(lambda table: table.ids(after, _AUDITED_AT_ONCE))
            ids = [one for one in found if until is None or one <= until]
            last = ids[-1] if len(ids) == _AUDITED_AT_ONCE else None
            held = await self._from_table(lambda table: table.read(ids))
            odd = await self._on(
                self._memory, lambda: odd_rows(self._blocks.loaded, held, after, until if last is None else last)
            )
        return await asyncio.to_thread(audit_rows, held, odd), last

    def _copy_under_way(self) -> Copying:
        if self._copying is None:
            raise Conflict("no rebuild of the vector index is under way; begin it again")
        return self._copying

    async def _abandon_copy(self) -> None:
        copying, self._copying = self._copying, None
        if copying is not None:
            await copying.abandon()

    async def _switch(self, copying: Copying, position: int) -> tuple[Table, ThreadPoolExecutor]:
        """Lets the copy take over, durably and then here. The table that is free now, and its thread."""
        await self._settle_flush()
        await copying.write(copying.journal.take(position))
        old, owner = self._table, self._disk
        reached = copying.journal.reached(position)
        unerased = copying.journal.unerased(position) if old.keeps_erased else 0
        kept = earliest(self._applied().unerased, unerased)  # until the old files are gone
        await self._on(owner, lambda: copying.table.take_over(old, reached, kept))
        self._table, self._disk, self._copying = copying.table, copying.owner, None
        self._ahead = copying.journal.ahead(reached)
        self._set_back()
        self._unerased, self._old_unerased = unerased, kept
        self._blocks = self._no_blocks()
        return old, owner

    async def _retire(self, old: Table, owner: ThreadPoolExecutor) -> None:
        """Removes the old table, once the searches that it still answers are done."""
        try:
            await self._on(owner, old.remove)
        except RemoraError as error:
            self._notice(f"the old vector files can't be removed: {error.message}")
            return
        finally:
            owner.shutdown(wait=False)
        self._old_unerased = 0
        async with self._writing:
            if self._table.mark.unerased != self._applied().unerased:
                await self._flush()

    async def _flush(self) -> None:
        """Makes everything durable, and waits for it."""
        await self._settle_flush()
        position, unerased = self._position, self._applied().unerased
        await self._from_table(lambda table: table.flush(position, unerased))

    async def _settle_flush(self) -> None:
        """Waits for the flush that is under way: none may write a mark after what comes now."""
        if self._flushing is not None:
            await asyncio.wait([self._flushing])

    def _flush_if_due(self) -> None:
        """Starts a flush behind the answer: unflushed rows cost a Lite search 45 microseconds each."""
        if self._unflushed_rows < self._flush_rows or self._flushing is not None or self._closed:
            return
        rows, self._unflushed_rows = self._unflushed_rows, 0
        table, position, unerased = self._table, self._position, self._applied().unerased
        self._flushing = self._on(self._disk, lambda: table.flush(position, unerased))
        self._flushing.add_done_callback(lambda flush: self._flushed(flush, rows))

    def _flushed(self, flush: asyncio.Future[None], rows: int) -> None:
        self._flushing = None
        if flush.cancelled() or (error := flush.exception()) is None:
            return
        if isinstance(error, LostRows):
            self._set_back()
        else:
            self._unflushed_rows += rows
        self._notice(f"flush failed: {error.message if isinstance(error, RemoraError) else error}")

    def _set_back(self) -> None:
        """Begins from what the table's mark says, as another incarnation."""
        self._incarnation = secrets.token_hex(8)
        self._position, self._unerased = self._table.mark.position, self._table.mark.unerased
        self._unflushed_rows = 0

    def _applied(self) -> Applied:
        return Applied(self._incarnation, self._position, earliest(self._unerased, self._old_unerased))

    def _no_blocks(self) -> Blocks:
        return Blocks(self._table.mark.dimensions, self._analyzer, self._block_bytes, self._position)

    def _notice(self, notice: str) -> None:
        _log.warning("vector index: %s", notice)
        if notice not in self.notices:
            self.notices = [*self.notices, notice][-_MOST_NOTICES:]

    async def _from_table(self, work: Callable[[Table], _T]) -> _T:
        table = self._table
        try:
            return await self._on(self._disk, lambda: work(table))
        except LostRows:
            self._set_back()
            raise

    def _on(self, owner: ThreadPoolExecutor, work: Callable[[], _T]) -> asyncio.Future[_T]:
        """Hands work out at once, not when it is awaited: what is replaced meanwhile still does what it was given."""
        return asyncio.get_running_loop().run_in_executor(owner, work)


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


def search_table(table: Table, queries: Sequence[VectorQuery]) -> list[Answer]:
    """Answers queries that no block answers."""
    return [(hits, None) for hits in table.search(queries)] if queries else []


def _count(blocks: Blocks, query: VectorQuery) -> tuple[KeywordStatistics | None, BlockKey | None]:
    """The statistics of the query's block, or its name when it is cold."""
    if query.block is None or query.text is None:
        return None, None
    block = blocks.get(query.block)
    return (None, query.block) if block is None else (block.statistics(query.text), None)
