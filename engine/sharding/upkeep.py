"""Looking after all shards: their indexes, and what each of them knows of a project's wishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from engine import ids, requests
from engine.api import CallFields, PreviewFields, RebuildFields, VerifyFields
from engine.sharding import merging, routing
from engine.sharding.asking import every
from engine.sharding.verbs import Verbs
from engine.sharding.verifying import verify
from engine.types import Json


class UpkeepVerbs(Verbs):
    """What operators ask."""

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

    async def inference(self, **fields: Unpack[CallFields]) -> Json:
        """What a project wants of its facts; see `MemoryApi`. Every shard knows it."""
        return await self._parts.nearest.inference(**fields)

    async def set_inference(self, inference: Json | None, **fields: Unpack[CallFields]) -> Json:
        """Want something else of them, in every shard; see `MemoryApi`. Sent again, it does what is left."""
        return (await every(one.set_inference(inference, **fields) for one in self._parts.shards))[0]

    async def preview(self, messages: str | Json | Sequence[Json], **fields: Unpack[PreviewFields]) -> Json:
        """What an add would store; see `MemoryApi`. Asked of the shard that would have it."""
        request = requests.parse_preview(messages, fields, self._parts.limits)
        shard = routing.home_of(ids.routing_key(request.call.project, request.scope), self._parts.count)
        return await self._parts.shards[shard].preview(messages, **fields)
