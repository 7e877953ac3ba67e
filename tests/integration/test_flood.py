"""A flood of writes leaves room for reads, whichever way it comes, and nothing of it stays behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import ray

from actors.handles import OrchestratorHandle
from actors.options import Part
from actors.runtime import Runtime
from engine.errors import Overloaded, from_builtin

Fault = Callable[..., AbstractAsyncContextManager[None]]


async def at_rest(api: OrchestratorHandle) -> dict[str, Any]:
    """The shard's status, once nothing is under way."""
    async with asyncio.timeout(30):
        while True:
            (shard,) = (await api.status())["shards"]
            if not any(gate["pending"] for gate in shard["gates"].values()) and not shard["writes"]["lanes"]:
                found: dict[str, Any] = shard
                return found
            await asyncio.sleep(0.05)


async def test_a_job_that_floods_an_orchestrators_verbs_leaves_room_for_others(
    runtime: Runtime, api: OrchestratorHandle, http_url: str, fault: Fault
) -> None:
    await api.add("a cup of tea", user_id="flood-reader")
    orchestrator: Any = ray.get_actor("orchestrator-0", namespace=runtime.settings.runtime.namespace)
    before = (await at_rest(api))["ledger"]["memories"]
    async with fault(Part.LEDGER, "write", delay_s=1.0, times=2):
        calls = [orchestrator.add.remote(f"flood {number}", user_id=f"flood-{number}") for number in range(1500)]
        found = await api.search("tea", user_id="flood-reader")
        async with httpx.AsyncClient(base_url=http_url) as http:
            reply = await http.post("/v1/memories/search/", json={"query": "tea", "user_id": "flood-reader"})
        assert (len(found["results"]), reply.status_code, len(reply.json()["results"])) == (1, 200, 1)
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    good = [one for one in outcomes if isinstance(one, dict)]
    refused = [from_builtin(one.cause) for one in outcomes if isinstance(one, ray.exceptions.RayTaskError)]
    assert good
    assert refused
    assert len(good) + len(refused) == 1500
    assert all(isinstance(one, Overloaded) and one.details["retry_after_s"] >= 1 for one in refused)
    assert (await at_rest(api))["ledger"]["memories"] == before + len(good)
