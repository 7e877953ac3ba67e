"""A part of many adds, sent until a busy server has taken all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from remora.errors import Overloaded, RateLimited

if TYPE_CHECKING:
    from remora.http_api import HttpApi

_BUSY = frozenset({"overloaded", "rate_limited"})
_TRIES = 10


async def send(api: HttpApi, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers to a part. What a busy server refuses is sent again when it says so; its turn is later then."""
    answers: dict[int, dict[str, Any]] = {}
    waiting = list(range(len(items)))
    for turn in range(_TRIES):
        got = await _try(api, [items[at] for at in waiting])
        answers |= dict(zip(waiting, got, strict=True))
        waiting = [at for at in waiting if answers[at].get("error", {}).get("code") in _BUSY]
        if not waiting or turn == _TRIES - 1:
            break
        await asyncio.sleep(max(_pause_s(answers[at]["error"]) for at in waiting))
    return [answers[at] for at in range(len(items))]


async def _try(api: HttpApi, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    try:
        return await api.add_batch(items)
    except (Overloaded, RateLimited) as error:
        refusal = {"error": {"code": error.code, "message": error.message, "details": error.details}}
        return [refusal for _ in items]


def _pause_s(error: dict[str, Any]) -> float:
    pause_s = error.get("details", {}).get("retry_after_s", 1)
    return float(pause_s) if isinstance(pause_s, int | float) else 1.0
