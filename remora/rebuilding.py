"""Building an index anew, until it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from remora.errors import Unavailable
from remora.patience import patiently
from remora.verification import Told

Json: TypeAlias = dict[str, Any]

RUNNING, DONE, FAILED, NONE = "RUNNING", "DONE", "FAILED", "NONE"

_LOOK_S = 0.5


async def rebuilt(
    rebuild: Callable[..., Awaitable[Json]],
    index: str,
    *,
    told: Told | None = None,
    look_s: float = _LOOK_S,
    **fields: Any,
) -> Json:
    """Begin a rebuild, or join the one that runs, and wait for its end.

    Args:
        rebuild: as `MemoryApi.rebuild`.
        index: `vector` or `graph`.
        told: is called with how many memories are done, of how many.
        look_s: how often it is looked at.
        fields: of each call.

    Returns:
        How it ended: DONE or FAILED.

    Raises:
        Unavailable: nobody tells any more how far it is, or it was cut short.
    """
    answer = await rebuild(index, **fields)
    while True:
        if told is not None:
            told(answer["done"], answer["total"])
        if answer["state"] == NONE:
            raise Unavailable(f"rebuilding the {index} index was cut short by a restart; begin again", {"index": index})
        if answer["state"] != RUNNING:
            return answer
        await asyncio.sleep(look_s)
        answer = await patiently(lambda: rebuild(index, start=False, **fields))


def reason(answer: Json) -> str:
    """Why a rebuild failed, as a text."""
    error = answer.get("error") or next((one["error"] for one in answer.get("shards", []) if one.get("error")), None)
    if isinstance(error, dict):
        return str(error.get("message", error))
    return str(error or "no reason is known")
