"""The users' verbs over all shards: one shard where one can answer, else all of them and their answers put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from engine.api import MemoryApi
from engine.clock import now_us
from engine.concurrency import TaskSet
from engine.config import Settings
from engine.scatter import circuits_of
from engine.shard_api import ShardApi
from engine.sharding import merging
from engine.sharding.asking import or_error
from engine.sharding.graphs import GraphVerbs
from engine.sharding.lookups import LookupVerbs
from engine.sharding.operation_verbs import OperationVerbs
from engine.sharding.operations import OperationsOverShards
from engine.sharding.parts import Parts
from engine.sharding.reinfer import ReinferVerbs
from engine.sharding.searches import SearchVerbs
from engine.sharding.upkeep import UpkeepVerbs
from engine.sharding.writes import WriteVerbs


class Sharded(WriteVerbs, SearchVerbs, LookupVerbs, GraphVerbs, OperationVerbs, UpkeepVerbs, ReinferVerbs, MemoryApi):
    """One memory system of several shards. It keeps nothing but which shard does not answer a search: any process may
    have one, all answer the same.

    Args:
        own: the shard that is nearest; it does what any shard can do.
        shards: all of them, by number.
        settings: limits and deadlines.
        clock: now in microseconds UTC.
    """

    def __init__(
        self, own: int, shards: Sequence[ShardApi], settings: Settings, clock: Callable[[], int] = now_us
    ) -> None:
        self._tasks = TaskSet()
        super().__init__(
            Parts(
                own=own,
                shards=shards,
                settings=settings,
                clock=clock,
                circuits=circuits_of(len(shards), settings.search, settings.runtime.deadline_s, self._tasks),
                operations=OperationsOverShards(shards, settings.limits),
            )
        )

    async def close(self) -> None:
        """End what is under way; the shards stay open."""
        await self._tasks.close()

    async def status(self) -> dict[str, Any]:
        """What runs, and how far it is: every shard's own account."""
        accounts = await asyncio.gather(*[or_error(one.status()) for one in self._parts.shards])
        return merging.whole_status(accounts)
