"""An accepted operation is RUNNING while it is worked on, and PENDING while it waits for a model or for its turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.embed.hashing import HashingEmbedder
from engine.errors import Unavailable
from engine.in_process import in_process
from engine.memory import Memory
from engine.ports import Encoded


class Model(HashingEmbedder):
    """Computes when `open` is set; until then it is busy, or says that it is `away`."""

    def __init__(self) -> None:
        super().__init__(384)
        self.open = asyncio.Event()
        self.asked = asyncio.Event()
        self.away = False
        self.broken = False

    async def encode(self, *args: Any, **kwargs: Any) -> Encoded:
        self.asked.set()
        if self.broken:
            raise KeyError("nobody thought of this")
        if self.away:
            raise Unavailable("the model is away")
        await self.open.wait()
        return await super().encode(*args, **kwargs)


class System:
    def __init__(self) -> None:
        self.model = Model()
        self.memory: Memory = in_process(embedder=self.model)

    async def accepted(self, text: str) -> str:
        """The id of an add that nobody waits for."""
        return str((await self.memory.add(text, user_id="ann", wait=False))["operation_id"])

    async def state(self, operation_id: str) -> str:
        return str((await self.memory.operation(operation_id))["status"])


@pytest.fixture
async def system() -> AsyncIterator[System]:
    one = System()
    await one.memory.start()
    yield one
    one.model.open.set()
    await one.memory.close()


async def test_it_runs_while_a_model_works_on_it_and_ends(system: System) -> None:
    first = await system.accepted("one fact")
    await system.model.asked.wait()

    assert await system.state(first) == "RUNNING"
    system.model.open.set()
    await system.memory.add("one fact", user_id="ann")
    assert await system.state(first) == "SUCCEEDED"


async def test_it_is_pending_while_the_model_is_away(system: System) -> None:
    system.model.away = True
    first = await system.accepted("one fact")
    await system.model.asked.wait()
    await asyncio.sleep(0)

    assert await system.state(first) == "PENDING"


async def test_one_behind_it_in_its_lane_waits_for_its_turn(system: System) -> None:
    first = await system.accepted("one fact")
    await system.model.asked.wait()
    known = (await system.memory.list(user_id="ann"))["count"]
    behind = asyncio.ensure_future(system.memory.delete_all(user_id="ann", idempotency_key="k"))
    while (listed := await system.memory.operations())["count"] < 2:
        await asyncio.sleep(0)

    assert known == 0
    assert {one["id"]: one["status"] for one in listed["results"]}[first] == "RUNNING"
    assert [one["status"] for one in listed["results"] if one["id"] != first] == ["PENDING"]
    system.model.open.set()
    assert (await behind)["count"] == 1


async def test_one_that_meets_a_bug_fails_and_is_not_open_for_ever(system: System) -> None:
    system.model.broken = True
    first = await system.accepted("one fact")
    await system.memory.delete_all(user_id="ann")

    found = await system.memory.operation(first)
    assert (found["status"], found["error"]["code"]) == ("FAILED", "invariant_violated")
    system.model.broken = False
    system.model.open.set()
    assert (await system.memory.retry(first))["status"] == "SUCCEEDED"
