"""What runs beside what: both applies at once, many requests in few batches, nobody waits for somebody else's call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import pytest

from actors.handles import OrchestratorHandle
from actors.options import Part
from engine.types import Json

Faults: TypeAlias = Callable[..., AbstractAsyncContextManager[None]]

DELAY_S = 0.3


async def add(api: OrchestratorHandle, text: str, user: str) -> Json:
    return await api.add([{"role": "user", "content": text}], user_id=user)


@pytest.fixture
async def warm(api: OrchestratorHandle) -> OrchestratorHandle:
    """The runtime after its first add: later ones are not slowed by first times."""
    await add(api, "The first of all.", "warm")
    return api


async def test_both_indexes_take_an_add_in_at_the_same_time(warm: OrchestratorHandle, fault: Faults) -> None:
    took = []
    async with fault(Part.VECTOR_STORE, "apply", delay_s=DELAY_S), fault(Part.GRAPH_STORE, "apply", delay_s=DELAY_S):
        for number in range(5):
            before = time.perf_counter()
            added = await add(warm, f"Lamp {number} is green.", "side-by-side")
            took.append(time.perf_counter() - before)
            assert added["degraded"] == []

    # The fastest of them: one after the other, no add could take less than both delays. The others measure the machine.
    assert DELAY_S <= min(took) < 2 * DELAY_S


async def test_many_adds_at_once_share_model_calls_and_transactions(warm: OrchestratorHandle) -> None:
    before = (await warm.status())["shards"][0]
    await asyncio.gather(*(add(warm, f"Note number {n} of many.", f"many-{n % 8}") for n in range(64)))
    after = (await warm.status())["shards"][0]

    assert after["embedder"]["texts"] - before["embedder"]["texts"] == 64
    assert after["embedder"]["calls"] - before["embedder"]["calls"] < 32
    assert after["ledger"]["transactions"] - before["ledger"]["transactions"] < 32


async def test_while_one_store_call_hangs_other_requests_go_on(warm: OrchestratorHandle, fault: Faults) -> None:
    await add(warm, "The chair is red.", "patient")

    async def vector_calls() -> int:
        calls: int = (await warm.status())["shards"][0]["searches"]["vector_calls"]
        return calls

    before = await vector_calls()

    async with fault(Part.VECTOR_STORE, "search", delay_s=4.0, times=1):
        hanging = asyncio.ensure_future(warm.search("Which colour is the chair?", user_id="patient", threshold=0.0))
        while await vector_calls() == before:
            await asyncio.sleep(0.01)
        await warm.list(user_id="patient")
        await add(warm, "The table is round.", "impatient")
        found = await warm.search("round table", user_id="impatient", threshold=0.0)
        assert not hanging.done(), "the others waited for the call that hangs"

        assert [one["memory"] for one in found["results"]] == ["The table is round."]
        assert [one["memory"] for one in (await hanging)["results"]] == ["The chair is red."]
