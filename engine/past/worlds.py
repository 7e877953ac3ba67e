"""The earlier states that were asked for lately. Made one after another, kept for seconds, forgotten after a purge."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from engine.alias_book import AliasBook
from engine.as_of import Moment
from engine.concurrency import TaskSet
from engine.config import Settings
from engine.ledger_port import Known, Ledger
from engine.models import Models
from engine.past.world import MOST_ROWS, Parts, World, made
from engine.search_legs import SearchLegs
from engine.search_path import SearchPath
from engine.text.analyzer import Analyzer
from engine.types import BlockKey, ChangeBatch, EventKind

_KEPT_S = 10.0
_GRACE_S = 0.1
_MOST_WORLDS = 8

Key: TypeAlias = tuple[str, BlockKey | None, Moment]


@dataclass(slots=True)
class _Kept:
    """A state, how many use it now, and until when others may."""

    world: World
    until_s: float
    users: int = 0
    dropped: bool = False


class Worlds:
    """Earlier states of a shard, by project, block and moment.

    Args:
        ledger: the versions.
        models: for signals that were other ones then.
        settings: as for the present.
        aliases: names that mean the same, as of now.
        searches: makes what searches, over given indexes.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        models: Models,
        settings: Settings,
        aliases: AliasBook,
        searches: Callable[[Known, SearchLegs], SearchPath],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="past")
        analyzer = Analyzer(settings.vector.language)
        self._parts = Parts(ledger, models, settings, aliases, searches, analyzer, self._worker)
        self._clock = clock
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._making = asyncio.Lock()
        self._tasks = TaskSet()
        self._purges = 0

    async def close(self) -> None:
        """Forget everything."""
        kept = [*self._kept.values()]
        self._kept.clear()
        await asyncio.gather(*[one.world.close() for one in kept])
        await self._tasks.close()
        await asyncio.to_thread(self._worker.shutdown)

    def offer(self, batch: ChangeBatch) -> None:
        """Changes that were just committed: what a purge erased is in no earlier state any more."""
        if any(change.kind is EventKind.PURGE for change in batch.changes):
            self._purges += 1
            self._drop(list(self._kept))

    @asynccontextmanager
    async def at(self, project: str, block: BlockKey | None, moment: Moment) -> AsyncIterator[World]:
        """The state of then, as far as questions about a block need it.

        Raises:
            TooLarge: it has too many memories to look through.
        """
        # A user's memories are all that has to do with them; those of an agent share graphs with others.
        key = (project, block if block is not None and block.field == "user_id" else None, moment)
        kept = await self._get(key)
        kept.users += 1
        try:
            yield kept.world
        finally:
            kept.users -= 1
            if kept.dropped and not kept.users:
                self._end(kept)

    async def _get(self, key: Key) -> _Kept:
        if (kept := self._fresh(key)) is not None:
            return kept
        # One at a time: each may be large, and whoever waits may find here what the one before has made.
        async with self._making:
            if (kept := self._fresh(key)) is not None:
                return kept
            purges = self._purges
            kept = _Kept(await made(self._parts, *key), self._clock() + _KEPT_S)
            if purges == self._purges:
                self._keep(key, kept)
            else:  # a purge came between: it answers this question, as one that had begun before
                kept.dropped = True
            return kept

    def _fresh(self, key: Key) -> _Kept | None:
        self._drop_old()
        if (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
        return kept

    def _drop_old(self) -> None:
        now_s = self._clock()
        self._drop([one for one, kept in self._kept.items() if kept.until_s < now_s])

    def _keep(self, key: Key, kept: _Kept) -> None:
        self._kept[key] = kept
        asyncio.get_running_loop().call_later(_KEPT_S + _GRACE_S, self._drop_old)
        rows = sum(one.world.rows for one in self._kept.values())
        for oldest in list(self._kept)[:-1]:
            if len(self._kept) <= _MOST_WORLDS and rows <= MOST_ROWS:
                break
            rows -= self._kept[oldest].world.rows
            self._drop([oldest])

    def _drop(self, keys: list[Key]) -> None:
        for key in keys:
            kept = self._kept.pop(key)
            kept.dropped = True
            if not kept.users:
                self._end(kept)

    def _end(self, kept: _Kept) -> None:
        self._tasks.start(kept.world.close(), name="end of an earlier state")
