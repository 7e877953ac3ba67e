"""The door of a shard: how many reads come in, and how long a request may take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from engine import requests
from engine.api import CallFields
from engine.batches import each, time_left
from engine.errors import DeadlineExceeded
from engine.gate import NOTHING, Gate, Load
from engine.memory.calls import read_call
from engine.requests import Call
from engine.types import Json, JsonList


class Door:
    """Lets reads in and gives every request its time.

    Args:
        reads: bounds the reads under way.
        deadline_s: nobody is kept waiting longer.
    """

    def __init__(self, reads: Gate, deadline_s: float) -> None:
        self.reads = reads
        self._longest_s = deadline_s

    def deadline_s(self, call: Call) -> float:
        """How long the caller waits at most."""
        return min(call.deadline_s or self._longest_s, self._longest_s)

    def within(self, call: Call) -> Within:
        """Ends what takes longer than the caller waits."""
        return Within(self.deadline_s(call))

    @asynccontextmanager
    async def reading(self, call: Call, load: Load = NOTHING, *, waited: bool = False) -> AsyncIterator[None]:
        """A read: counted among those under way, and within its caller's deadline. `waited`: see `Gate.enter`.

        Raises:
            Overloaded: there is no room.
            DeadlineExceeded: it took too long.
        """
        with self.reads.admit(load, waited=waited):
            async with self.within(call):
                yield

    async def batch(
        self,
        items: Sequence[Json],
        name: str,
        fields: CallFields,
        perform: Callable[[Any, Json], Awaitable[Json]],
        *,
        at_once: int,
    ) -> JsonList:
        """The outcome of each item; `name` is its own argument, the rest are fields. One deadline holds for all."""
        call = read_call(fields)
        until_s = time.monotonic() + self.deadline_s(call)

        async def one(item: Json) -> Json:
            own, rest = requests.parse_item(item, name)
            deadline_s = time_left(rest.get("deadline_s"), until_s - time.monotonic())
            return await perform(own, {**rest, "project": call.project, "deadline_s": deadline_s})

        return await each(items, one, at_once=at_once)


class Within:
    """`asyncio.timeout` that says what ran out."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._timeout = asyncio.timeout(deadline_s)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise DeadlineExceeded(f"no answer within {self._deadline_s} s", {"deadline_s": self._deadline_s}) from None
