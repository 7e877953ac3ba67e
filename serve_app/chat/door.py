"""The chat door of a process: what all its chats share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from starlette.datastructures import Headers
from starlette.responses import Response

from engine.api import MemoryApi
from engine.config import Settings
from engine.gate import Gate, Load, Room
from engine.types import Json
from serve_app.chat.passing import Parts, Passing
from serve_app.chat.request import parse_chat
from serve_app.chat.turns import Turns
from serve_app.chat.upstream import Upstream


class ChatDoor:
    """Answers chats by the language model's server, with memory.

    Args:
        settings: which server, and how much at once.
        clock: monotonic seconds.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        limits = settings.limits
        self.upstream = Upstream(settings.llm, settings.chat)
        self._settings = settings
        self._turns = Turns(settings.chat.turns, limits.pending_bytes, clock)
        self._gate = Gate("chats", Room(settings.chat.pending, limits.pending_bytes, 0), clock)
        self._parts = Parts(self.upstream, self._turns, settings)

    def admit(self, size_bytes: int) -> AbstractContextManager[None]:
        """A place for one chat; raises Overloaded where there is none. Chats take no places of other requests."""
        return self._gate.admit(Load(size_bytes))

    def answer(self, api: MemoryApi, body: Json, raw: bytes, headers: Headers) -> Response:
        """The answer to a chat, which is made while it is sent.

        Raises:
            InvalidInput: what it says of memory is wrong.
        """
        settings = self._settings
        request = parse_chat(body, raw, headers, self.upstream.model, settings.limits, settings.search)
        return Passing(self._parts, api, request, headers)

    def figures(self) -> Json:
        """What is under way, and what has become of what was said."""
        return {"gate": self._gate.figures(), "turns": self._turns.figures()}

    async def close(self) -> None:
        """Let go of connections, after what was said has had a moment to be remembered."""
        await self._turns.close()
        await self.upstream.close()
