"""A rebuild of a table: a copy beside the one in use, in a thread of its own, filled from the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from engine.errors import RemoraError
from engine.types import LiveRows
from engine.vector.block import Row
from engine.vector.changes import loaded
from engine.vector.journal import Journal
from engine.vector.table import Table


class Copying:
    """The copy, who owns it, and what has come in meanwhile."""

    def __init__(self, table: Table, owner: ThreadPoolExecutor) -> None:
        """Use `begin`. `begun_at`: the position of the table in use from which on changes are noted."""
        self.table = table
        self.owner = owner
        self.journal = Journal()
        self.begun_at = 0

    @staticmethod
    async def begin(open_copy: Callable[[], Table]) -> Copying:
        """An empty copy. Raises what `open_copy` raises."""
        owner = ThreadPoolExecutor(1, "remora-milvus-copy")
        try:
            table = await asyncio.get_running_loop().run_in_executor(owner, open_copy)
        except BaseException:
            owner.shutdown(wait=False)
            raise
        return Copying(table, owner)

    async def load(self, live: LiveRows) -> None:
        """Puts live versions in."""
        await self.write(loaded(live))
        self.journal.loaded(live.versions, self.begun_at)

    async def write(self, rows: Sequence[Row]) -> None:
        """Writes rows into the copy."""
        if rows:
            await asyncio.get_running_loop().run_in_executor(self.owner, self.table.write, rows)

    async def abandon(self) -> None:
        """Removes the copy; what can't be removed now is at the next rebuild or start."""
        try:
            await asyncio.get_running_loop().run_in_executor(self.owner, self.table.remove)
        except RemoraError:
            pass
        finally:
            self.owner.shutdown(wait=False)
