"""What a write waits for once it is committed: the indexes, and after a purge the files that held the text."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from engine.errors import RemoraError
from engine.index_feed import IndexFeed
from engine.ledger_port import Ledger, Operation, OperationKind
from engine.operations import is_indexed


class IndexWaits:
    """Waits for the indexes on behalf of writes, and says which of them owe something.

    Args:
        ledger: asked for what its own files still hold.
        feeds: of the indexes that a write waits for.
        apply_deadline_s: how long a write waits for them.
    """

    def __init__(self, ledger: Ledger, feeds: Sequence[IndexFeed], *, apply_deadline_s: float) -> None:
        self._ledger = ledger
        self._feeds = feeds
        self._apply_deadline_s = apply_deadline_s

    async def wait(self, operation: Operation) -> None:
        """Wait for the indexes, side by side, but not for one that is late."""
        if is_indexed(operation):
            await asyncio.gather(*[self._index(feed, operation) for feed in self._feeds])

    def behind(self, operation: Operation) -> list[str]:
        """The names of the indexes that lack what the operation did, or may still hold what it has purged."""
        return [feed.name for feed in self._feeds if is_indexed(operation) and _is_behind(feed, operation)]

    async def ledger_owes(self, purge: Operation) -> bool:
        """Whether the ledger's own files may still hold what was purged: a long read kept it from writing them anew."""
        if not is_indexed(purge):
            return False
        try:
            return bool((await self._ledger.status()).get("unerased"))
        except RemoraError:
            return True

    async def _index(self, feed: IndexFeed, operation: Operation) -> None:
        position = _position(operation)
        if feed.position < position and feed.stalled_s > self._apply_deadline_s:
            # Others have waited in vain since it moved last.
            return
        if operation.kind is OperationKind.PURGE:
            # The caller's own deadline is the only one: files may have to be written anew.
            await feed.erased(position)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._apply_deadline_s):
                await feed.reached(position)


def _position(operation: Operation) -> int:
    position: int = (operation.result or {}).get("position", 0)
    return position


def _is_behind(feed: IndexFeed, operation: Operation) -> bool:
    """Whether the index lacks what the operation did, or a file of it may still hold what that has purged."""
    position = _position(operation)
    return feed.position < position or (operation.kind is OperationKind.PURGE and not feed.is_erased(position))
