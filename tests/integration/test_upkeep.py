"""Verification, rebuilds and erasure over actors: what they promise also when the actor concerned is killed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import pytest

from actors import runtime as runtimes
from actors.handles import OrchestratorHandle
from actors.options import Part
from actors.runtime import Runtime
from engine.types import Json, JsonList

Faults: TypeAlias = Callable[..., AbstractAsyncContextManager[None]]

CANARY = "Quaternionischa"
RESTART_S = 40.0


async def verified(api: OrchestratorHandle, **fields: Any) -> JsonList:
    """All differences that a whole verification finds."""
    found: JsonList = []
    cursor: str | None = None
    while True:
        answer = await api.verify(cursor=cursor, limit=500, **fields)
        assert answer["problems"] == []
        found += answer["differences"]
        cursor = answer["next"]
        if cursor is None:
            return found


async def built(api: OrchestratorHandle, index: str) -> Json:
    async with asyncio.timeout(RESTART_S):
        while (answer := await api.rebuild(index, start=False))["state"] == "RUNNING":
            await asyncio.sleep(0.1)
    return answer


async def pid_of(runtime: Runtime, name: str) -> int:
    actors = (await runtimes.status(runtime.settings))["actors"]
    return int(next(one["pid"] for one in actors if one["name"] == name))


@pytest.mark.parametrize(("index", "part"), [("vector", Part.VECTOR_STORE), ("graph", Part.GRAPH_STORE)])
async def test_a_rebuild_whose_actor_is_killed_midway_is_done_all_the_same(
    runtime: Runtime, api: OrchestratorHandle, fault: Faults, index: str, part: Part
) -> None:
    user = f"rebuilt-{index}"
    await api.add_batch([{"messages": f"thing {number}", "user_id": user} for number in range(50)])
    async with fault(part, "load", delay_s=60.0, times=1):
        begun = await api.rebuild(index)
        assert begun["state"] == "RUNNING"
        assert (await api.rebuild(index))["state"] == "RUNNING"
        found = await api.search("thing", user_id=user, top_k=100, threshold=0.0)
        assert (len(found["results"]), found["degraded"]) == (50, [])
        os.kill(await pid_of(runtime, f"{part.value}-0"), signal.SIGKILL)
        answer = await built(api, index)
    assert (answer["state"], answer["error"]) == ("DONE", None)
    assert answer["done"] == answer["total"] >= 50
    assert await verified(api) == []
    found = await api.search("thing", user_id=user, top_k=100, threshold=0.0)
    assert (len(found["results"]), found["degraded"]) == (50, [])


async def test_what_is_purged_is_in_no_file_of_the_runtime(runtime: Runtime, api: OrchestratorHandle) -> None:
    def held() -> list[str]:
        files = [path for path in runtime.settings.data_dir.rglob("*") if path.is_file()]
        return [path.name for path in files if CANARY.encode() in path.read_bytes()]

    fields: Any = {"user_id": "purged", "metadata": {"name": CANARY}, "idempotency_key": "canary"}
    added = await api.add(f"{CANARY} lives here", **fields)
    memory_id = added["results"][0]["id"]
    await api.update(memory_id, text=f"{CANARY} has moved")
    await api.search(CANARY, user_id="purged")
    assert held()
    purged = await api.purge(memory_id=memory_id)
    assert (purged["count"], purged["degraded"]) == (1, [])
    assert held() == []
    assert await verified(api) == []
