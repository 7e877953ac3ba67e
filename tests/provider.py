"""A language-model provider for tests: a real HTTP server of this process that answers by a script.

What it is asked stands in `asked`, in order. Requests beyond the script get the last answer again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

P = TypeVar("P", bound="Provider")


@dataclass(frozen=True)
class Reply:
    """One answer. `gate`: it is sent when this is set."""

    text: str = "{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    finish: str = "stop"
    error: str = ""
    body: str | None = None
    gate: asyncio.Event | None = None


class Provider:
    """What is asked, and what is answered next."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self.asked: list[dict[str, Any]] = []
        self.came = asyncio.Event()
        self.url = ""
        self.most = self._now = 0
        self._replies = list(replies)

    def reply_to(self, _asked: dict[str, Any]) -> Reply:
        """The next of the script; who knows better looks at what is asked."""
        return self._replies[min(len(self.asked), len(self._replies)) - 1]

    async def complete(self, request: Request) -> Response:
        self.asked.append(await request.json())
        self.came.set()
        reply = self.reply_to(self.asked[-1])
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            if reply.gate is not None:
                await reply.gate.wait()
        finally:
            self._now -= 1
        body = reply.body if reply.body is not None else json.dumps(_completion(reply))
        return Response(body, reply.status, reply.headers, "application/json")


def _completion(reply: Reply) -> dict[str, Any]:
    if reply.status >= 400:
        return {"error": {"message": reply.error or "no", "type": "test", "code": None, "param": None}}
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
async def provider(*replies: Reply) -> AsyncIterator[Provider]:
    """A provider that listens on loopback."""
    async with listening(Provider(replies or (Reply(),))) as one:
        yield one


@asynccontextmanager
async def listening(one: P) -> AsyncIterator[P]:
    """Lets a provider listen on loopback."""
    app = Starlette(routes=[Route("/v1/chat/completions", one.complete, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    serving = asyncio.ensure_future(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0)
    one.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    try:
        yield one
    finally:
        server.should_exit = server.force_exit = True
        await serving
