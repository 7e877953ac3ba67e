"""Plays the story to a memory, chapter by chapter, and measures. Shows nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

from remora.demo.story import Story

if TYPE_CHECKING:
    from engine.api import MemoryApi

T = TypeVar("T")
Chapter = dict[str, Any]

_HITS = 3
_NEIGHBOURS = 5
_PATIENCE_S = 10.0
"""So long derived signals are waited for: on a server with other work they may never all be there."""
_LOOK_S = 0.05


async def play(api: MemoryApi, story: Story, user_id: str) -> AsyncIterator[Chapter]:
    """Tell the story and ask about it; each chapter says its kind, what came of it and how long it took (`ms`)."""
    messages = list(story.messages)
    added, ms = await _timed(api.add(messages, user_id=user_id))
    yield {"chapter": "added", "memories": len(added["results"]), "ms": ms}
    _, ms = await _timed(_signals(api))
    yield {"chapter": "signals", "ms": ms}
    for one in story.questions:
        found, ms = await _timed(api.search(one.question, user_id=user_id, top_k=_HITS, explain=True))
        yield {
            "chapter": "asked",
            "question": one.question,
            "shows": one.shows,
            "results": found["results"],
            "degraded": found.get("degraded", []),
            "ms": ms,
        }
    around, ms = await _timed(api.neighbours(story.name, user_id=user_id, limit=_NEIGHBOURS))
    yield {"chapter": "neighbours", "name": story.name, "answer": around, "ms": ms}
    source, target = story.way
    way, ms = await _timed(api.path(source, target, user_id=user_id))
    yield {"chapter": "path", "source": source, "target": target, "answer": way, "ms": ms}


async def _signals(api: MemoryApi) -> None:
    """Wait until nothing derived from memories is missing, or for as long as anybody would."""
    until_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until_s:
        status = await api.status()
        behind = [one.get("signals") or {} for one in status.get("shards", [status])]
        if not any(one.get("enabled", True) and one.get("pending") for one in behind):
            return
        await asyncio.sleep(_LOOK_S)


async def _timed(call: Awaitable[T]) -> tuple[T, float]:
    started = time.perf_counter()
    answer = await call
    return answer, round((time.perf_counter() - started) * 1000, 1)
