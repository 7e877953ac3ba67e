"""Looking after all shards: their indexes, and the ranking that each of them knows."""

from __future__ import annotations

from typing import Unpack

from engine.api import CallFields, RebuildFields, VerifyFields
from engine.sharding import merging
from engine.sharding.asking import every
from engine.sharding.verbs import Verbs
from engine.sharding.verifying import verify
from engine.types import Json


class UpkeepVerbs(Verbs):
    """What operators ask; every shard does it."""

    async def verify(self, **fields: Unpack[VerifyFields]) -> Json:
        """Compare a stretch of a ledger with its indexes; see `MemoryApi`."""
        return await verify(self._parts.shards, fields)

    async def rebuild(self, index: str, **fields: Unpack[RebuildFields]) -> Json:
        """Build an index anew in all shards, side by side; see `MemoryApi`."""
        return merging.rebuilt(index, await every(one.rebuild(index, **fields) for one in self._parts.shards))

    async def ranking(self, **fields: Unpack[CallFields]) -> Json:
        """What signals count in a project; see `MemoryApi`. Every shard knows it."""
        return await self._parts.nearest.ranking(**fields)

    async def set_ranking(self, weights: Json | None, **fields: Unpack[CallFields]) -> Json:
        """Let them count otherwise, in every shard; see `MemoryApi`. Sent again, it does what is left."""
        return (await every(one.set_ranking(weights, **fields) for one in self._parts.shards))[0]
