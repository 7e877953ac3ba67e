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
    async with fault(Part.VECTOR_STORE, "apply", delay_s=DELAY_S), fault(Part.GRAPH_STORE, "apply", delay_s=DELAY_S):
        before = time.perf_counter()
        added = await add(warm, "The lamp is green.", "side-by-side")
        took = time.perf_counter() - before

    assert added["degraded"] == []
    assert DELAY_S <= took < 2 * DELAY_S


async def test_many_adds_at_once_share_model_calls_and_transactions(warm: OrchestratorHandle) -> None:
    before = await warm.status()
    await asyncio.gather(*(add(warm, f"Note number {n} of many.", f"many-{n % 8}") for n in range(64)))
    after = await warm.status()

    assert after["embedder"]["texts"] - before["embedder"]["texts"] == 64
    assert after["embedder"]["calls"] - before["embedder"]["calls"] < 32
    assert after["ledger"]["transactions"] - before["ledger"]["transactions"] < 32


async def test_while_one_store_call_hangs_other_requests_go_on(warm: OrchestratorHandle, fault: Faults) -> None:
    await add(warm, "The chair is red.", "patient")

    async def others() -> float:
        before = time.perf_counter()
        await warm.list(user_id="patient", filters={"user_id": "patient"})
        await add(warm, "The table is round.", "impatient")
        return time.perf_counter() - before

    async with fault(Part.VECTOR_STORE, "search", delay_s=2.0, times=1):
        before = time.perf_counter()
        found, took = await asyncio.gather(
            warm.search("Which colour is the chair?", user_id="patient", threshold=0.0), others()
        )
        whole = time.perf_counter() - before

    assert [one["memory"] for one in found["results"]] == ["The chair is red."]
    assert whole >= 2.0
    assert took < 1.0
