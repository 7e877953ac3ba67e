"""A shard as the other orchestrators see it: its own verbs behind its orchestrator."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from actors.line import Line, most_calls, patience
from actors.options import Part, addresses
from actors.verbs import SHARD_PREFIX, ShardVerbs, named
from engine.config import Settings
from engine.types import Json

_MARGIN_S = 1.0
"""Less than what a client waits for its orchestrator, so that the orchestrator can still say which shard is late."""


class ShardHandle(ShardVerbs):
    """Another orchestrator's shard. While that one restarts, calls wait within their deadline.

    Every call may reach it twice: a write without an idempotency key is given one here.
    """

    def __init__(self, settings: Settings, shard: int) -> None:
        self._deadline_s = settings.runtime.deadline_s
        address = addresses(settings, shard)[Part.ORCHESTRATOR]
        self._line = Line(address, self._deadline_s, most=most_calls(settings), door="peer_exchange")

    async def _read(self, verb: str, args: tuple[Any, ...], fields: Json) -> Any:
        deadline_s = patience(fields, self._deadline_s, _MARGIN_S)
        return await self._line.call(f"{SHARD_PREFIX}{verb}", args, fields, deadline_s=deadline_s)

    async def _write(self, verb: str, args: tuple[Any, ...], fields: Json) -> Any:
        return await self._read(verb, args, named(fields))


class OwnShard(ShardVerbs):
    """An orchestrator's own shard. `perform`: does a verb of it, by name."""

    def __init__(self, perform: Callable[[str, tuple[Any, ...], Json], Awaitable[Any]]) -> None:
        self._perform = perform

    async def _read(self, verb: str, args: tuple[Any, ...], fields: Json) -> Any:
        return await self._perform(verb, args, fields)
