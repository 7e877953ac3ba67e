"""A language model that thinks for a while, as a process of its own: `python bench/slow_model.py PORT MILLISECONDS`.

OpenAI's chat, streamed: silence for so long, then a short answer at once.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

_WORDS = ("That ", "was ", "last ", "week.")


def application(think_s: float) -> Starlette:
    """The server."""

    async def chat(_request: Request) -> StreamingResponse:
        await asyncio.sleep(think_s)
        return StreamingResponse(_said(), media_type="text/event-stream")

    return Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])


async def _said() -> AsyncIterator[bytes]:
    for word in _WORDS:
        choice = {"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None}
        yield f"data: {json.dumps({'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n".encode()
    yield b"data: [DONE]\n\n"


if __name__ == "__main__":
    uvicorn.run(
        application(float(sys.argv[2]) / 1000),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        lifespan="off",
    )
