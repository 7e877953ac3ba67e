"""Mem0's paths over a memory system in this process, and what tests of them look at."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from engine.config import Settings
from engine.in_process import in_process
from engine.memory import Memory
from serve_app.application import create_app

KEY = "the-key"
NOBODY = "00000000-0000-8000-8000-000000000000"
SDK = {"X-Mem0-Client": "mem0-python/2.2.1", "Mem0-User-ID": "0123456789abcdef"}
"""What Mem0's clients send with every request."""


@asynccontextmanager
async def memory_system() -> AsyncIterator[Memory]:
    memory = in_process()
    await memory.start()
    yield memory
    await memory.close()


def client_of(app: FastAPI, **headers: str) -> httpx.AsyncClient:
    """Asks as Mem0's clients do; `headers` are sent instead of theirs."""
    sent = {"authorization": f"Token {KEY}", **(headers or SDK)}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mem0.test", headers=sent)


@asynccontextmanager
async def opened() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a new memory system with nothing in it."""
    async with memory_system() as memory, client_of(app_of(memory)) as http:
        yield http


def app_of(memory: Any) -> FastAPI:
    """The application over a memory system. It is one and the same: declaring the routes takes longer than a test."""
    app = _app()
    app.state.api = memory
    return app


@functools.cache
def _app() -> FastAPI:
    unset: Any = None
    return create_app(unset, Settings(admin_key=SecretStr(KEY)))


async def added(http: httpx.AsyncClient, *texts: str, **fields: Any) -> list[str]:
    """The ids of what was kept of these texts."""
    body = {"messages": [{"role": "user", "content": text} for text in texts], "infer": False, **fields}
    reply = await http.post("/v3/memories/add/", json=body)
    assert reply.status_code == 200, reply.text
    return [row["id"] for row in reply.json()["results"]]


async def listed(http: httpx.AsyncClient, **filters: Any) -> list[str]:
    """The texts of what a filter selects, in alphabetical order."""
    reply = await http.post("/v3/memories/", json={"filters": filters, "page_size": 200})
    assert reply.status_code == 200, reply.text
    return sorted(memory["memory"] for memory in reply.json()["results"])


def assert_refused(reply: httpx.Response, status: int = 400, says: str = "") -> None:
    """An error that Mem0's clients can show."""
    body = reply.json()
    assert reply.status_code == status, reply.text
    assert isinstance(body["detail"], str)
    assert body["detail"] == body["error"] != ""
    assert says in body["detail"]
