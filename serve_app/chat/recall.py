"""What is remembered of a chat's user, as a text for its prompt: in time, or not at all."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from engine.api import MemoryApi
from engine.config import ChatSettings
from engine.errors import RemoraError
from serve_app.chat.messages import query_of
from serve_app.chat.request import ChatRequest

_UNAVAILABLE = "unavailable"
_log = logging.getLogger("remora.http")


@dataclass(frozen=True, slots=True)
class Recalled:
    """`text` goes into the prompt, empty: nothing does. `count`: of how many memories; None: they couldn't be had."""

    text: str = ""
    count: int | None = 0

    @property
    def told(self) -> str:
        """As the answer's header tells it."""
        return _UNAVAILABLE if self.count is None else str(self.count)


async def recall(api: MemoryApi, request: ChatRequest, settings: ChatSettings) -> Recalled:
    """What is remembered; a memory that is away or slow costs no chat more than its deadline."""
    query = query_of(request.messages)
    if not query:
        return Recalled()
    try:
        async with asyncio.timeout(settings.memory_deadline_s):
            found = await api.context(
                query,
                tokens=settings.memory_tokens,
                deadline_s=settings.memory_deadline_s,
                **request.scope,
                **request.recalling,
            )
    except (RemoraError, TimeoutError) as error:
        _log.warning("a chat goes on without memories: %r", error)
        return Recalled(count=None)
    except Exception:  # noqa: BLE001 - whatever is wrong with the memory, the chat goes on
        _log.exception("a chat goes on without memories")
        return Recalled(count=None)
    if not found["memories"]:
        return Recalled()
    return Recalled(settings.template.replace("{memories}", found["context"]), len(found["memories"]))
