"""Derived signals through the verbs: complete soon after an add, seen by searches; in this process and over actors."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.api import MemoryApi
from engine.in_process import in_process

PATIENCE_S = 60.0
LINES = [
    {"role": "user", "name": "Ann", "content": "Shall we meet in the harbour?"},
    {"role": "user", "name": "Bob", "content": "Yes, I bring the lamp"},
    {"role": "user", "name": "Ann", "content": "Then I bring the map"},
]


@pytest.fixture(params=["in process", "actors"])
async def memory(request: pytest.FixtureRequest) -> AsyncIterator[MemoryApi]:
    if request.param == "actors":
        yield request.getfixturevalue("api")
        return
    system = in_process()
    await system.start()
    yield system
    await system.close()


@pytest.fixture
def user() -> str:
    return f"user-{uuid.uuid4().hex}"


async def signals_of(memory: MemoryApi) -> dict[str, Any]:
    """As the status tells them. A system in this process is one shard, and tells what a runtime tells of each."""
    status = await memory.status()
    told: dict[str, Any] = status.get("shards", [status])[0]["signals"]
    return told


async def complete(memory: MemoryApi) -> dict[str, Any]:
    """The figures once nothing is pending; each look is a call, so nothing spins."""
    async with asyncio.timeout(PATIENCE_S):
        while (told := await signals_of(memory))["pending"]:
            await asyncio.sleep(0.02)
    return told


async def details(memory: MemoryApi, query: str, user: str) -> dict[str, dict[str, Any]]:
    """What explains the score of each memory, by its text."""
    found = await memory.search(query, user_id=user, explain=True, threshold=0)
    return {row["memory"]: row["score_details"] for row in found["results"]}


async def test_an_add_is_complete_soon_and_then_searches_use_it(memory: MemoryApi, user: str) -> None:
    before = (await complete(memory))["complete"]
    await memory.add(LINES, user_id=user, run_id=user)
    await details(memory, "the lamp", user)  # its block is in memory before the signals come
    told = await complete(memory)
    assert told["complete"] == before + len(LINES)
    assert told["lag_s"] == 0
    assert told["failures"] == 0
    explained = await details(memory, "the lamp", user)
    assert len(explained) == len(LINES)
    for one in explained.values():
        assert {"context", "tokens"} <= one["signals"].keys()
        assert one["pending"] == []


async def test_what_was_complete_stays_so_when_a_neighbour_goes(memory: MemoryApi, user: str) -> None:
    added = await memory.add(LINES, user_id=user)
    await complete(memory)
    await memory.purge(memory_id=added["results"][1]["id"])
    await complete(memory)
    explained = await details(memory, "the map of the harbour", user)
    assert explained.keys() == {LINES[0]["content"], LINES[2]["content"]}
    assert all({"context", "tokens"} <= one["signals"].keys() for one in explained.values())
    assert (await memory.verify())["problems"] == []
