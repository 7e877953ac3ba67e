"""Calls that are made again while a part of the runtime is away for a moment, in work that takes many calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from remora.errors import DeadlineExceeded, Overloaded, RateLimited, RemoraError, Unavailable

T = TypeVar("T")

_PAUSE_S = 0.5
_MOST_S = 60.0


async def patiently(call: Callable[[], Awaitable[T]], *, pause_s: float = _PAUSE_S, most_s: float = _MOST_S) -> T:
    """What the call answers, within `most_s`; only for calls that may be made twice.

    Raises:
        RemoraError: it failed for another reason, or for too long.
    """
    loop = asyncio.get_running_loop()
    until_s = loop.time() + most_s
    while True:
        try:
            return await call()
        except (Unavailable, DeadlineExceeded, Overloaded, RateLimited) as error:
            wait_s = _wait_s(error, pause_s)
            if loop.time() + wait_s > until_s:
                raise
            await asyncio.sleep(wait_s)


def _wait_s(error: RemoraError, least_s: float) -> float:
    told = error.details.get("retry_after_s")
    return max(least_s, float(told)) if isinstance(told, int | float) and not isinstance(told, bool) else least_s
