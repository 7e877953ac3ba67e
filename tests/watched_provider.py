"""A scripted provider that sees how it is asked: with which headers, and who hangs up before the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import Response

from tests.provider import Provider, Reply, listening


class WatchedProvider(Provider):
    """`headers`: of each request. `hung_up`: set when a client has gone before its answer."""

    def __init__(self, replies: list[Reply]) -> None:
        super().__init__(replies)
        self.headers: list[dict[str, str]] = []
        self.hung_up = asyncio.Event()

    async def complete(self, request: Request) -> Response:
        self.headers.append(dict(request.headers))
        await request.body()
        answering = asyncio.ensure_future(super().complete(request))
        leaving = asyncio.ensure_future(_gone(request))
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            self.hung_up.set()
            answering.cancel()
            return Response(status_code=499)
        leaving.cancel()
        return answering.result()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


@asynccontextmanager
async def watched(*replies: Reply) -> AsyncIterator[WatchedProvider]:
    """One that listens on loopback."""
    async with listening(WatchedProvider(list(replies or (Reply(),)))) as one:
        yield one
