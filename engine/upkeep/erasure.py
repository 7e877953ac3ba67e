"""What makes an index be built anew unasked: its files hold what was purged, or it belongs to another ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from engine.index_feed import IndexFeed
from engine.upkeep.rebuild import Rebuild, RebuildState

PURGED = "its files held what was purged"
FOREIGN = "it was ahead of the ledger: it belonged to another one"

_LEAST_REST_S = 0.05
_LONGEST_REST_S = 60.0


class Erasure:
    """Watches one index. Purges that come while it is built anew are erased together by the next time.

    After each it rests as long as it took, so that at most half of the time goes into it.

    Args:
        feed: tells what the index's files may hold.
        rebuild: of that index.
        clock: monotonic seconds.
    """

    def __init__(self, feed: IndexFeed, rebuild: Rebuild, clock: Callable[[], float] = time.monotonic) -> None:
        self._feed = feed
        self._rebuild = rebuild
        self._clock = clock

    def due(self) -> str | None:
        """Why the index has to be built anew; None: it has not."""
        if self._feed.foreign:
            return FOREIGN
        return PURGED if self._feed.unerased else None

    async def watch(self) -> None:
        """Goes on until it is cancelled."""
        rest_s = _LEAST_REST_S
        while True:
            reason = self.due()
            if reason is None:
                await self._feed.news.wait()
                self._feed.news.clear()
                continue
            began_s = self._clock()
            self._rebuild.start(reason)
            failed = await self._rebuild.finished() is RebuildState.FAILED
            rest_s = rest_s * 2 if failed else max(_LEAST_REST_S, self._clock() - began_s)
            rest_s = min(_LONGEST_REST_S, rest_s)
            await asyncio.sleep(rest_s)
