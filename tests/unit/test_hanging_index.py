"""An index that hangs costs searches and writes one deadline, not one each; it is used again as soon as it answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine import graph
from engine.config import load
from engine.embed.hashing import HashingEmbedder
from engine.in_process import in_process
from engine.memory import Memory
from engine.vector.memory import InMemoryVectorStore
from tests.unit.test_degraded import Capitals

DIMENSIONS = 32
DEADLINE_S = 0.3
MANY = 40


class Hanging:
    """A port, or a model, whose calls don't come back while it hangs."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self.well = asyncio.Event()
        self.well.set()

    def __getattr__(self, method: str) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            await self.well.wait()
            return await getattr(self._port, method)(*args, **kwargs)

        return call


class System:
    def __init__(self) -> None:
        self.parts = {"vector": Hanging(InMemoryVectorStore(DIMENSIONS)), "graph": Hanging(graph.in_memory())}
        self.models = {"embedder": Hanging(HashingEmbedder(DIMENSIONS)), "extractor": Hanging(Capitals())}
        self.memory: Memory = in_process(
            load(runtime={"apply_deadline_s": DEADLINE_S}, search={"leg_deadline_s": DEADLINE_S}),
            embedder=self.models["embedder"],
            recogniser=self.models["extractor"],
            vector=self.parts["vector"],
            graph_=self.parts["graph"],
        )


@pytest.fixture
async def system() -> AsyncIterator[System]:
    made = System()
    await made.memory.start()
    yield made
    await made.memory.close()


LEGS = {"vector": ["dense", "keywords"], "graph": ["graph"]}


@pytest.mark.parametrize("index", ["vector", "graph"])
async def test_many_searches_over_an_index_that_hangs_cost_one_deadline(system: System, index: str) -> None:
    await system.memory.add("Berlin in May", user_id="u")
    system.parts[index].well.clear()
    began_s = time.monotonic()
    for _ in range(MANY):
        found = await system.memory.search("Berlin", user_id="u", threshold=0.0)
        assert found["degraded"] == LEGS[index]
        assert [one["memory"] for one in found["results"]] == ["Berlin in May"]
    assert time.monotonic() - began_s < DEADLINE_S * MANY / 4
    assert (await system.memory.status())["searches"]["left_alone"] == [index]
    system.parts[index].well.set()
    async with asyncio.timeout(10):
        while (await system.memory.search("Berlin", user_id="u"))["degraded"]:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("model", "leg"), [("embedder", "dense"), ("extractor", "graph")])
async def test_many_searches_with_a_model_that_hangs_cost_one_deadline(system: System, model: str, leg: str) -> None:
    await system.memory.add("Berlin in May", user_id="u")
    well = system.models[model].well
    well.clear()
    began_s = time.monotonic()
    for _ in range(MANY):
        found = await system.memory.search("Berlin", user_id="u", threshold=0.0)
        assert found["degraded"] == [leg]
        assert [one["memory"] for one in found["results"]] == ["Berlin in May"]
    assert time.monotonic() - began_s < DEADLINE_S * MANY / 4
    assert (await system.memory.status())["searches"]["left_alone"] == [model]
    well.set()
    async with asyncio.timeout(10):
        while (await system.memory.search("Berlin", user_id="u"))["degraded"]:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("index", ["vector", "graph"])
async def test_many_writes_over_an_index_that_hangs_cost_one_deadline(system: System, index: str) -> None:
    system.parts[index].well.clear()
    began_s = time.monotonic()
    for number in range(MANY):
        added = await system.memory.add(f"Berlin number {number}", user_id="u")
        assert (added["status"], added["degraded"]) == ("SUCCEEDED", [index])
    assert time.monotonic() - began_s < DEADLINE_S * MANY / 4
    system.parts[index].well.set()
    await system.memory.indexes_at(MANY)
    assert (await system.memory.add("Bonn", user_id="u"))["degraded"] == []


@pytest.mark.parametrize("index", ["vector", "graph"])
async def test_an_index_that_hangs_from_the_start_costs_one_deadline(index: str) -> None:
    system = System()
    system.parts[index].well.clear()
    await system.memory.start()
    await system.memory.add("Berlin in May", user_id="u")
    began_s = time.monotonic()
    for _ in range(MANY):
        assert (await system.memory.search("Berlin", user_id="u", threshold=0.0))["degraded"] == LEGS[index]
    assert time.monotonic() - began_s < DEADLINE_S * MANY / 4
    system.parts[index].well.set()
    await system.memory.indexes_at(1)
    assert (await system.memory.search("Berlin", user_id="u"))["degraded"] == []
    await system.memory.close()
