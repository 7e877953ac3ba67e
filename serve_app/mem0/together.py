"""Many calls side by side: only so many at a time, and none begun after the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Protocol

from engine.errors import DeadlineExceeded, RemoraError
from engine.types import Json

AT_A_TIME = 32


class Call(Protocol):
    """One of the calls; `deadline_s`: how long it may wait."""

    def __call__(self, *, deadline_s: float) -> Awaitable[Json]: ...


async def together(calls: Mapping[str, Call], deadline_s: float) -> dict[str, Json | RemoraError]:
    """The answer or the error of each call, under its name and in their order. `deadline_s`: for all of them."""
    until = asyncio.get_running_loop().time() + deadline_s
    places = asyncio.Semaphore(AT_A_TIME)

    async def outcome(call: Call) -> Json | RemoraError:
        async with places:
            left_s = until - asyncio.get_running_loop().time()
            if left_s <= 0:
                return DeadlineExceeded("not begun: the deadline has passed. Send what is left again")
            try:
                return await call(deadline_s=left_s)
            except RemoraError as error:
                return error

    return dict(zip(calls, await asyncio.gather(*map(outcome, calls.values())), strict=True))
