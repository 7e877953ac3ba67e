"""A language-model provider for tests: a real HTTP server of this process that answers by a script.

What it is asked stands in `asked`, in order. Requests beyond the script get the last answer again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

P = TypeVar("P", bound="Provider")


@dataclass(frozen=True)
class Reply:
    """One answer. `gate`: it is sent when this is set.

    `stream`: pieces of a stream, sent one by one; the one at a place in `gates` when that is set. `breaks`: the
    connection is cut after them.
    """

    text: str = "{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    finish: str = "stop"
    error: str = ""
    body: str | None = None
    gate: asyncio.Event | None = None
    stream: Sequence[bytes] | None = None
    gates: Mapping[int, asyncio.Event] = field(default_factory=dict)
    breaks: bool = False


Choice: TypeAlias = Callable[[dict[str, Any]], Reply]


class Provider:
    """What is asked, and what is answered next. `gone`: a client hung up before its answer's end.

    `choose` answers by what is asked, instead of in order.
    """

    def __init__(self, replies: Sequence[Reply], choose: Choice | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.came = asyncio.Event()
        self.gone = asyncio.Event()
        self.url = ""
        self.most = self._now = 0
        self._replies = list(replies)
        self._choose = choose

    def reply_to(self, asked: dict[str, Any]) -> Reply:
        """What `choose` says, else the next of the script; who knows better overrides it."""
        if self._choose is not None:
            return self._choose(asked)
        return self._replies[min(len(self.asked), len(self._replies)) - 1]

    async def complete(self, request: Request) -> Response:
        self.bodies.append(await request.body())
        self.asked.append(await request.json())
        self.headers.append(dict(request.headers))
        self.came.set()
        reply = self.reply_to(self.asked[-1])
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            if reply.gate is not None:
                await self._opened(reply.gate, request)
        finally:
            self._now -= 1
        if reply.stream is not None:
            return Streamed(self, reply)
        body = reply.body if reply.body is not None else json.dumps(_completion(reply))
        return Response(body, reply.status, {"content-type": "application/json", **reply.headers})

    async def _opened(self, gate: asyncio.Event, request: Request) -> None:
        going = asyncio.ensure_future(hung_up(request.receive))
        opening = asyncio.ensure_future(gate.wait())
        await asyncio.wait({going, opening}, return_when=asyncio.FIRST_COMPLETED)
        if going.done():
            self.gone.set()
        going.cancel()
        opening.cancel()

    async def models(self, request: Request) -> Response:
        name = request.path_params.get("name")
        self.headers.append(dict(request.headers))
        found = {"id": "org/scripted", "object": "model", "created": 1, "owned_by": "test"}
        if name is None:
            return Response(json.dumps({"object": "list", "data": [found]}), media_type="application/json")
        if name == found["id"]:
            return Response(json.dumps(found), media_type="application/json")
        return Response(json.dumps(_error(f"no {name}")), 404, media_type="application/json")


class Streamed(Response):
    """An answer in pieces, which notices when its client has gone."""

    def __init__(self, told: Provider, reply: Reply) -> None:
        super().__init__()
        self._told = told
        self._reply = reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.ensure_future(self._send(send))
        going = asyncio.ensure_future(hung_up(receive))
        await asyncio.wait({sending, going}, return_when=asyncio.FIRST_COMPLETED)
        if not sending.done():
            self._told.gone.set()
        sending.cancel()
        going.cancel()
        if not sending.cancelled() and sending.done():
            sending.result()

    async def _send(self, send: Send) -> None:
        told = {"content-type": "text/event-stream; charset=utf-8", **self._reply.headers}
        headers = [(name.encode(), value.encode()) for name, value in told.items()]
        await send({"type": "http.response.start", "status": self._reply.status, "headers": headers})
        for number, piece in enumerate(self._reply.stream or ()):
            if (gate := self._reply.gates.get(number)) is not None:
                await gate.wait()
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if self._reply.breaks:
            return  # without the end: the server cuts the connection
        await send({"type": "http.response.body", "body": b""})


async def hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def chunk(text: str | None = None, finish: str | None = None, **delta: Any) -> bytes:
    """An event of a stream, as OpenAI spells it."""
    said = delta if text is None else {"content": text, **delta}
    choice = {"index": 0, "delta": said, "finish_reason": finish}
    made = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "scripted", "choices": [choice]}
    return b"data: " + json.dumps(made, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "test", "code": None, "param": None}}


def _completion(reply: Reply) -> dict[str, Any]:
    if reply.status >= 400:
        return _error(reply.error or "no")
    message = {"role": "assistant", "content": reply.text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


@asynccontextmanager
async def served(app: ASGIApp, *, lifespan: bool = False) -> AsyncIterator[str]:
    """An application that listens on loopback; its address. With `lifespan` it is told of its end, and waited for."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="on" if lifespan else "off")
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit, server.force_exit = True, not lifespan
        await serving


@asynccontextmanager
async def provider(*replies: Reply, choose: Choice | None = None) -> AsyncIterator[Provider]:
    """A provider that listens on loopback."""
    async with listening(Provider(replies or (Reply(),), choose)) as one:
        yield one


@asynccontextmanager
async def listening(one: P) -> AsyncIterator[P]:
    """Lets a provider listen on loopback."""
    routes = [
        Route("/v1/chat/completions", one.complete, methods=["POST"]),
        Route("/v1/models", one.models),
        Route("/v1/models/{name:path}", one.models),
    ]
    async with served(Starlette(routes=routes)) as url:
        one.url = f"{url}/v1"
        yield one
