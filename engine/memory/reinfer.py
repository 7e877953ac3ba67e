"""Stored messages, read anew for facts."""

from __future__ import annotations

from typing import Unpack

from engine import requests
from engine.api import ReinferFields
from engine.errors import Unavailable
from engine.memory.verbs import Verbs
from engine.types import Json


class ReinferVerbs(Verbs):
    """See `engine.reinference`."""

    async def reinfer(self, **fields: Unpack[ReinferFields]) -> Json:
        """Read a stretch of stored messages anew; see `MemoryApi`."""
        request = requests.parse_reinfer(fields, self._parts.limits)
        stretches = self._parts.reinference
        if stretches is None:
            raise Unavailable(
                "no language model is set: llm.base_url and llm.model (REMORA_LLM_BASE_URL, REMORA_LLM_MODEL) say "
                "where one is"
            )
        _ = self._parts.writes.ownership
        async with self._parts.door.reading(request.call):
            return await stretches.read(request, self._parts.door.deadline_s(request.call))
