"""Looking after the indexes: compared with the ledger, and built anew from it."""

from __future__ import annotations

from typing import Unpack

from engine import requests
from engine.api import RebuildFields, VerifyFields
from engine.memory.verbs import Verbs
from engine.types import Json


class UpkeepVerbs(Verbs):
    """What operators ask; see `engine.upkeep`."""

    async def verify(self, **fields: Unpack[VerifyFields]) -> Json:
        """Compare a stretch of the ledger with both indexes; see `MemoryApi`."""
        request = requests.parse_verify(fields)
        _ = self._parts.writes.ownership
        async with self._parts.door.reading(request.call):
            return await self._parts.upkeep.verify(request.after, request.limit, repair=request.repair)

    async def rebuild(self, index: str, **fields: Unpack[RebuildFields]) -> Json:
        """Build an index anew while everything goes on; see `MemoryApi`."""
        name, start = requests.parse_rebuild(index, fields)
        _ = self._parts.writes.ownership
        return self._parts.upkeep.rebuild(name, start=start)
