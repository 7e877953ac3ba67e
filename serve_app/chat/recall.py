"""What is remembered of a chat's user, as a text for its prompt: in time, or not at all."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.api import MemoryApi
from engine.config import Settings
from engine.context.answer import Parts, context_answer
from engine.context.request import parse_context
from engine.errors import RemoraError
from engine.types import Json, MemoryVersion
from serve_app.chat.messages import query_of
from serve_app.chat.request import ChatRequest

_UNAVAILABLE = "unavailable"
_CHARS_A_TOKEN = 4
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


async def recall(api: MemoryApi, request: ChatRequest, settings: Settings) -> Recalled:
    """What is remembered; a memory that is away or slow costs no chat more than its deadline."""
    query = query_of(request.messages)
    if not query:
        return Recalled()
    try:
        async with asyncio.timeout(settings.chat.memory_deadline_s):
            found = await _context(api, query, request, settings)
    except (RemoraError, TimeoutError) as error:
        _log.warning("a chat goes on without memories: %r", error)
        return Recalled(count=None)
    except Exception:  # noqa: BLE001 - whatever is wrong with the memory, the chat goes on
        _log.exception("a chat goes on without memories")
        return Recalled(count=None)
    if not found["memories"]:
        return Recalled()
    return Recalled(settings.chat.template.replace("{memories}", found["context"]), len(found["memories"]))


async def _context(api: MemoryApi, query: str, request: ChatRequest, settings: Settings) -> Json:
    """As `MemoryApi.context` answers, by a single question to the memory: somebody waits for the first word."""
    chat = settings.chat
    fields = {"top_k": chat.top_k, **request.scope, **request.recalling, "deadline_s": chat.memory_deadline_s}
    asked = parse_context(query, {**fields, "tokens": chat.memory_tokens}, settings.limits, settings.search)
    parts = Parts(
        search=lambda given: api.search(query, **given),
        versions=_unknown,
        count=estimated,
        deadline_s=chat.memory_deadline_s,
    )
    return await context_answer(asked, parts)


async def estimated(texts: Sequence[str]) -> list[int]:
    """About how many tokens each text has for a language model, rather too many: every model counts otherwise."""
    return [math.ceil(_plain(text) / _CHARS_A_TOKEN) + len(text) - _plain(text) for text in texts]


def _plain(text: str) -> int:
    return len(text.encode("ascii", "ignore"))


async def _unknown(memory_ids: Sequence[str]) -> list[MemoryVersion | None]:
    """What was said at the same time stands by its score: to tell more would be another question."""
    return [None] * len(memory_ids)
