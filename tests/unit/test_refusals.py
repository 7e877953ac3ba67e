"""Whatever is full: over HTTP it is a 429 in the one shape of errors, with whole seconds to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from engine.batch_queue import BatchQueue
from engine.batches import Budget
from engine.config import Settings
from engine.errors import Overloaded
from engine.gate import Gate, Load, Room
from engine.ports import Priority
from engine.shares import Shares
from serve_app.application import create_app


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def too_many() -> None:
    gate = Gate("operations", Room(1, 1000, 1000), Clock())
    gate.enter()
    gate.enter()


async def too_many_bytes() -> None:
    gate = Gate("operations", Room(10, 1000, 1000), Clock())
    gate.enter(Load(size_bytes=900))
    gate.enter(Load(size_bytes=900))


async def too_many_tokens() -> None:
    gate = Gate("operations", Room(10, 1000, 1000), Clock())
    gate.enter(Load(tokens=900))
    gate.enter(Load(tokens=900))


async def too_slow() -> None:
    clock, load = Clock(), Load(tokens=100)
    gate = Gate("reads", Room(1000, 10**6, 10**6), clock, longest_s=1.0)
    for _ in range(50):
        gate.enter(load, waited=True)
        clock.now_s += 1.0
        gate.leave(load, waited=True)
    for _ in range(10):
        gate.enter(load, waited=True)


async def no_place() -> None:
    shares = Shares("requests", 1, 1000, Clock())
    with shares.admit(changing=True, size_bytes=1), shares.admit(changing=True, size_bytes=1):
        pass


async def full_queue() -> None:
    async def never(_items: list[str]) -> list[str]:
        await asyncio.Event().wait()
        return []

    queue = BatchQueue(never, name="embedder", max_items=1, capacity=8)
    try:
        for _ in range(10):
            queue.put("text", priority=Priority.ADD)
    finally:
        await queue.close()


async def spent_budget() -> None:
    budget = Budget(10)
    budget.spend(10)
    budget.check()


@pytest.mark.parametrize(
    "refuse", [too_many, too_many_bytes, too_many_tokens, too_slow, no_place, full_queue, spent_budget]
)
@pytest.mark.parametrize("path", ["/v1/memories/", "/v1/memories/search/"])
async def test_a_refusal_says_when_to_come_back(refuse: Callable[[], Awaitable[None]], path: str) -> None:
    class Full:
        async def add(self, _messages: Any, **_fields: Any) -> None:
            await refuse()

        async def search(self, _query: str, **_fields: Any) -> None:
            await refuse()

    with pytest.raises(Overloaded):
        await refuse()
    full: Any = Full()
    transport = httpx.ASGITransport(create_app(full, Settings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:
        reply = await http.post(path, json={"messages": "x", "query": "x", "user_id": "u"})
    body = reply.json()
    assert (reply.status_code, body["code"]) == (429, "overloaded"), body
    assert set(body) == {"detail", "error", "code", "details", "request_id"}
    assert reply.headers["retry-after"].isdigit()
    assert int(reply.headers["retry-after"]) >= 1
