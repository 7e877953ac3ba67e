"""Stored messages of all shards, read anew: each shard does its own, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Unpack

from engine import requests
from engine.api import ReinferFields
from engine.errors import InvalidInput, RemoraError
from engine.requests import ReinferRequest
from engine.sharding import merging, routing
from engine.sharding.verbs import Verbs
from engine.types import Json


class ReinferVerbs(Verbs):
    """A cursor says how far each shard is that isn't done: `<shard>:<cursor within the shard>`, with commas between."""

    async def reinfer(self, **fields: Unpack[ReinferFields]) -> Json:
        """Read a stretch of stored messages anew; see `MemoryApi`."""
        places = _places(fields.get("cursor"), self._parts.count)
        request = requests.parse_reinfer({**fields, "cursor": None}, self._parts.limits)
        if places is None:
            places = dict.fromkeys(self._meant(request))
        asked = [self._asked(shard, cursor, fields) for shard, cursor in places.items()]
        answers = dict(zip(places, await asyncio.gather(*asked), strict=True))
        failed = [one for one in answers.values() if isinstance(one, RemoraError)]
        if len(failed) == len(answers):
            raise failed[0]
        return merging.reinferred(answers, places, apply=request.apply)

    def _meant(self, request: ReinferRequest) -> list[int]:
        """The shards that may hold what is meant."""
        sole = routing.sole_shard(request.call.project, request.filter, self._parts.count)
        return [*range(self._parts.count)] if sole is None else [sole]

    async def _asked(self, shard: int, cursor: str | None, fields: ReinferFields) -> Json | RemoraError:
        """A shard's own stretch, or what went wrong there."""
        mine: ReinferFields = {**fields, "cursor": cursor}
        try:
            return await self._parts.shards[shard].reinfer(**mine)
        except InvalidInput:
            raise
        except RemoraError as error:
            return error


def _places(cursor: object, shards: int) -> Mapping[int, str | None] | None:
    """How far each shard is that isn't done; None: it begins.

    Raises:
        InvalidInput: that is no cursor.
    """
    if cursor is None:
        return None
    found: dict[int, str | None] = {}
    for part in cursor.split(",") if isinstance(cursor, str) else ():
        number, colon, within = part.partition(":")
        if not colon or number not in map(str, range(shards)):
            break
        found[int(number)] = within or None
    else:
        if found:
            return found
    raise InvalidInput("cursor should be the `next` of the answer before", {"field": "cursor"})
