"""Callers that go away cost no model time: over real HTTP, behind HAProxy, and through the handle."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from actors.handles import OrchestratorHandle
from actors.options import Part

Fault = Callable[..., AbstractAsyncContextManager[None]]
CALLERS = 10
"""Short questions of so many are let in whatever the pace."""
HELD_S = 4.0
"""How long the embedder takes over one text: less than the deadline after which searches do without it."""


async def counted(api: OrchestratorHandle) -> tuple[int, int, int]:
    """Questions that the embedder was sent so far, those that wait for it, and reads under way."""
    (shard,) = (await api.status())["shards"]
    queue = shard["queues"]["questions"]
    return queue["items"], queue["waiting"], shard["gates"]["reads"]["pending"]


async def until_complete(api: OrchestratorHandle) -> None:
    """Nothing is computed in the background: the next call of the embedder is that of a search."""
    async with asyncio.timeout(20):
        while (await api.status())["shards"][0]["signals"]["pending"]:
            await asyncio.sleep(0.02)


async def until_counted(api: OrchestratorHandle, true: Callable[[int, int, int], bool]) -> int:
    """The number of texts, once that is so."""
    async with asyncio.timeout(20):
        while not true(*(found := await counted(api))):
            await asyncio.sleep(0.02)
    return found[0]


def request_bytes(url: str, number: int) -> bytes:
    body = json.dumps({"query": f"question {number}", "user_id": "gone"}).encode()
    head = f"POST /v1/memories/search/ HTTP/1.1\r\nhost: {urlsplit(url).netloc}\r\ncontent-type: application/json\r\n"
    return head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body


@asynccontextmanager
async def sockets(url: str, count: int) -> AsyncIterator[list[asyncio.StreamWriter]]:
    """So many connections."""
    parts = urlsplit(url)
    opened = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(count)]
    try:
        yield [writer for _, writer in opened]
    finally:
        for _, writer in opened:
            writer.close()


@pytest.fixture
async def busy(api: OrchestratorHandle, fault: Fault) -> AsyncIterator[int]:
    """The embedder takes its time over one text, so that others wait for it; how many texts it has had with that."""
    await api.search("warm", user_id="gone")
    await until_complete(api)
    before = (await counted(api))[0]
    async with fault(Part.EMBEDDER, "encode", delay_s=HELD_S, times=1):
        first = asyncio.ensure_future(api.search("first", user_id="gone"))
        yield await until_counted(api, lambda texts, _waiting, _reads: texts > before)
        assert (await first)["results"] == []


async def test_http_clients_that_hang_up(http_url: str, api: OrchestratorHandle, busy: int) -> None:
    async with sockets(http_url, CALLERS) as writers:
        for number, writer in enumerate(writers):
            writer.write(request_bytes(http_url, number))
        await until_counted(api, lambda _texts, waiting, _reads: waiting == CALLERS)
    await until_counted(api, lambda _texts, _waiting, reads: reads == 1)
    await until_counted(api, lambda _texts, _waiting, reads: reads == 0)
    assert (await api.search("next", user_id="gone"))["results"] == []
    assert await until_counted(api, lambda _texts, waiting, _reads: waiting == 0) == busy + 1


async def test_calls_through_the_handle_that_are_cancelled_or_late(api: OrchestratorHandle, busy: int) -> None:
    calls: list[asyncio.Future[Any]] = [
        asyncio.ensure_future(api.search(f"question {number}", user_id="gone")) for number in range(CALLERS)
    ]
    late = asyncio.ensure_future(asyncio.wait_for(api.search("late", user_id="gone"), HELD_S / 4))
    await until_counted(api, lambda _texts, waiting, _reads: waiting == CALLERS + 1)
    for call in calls:
        call.cancel()
    await asyncio.wait([*calls, late])
    assert isinstance(late.exception(), TimeoutError)
    await until_counted(api, lambda _texts, _waiting, reads: reads == 1)
    await until_counted(api, lambda _texts, _waiting, reads: reads == 0)
    assert (await api.search("next", user_id="gone"))["results"] == []
    assert await until_counted(api, lambda _texts, waiting, _reads: waiting == 0) == busy + 1
