"""The table that is written and searched: the thread that owns it, how far it has come, and when it is flushed."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from engine.concurrency import TaskSet
from engine.errors import RemoraError
from engine.types import Applied
from engine.vector.block import Row
from engine.vector.changes import earliest, purges
from engine.vector.lost_rows import LostRows
from engine.vector.table import Table

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

_MOST_NOTICES = 20


class TableInUse:
    """One table at a time, in its own thread.

    The position starts from the table's mark, which is never ahead of what is durable. When the table says that it has
    lost rows, the position goes back there, in a new incarnation.
    """

    def __init__(self, open_table: Callable[[], tuple[Table, list[str]]], flush_rows: int) -> None:
        """Opens the table and waits for it. Raises what `open_table` raises."""
        self._owner = ThreadPoolExecutor(1, "remora-milvus")
        try:
            self.table, notices = self._owner.submit(open_table).result()
        except BaseException:
            self._owner.shutdown()
            raise
        self.notices: list[str] = []
        for notice in notices:
            self._notice(notice)
        self._flush_rows = flush_rows
        self._flushing: asyncio.Future[None] | None = None
        self._closed = False
        self._unerased = self._replaced_unerased = self._unflushed_rows = 0
        self._tasks = TaskSet()
        self._begin()

    def applied(self) -> Applied:
        """Which life this is, how far it has come, and what its files may still hold, or those that it replaced."""
        return Applied(self.incarnation, self.position, earliest(self._unerased, self._replaced_unerased))

    def submit(self, work: Callable[[], _T]) -> asyncio.Future[_T]:
        """Hands work out to the table's thread, at once and not when it is awaited."""
        return asyncio.get_running_loop().run_in_executor(self._owner, work)

    async def ask(self, work: Callable[[Table], _T]) -> _T:
        """What the table answers."""
        table = self.table
        try:
            return await self.submit(lambda: work(table))
        except LostRows:
            self._begin()
            raise

    async def write(self, rows: Sequence[Row]) -> None:
        """Writes rows; the position stays."""
        await self.ask(lambda table: table.write(rows))
        self._unflushed_rows += len(rows)
        if self.table.keeps_erased:
            self._unerased = earliest(self._unerased, *purges(rows))

    async def flush(self) -> None:
        """Makes everything durable, and waits for it."""
        await self.settle()
        position, unerased = self.position, self.applied().unerased
        await self.ask(lambda table: table.flush(position, unerased))

    async def tell_mark(self) -> None:
        """Lets the mark say what is unerased, if it says something else."""
        if self.table.mark.unerased != self.applied().unerased:
            await self.flush()

    async def settle(self) -> None:
        """Waits for the flush that is under way: none may write a mark after what comes now."""
        if self._flushing is not None:
            await asyncio.wait([self._flushing])

    def flush_if_due(self) -> None:
        """Starts a flush behind the answer: unflushed rows cost a Lite search 45 microseconds each."""
        if self._unflushed_rows < self._flush_rows or self._flushing is not None or self._closed:
            return
        rows, self._unflushed_rows = self._unflushed_rows, 0
        table, position, unerased = self.table, self.position, self.applied().unerased
        self._flushing = self.submit(lambda: table.flush(position, unerased))
        self._flushing.add_done_callback(lambda flush: self._flushed(flush, rows))

    async def replace(self, copy: Table, owner: ThreadPoolExecutor, position: int, unerased: int) -> asyncio.Task[None]:
        """Lets a copy take over, durably and then here. The task removes the old table, once its searches are done."""
        old, retiring, kept = self.table, self._owner, earliest(self.applied().unerased, unerased)
        await self.submit(lambda: copy.take_over(old, position, kept))
        self.table, self._owner = copy, owner
        self._begin()
        self._unerased, self._replaced_unerased = unerased, kept
        return self._tasks.start(self._remove(old, retiring), name="removal of the old vector table")

    async def close(self) -> None:
        """Makes everything durable and lets go. Twice is harmless."""
        if self._closed:
            return
        self._closed = True
        try:
            await self.settle()
            if (self.table.mark.position, self.table.mark.unerased) != (self.position, self.applied().unerased):
                await self.flush()
        finally:
            await self.submit(self.table.close)
            self._owner.shutdown()

    async def _remove(self, old: Table, owner: ThreadPoolExecutor) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(owner, old.remove)
            self._replaced_unerased = 0
        except RemoraError as error:
            self._notice(f"the old vector files can't be removed: {error.message}")
        finally:
            owner.shutdown(wait=False)

    def _flushed(self, flush: asyncio.Future[None], rows: int) -> None:
        self._flushing = None
        if flush.cancelled() or (error := flush.exception()) is None:
            return
        if isinstance(error, LostRows):
            self._begin()
        else:
            self._unflushed_rows += rows
        self._notice(f"flush failed: {error.message if isinstance(error, RemoraError) else error}")

    def _begin(self) -> None:
        """Begins from what the table's mark says, as another incarnation."""
        self.incarnation = secrets.token_hex(8)
        self.position, self._unerased = self.table.mark.position, self.table.mark.unerased
        self._unflushed_rows = 0

    def _notice(self, notice: str) -> None:
        _log.warning("vector index: %s", notice)
        if notice not in self.notices:
            self.notices = [*self.notices, notice][-_MOST_NOTICES:]
