"""One chat: memories in, the answer through as it comes, and what was said to the memory before its end is told."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import httpx
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from engine.api import MemoryApi
from engine.concurrency import TaskSet
from engine.config import Settings
from engine.types import Json
from serve_app.chat.events import EventStream
from serve_app.chat.messages import new_in, said_by
from serve_app.chat.recall import Recalled, recall
from serve_app.chat.request import ChatRequest
from serve_app.chat.said import Said, Unpacked
from serve_app.chat.turns import Turn, Turns, new_name
from serve_app.chat.upstream import Upstream, answer_headers, pieces, whole
from serve_app.errors import UpstreamLate, UpstreamUnavailable

_EVENTS = "text/event-stream"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Parts:
    """What every chat of a process works with."""

    upstream: Upstream
    turns: Turns
    settings: Settings

    @property
    def silent_s(self) -> float:
        """How long the model may say nothing."""
        return self.settings.chat.upstream_deadline_s


class Passing(Response):
    """The answer to one chat, made while it is sent.

    A client that goes away ends the call to the language model. Whatever the end: what was said until then is
    remembered, once the model has begun to answer.

    Args:
        parts: of the door.
        api: the memory.
        request: the chat.
        headers: of the client.
    """

    def __init__(self, parts: Parts, api: MemoryApi, request: ChatRequest, headers: Headers) -> None:
        super().__init__()
        self._parts = parts
        self._api = api
        self._request = request
        self._client_headers = headers
        self._began_s = time.time()
        self._name = new_name()
        self._said = Said()
        self._answered = self._handed_over = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; ends early when the client goes away."""
        tasks = TaskSet()
        answering = tasks.start(self._answer(send), name="chat")
        going = tasks.start(_gone(receive), name="client of a chat")
        try:
            await asyncio.wait({answering, going}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
        finally:
            try:
                await tasks.close()
            finally:
                self._hand_over()

    async def _answer(self, send: Send) -> None:
        recalled = await self._recalled()
        body = self._request.encoded("" if recalled is None else recalled.text)
        async with self._parts.upstream.asked(body, self._client_headers) as response:
            self._answered = response.is_success
            headers = answer_headers(response)
            if recalled is not None:
                headers.append((b"x-remora-memories", recalled.told.encode()))
            if self._is_stream(response):
                await self._stream(response, headers, send)
            else:
                await self._whole(response, headers, send)

    async def _recalled(self) -> Recalled | None:
        if not self._request.scope:
            return None
        return await recall(self._api, self._request, self._parts.settings)

    def _is_stream(self, response: httpx.Response) -> bool:
        kind = response.headers.get("content-type", "").lower()
        return response.is_success and (kind.startswith(_EVENTS) or (self._request.streams and _JSON not in kind))

    async def _whole(self, response: httpx.Response, headers: list[tuple[bytes, bytes]], send: Send) -> None:
        body = await whole(response, self._parts.silent_s)
        self._said.read(Unpacked(response.headers.get("content-encoding", ""))(body))
        task = self._hand_over()
        await self._parts.turns.accepted(task)
        headers += [(b"content-length", str(len(body)).encode()), *(self._named() if task is not None else ())]
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _stream(self, response: httpx.Response, headers: list[tuple[bytes, bytes]], send: Send) -> None:
        """Each piece as it comes; only the last event waits until what was said is safe."""
        headers += self._named() if self._request.scope else ()
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        unpacked, events = Unpacked(response.headers.get("content-encoding", "")), EventStream()
        try:
            async for piece in pieces(response, self._parts.silent_s):
                fed = events.feed(unpacked(piece))
                self._said.hear(fed.events)
                held = fed.last_at if unpacked.is_plain else None
                if held is None:
                    await self._send_on(send, piece)
                    continue
                await self._send_on(send, piece[:held])
                await self._parts.turns.accepted(self._hand_over())
                await self._send_on(send, piece[held:])
        finally:
            self._said.hear(events.end())
        _check_whole(response, ended=self._handed_over or self._said.has_ended)
        await self._parts.turns.accepted(self._hand_over())
        await send({"type": "http.response.body", "body": b""})

    def _named(self) -> list[tuple[bytes, bytes]]:
        return [(b"x-remora-operation", self._name.encode())]

    async def _send_on(self, send: Send, piece: bytes) -> None:
        """Raises UpstreamLate: the client has taken nothing for as long as the model may be silent."""
        if not piece:
            return
        try:
            async with asyncio.timeout(self._parts.silent_s):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError as error:
            raise UpstreamLate("the client doesn't take its answer") from error

    def _hand_over(self) -> asyncio.Task[None] | None:
        """Give what was said to the memory, once; None: there is nothing, or it has been done."""
        if self._handed_over or not self._answered or not self._request.scope:
            return None
        self._handed_over = True
        messages = self._turn()
        if not messages:
            return None
        fields = {**self._request.scope, **self._request.remembering, "timestamp": self._began_s}
        return self._parts.turns.begin(self._api, Turn(self._name, messages, fields))

    def _turn(self) -> list[Json]:
        limits = self._parts.settings.limits
        asked = new_in(self._request.messages, message_chars=limits.message_chars, name_chars=limits.id_chars)
        answered = said_by("assistant", self._said.text, limits.message_chars)
        # The question was before the answer: in a prompt, what was said stands in the order of its times.
        return [*asked, *({**one, "timestamp": time.time()} for one in answered)][: limits.messages]


async def _gone(receive: Receive) -> None:
    """Returns when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _check_whole(response: httpx.Response, *, ended: bool) -> None:
    """A stream whose end only its connection tells has broken off if it didn't say that it is over.

    Raises:
        UpstreamUnavailable: it did.
    """
    framed = "transfer-encoding" in response.headers or "content-length" in response.headers
    if not framed and not ended:
        raise UpstreamUnavailable("the language model's answer broke off")
