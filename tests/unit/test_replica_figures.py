"""A replica counts what it answers."""

from __future__ import annotations

import asyncio
import time

import httpx
from starlette.types import Receive, Scope, Send

from engine.config import Settings
from engine.shares import Shares
from serve_app.chat import ChatDoor
from serve_app.figures import Counted, ReplicaFigures


class Application:
    """Answers with the status that the path names, when it may; `/none` raises."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.gate.wait()
        status = int(scope["path"].removeprefix("/").replace("none", "0"))
        if not status:
            raise ConnectionError
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def of_a_replica() -> ReplicaFigures:
    return ReplicaFigures(Shares("requests", 8, 1000, time.monotonic), ChatDoor(Settings(), time.monotonic))


def client_of(application: Application, figures: ReplicaFigures) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Counted(application, figures), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")


async def test_answers_are_counted_by_status() -> None:
    figures = of_a_replica()
    async with client_of(Application(), figures) as http:
        for path in ("/200", "/200", "/404", "/none"):
            await http.get(path)
    told = figures.figures()
    assert told["answers"] == {"200": 2, "404": 1, "0": 1}
    assert told["running"] == 0
    assert told["took_ms"]["count"] == 4
    assert told["rss_bytes"] > 0


async def test_a_request_runs_until_it_is_answered() -> None:
    application, figures = Application(), of_a_replica()
    application.gate.clear()
    async with client_of(application, figures) as http:
        asking = asyncio.ensure_future(http.get("/200"))
        while not figures.figures()["running"]:
            await asyncio.sleep(0)
        application.gate.set()
        await asking
    assert figures.figures()["running"] == 0
