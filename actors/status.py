"""The status of a whole runtime: every shard and every actor asked side by side, briefly, and put together.

Works from any process that is connected to the Ray of the runtime, whatever of the runtime is down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ray.actor import ActorProxy

from actors.calls import Remote
from actors.options import VERSION, Address, Part, every_address
from engine.config import Settings
from engine.errors import RemoraError
from engine.sharding.merging import whole_status, worst
from engine.types import Json


class RuntimeStatus:
    """Asks what runs. Actors are looked up at the first question. `patience_s`: how long each may take to answer."""

    def __init__(self, settings: Settings, patience_s: float = 1.5) -> None:
        self._actors = [_Asked(address, patience_s) for address in every_address(settings)]

    async def whole(self) -> Json:
        """As `MemoryApi.status`; never fails: a part that doesn't answer is named with its error."""
        orchestrators = [actor for actor in self._actors if actor.address.part is Part.ORCHESTRATOR]
        asked = [*(one.shard() for one in orchestrators), *(one.describe() for one in self._actors)]
        answers = await asyncio.gather(*asked)
        return whole(answers[: len(orchestrators)], answers[len(orchestrators) :])


class _Asked:
    """One actor."""

    def __init__(self, address: Address, patience_s: float) -> None:
        self.address = address
        self._remote: Remote[Any] = Remote(address, patience_s)

    async def describe(self) -> Json:
        """What the actor says of itself."""
        address = self.address
        known = {"name": address.name, "part": str(address.part), "index": address.index}
        return await self._ask(lambda actor: actor.describe.remote(), known)

    async def shard(self) -> Json:
        """What an orchestrator says of its shard."""
        known = {"shard": self.address.index, "state": "unavailable"}
        return await self._ask(lambda actor: actor.shard_status.remote(), known)

    async def _ask(self, send: Callable[[ActorProxy[Any]], Awaitable[Json]], known: Json) -> Json:
        try:
            return {**known, **await self._remote.ask(send)}
        except RemoraError as error:
            return {**known, "ready": False, "error": str(error)}


def whole(shards: Sequence[Json], actors: Sequence[Json]) -> Json:
    """One status of what all parts say: as good as the worst shard, and degraded when an actor can't do its work."""
    of_shards = whole_status(shards)
    of_actors = ["ready" if actor.get("ready") else "degraded" for actor in actors]
    return {
        **of_shards,
        "state": worst([of_shards["state"], *of_actors]),
        "version": VERSION,
        "actors": list(actors),
    }
