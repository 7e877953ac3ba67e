"""The status of a real runtime: every part with its figures, also while parts hang, die and come back."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from actors import runtime as runtimes
from actors.handles import OrchestratorHandle
from actors.options import Part
from actors.runtime import Runtime

Faults: TypeAlias = Callable[..., AbstractAsyncContextManager[None]]

BACK_S = 30.0

RUNNING = [part for part in Part if part is not Part.LANGUAGE_MODEL]
"""What runs where no language model is set."""


def actor(status: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in status["actors"] if one["name"] == name)
    return found


async def test_every_actor_tells_its_place_its_loop_and_what_it_uses(api: OrchestratorHandle) -> None:
    await api.add("The figures are live.", user_id="figures")
    status = await api.status()
    assert (status["state"], status["ready"]) == ("ready", True)
    assert [one["name"] for one in status["actors"]] == [f"{part}-0" for part in RUNNING]
    for one in status["actors"]:
        assert one["loop_lag_ms"]["count"] > 0, one["name"]
        assert one["rss_bytes"] > 10_000_000
        assert one["cpu_s"] > 0
        assert len(one["node"]) == 56
        assert isinstance(one["restarts"], int)
    assert actor(status, "ledger-0")["took_ms"]["write"]["count"] > 0
    assert actor(status, "orchestrator-0")["calls"]["add"] > 0
    assert actor(status, "orchestrator-0")["exchange"]["calls"]["count"] > 0
    assert len({one["pid"] for one in status["actors"]}) == len(RUNNING)


async def test_a_shard_tells_its_queues_and_how_far_its_indexes_are(api: OrchestratorHandle) -> None:
    await asyncio.gather(*[api.add(f"Figure {number}.", user_id="queues") for number in range(16)])
    await api.search("figure", user_id="queues")
    (shard,) = (await api.status())["shards"]
    assert shard["shard"] == 0
    assert set(shard["queues"]) == {"embedder", "questions", "extractor", "ledger", "vector", "graph"}
    ledger = shard["queues"]["ledger"]
    assert ledger["waiting"] == 0
    assert ledger["batch"]["max"] > 1, "adds at once share transactions"
    assert ledger["wait_ms"]["count"] == ledger["items"]
    assert (shard["vector"]["lag"], shard["vector"]["lag_s"]) == (0, 0)
    assert shard["vector"]["late_ms"]["count"] > 0
    assert 0 < shard["calls_per_request"]["ledger"] <= 2
    assert shard["gates"]["operations"]["pending"] == 0


async def test_a_ledger_that_hangs_is_named_and_the_rest_still_told(api: OrchestratorHandle, fault: Faults) -> None:
    async with fault(Part.LEDGER, "status", delay_s=5.0, times=1):
        began_s = time.monotonic()
        status = await api.status()
    assert time.monotonic() - began_s < 4.0
    (shard,) = status["shards"]
    assert "error" in shard["ledger"]
    assert shard["state"] == status["state"] == "degraded"
    assert actor(status, "ledger-0")["ready"] is True


async def test_an_actor_that_was_killed_is_told_and_its_restart_counted(
    runtime: Runtime, api: OrchestratorHandle
) -> None:
    before = actor(await api.status(), "graph-store-0")
    os.kill(before["pid"], signal.SIGKILL)
    async with asyncio.timeout(BACK_S):
        while True:
            now = actor(await runtimes.status(runtime.settings), "graph-store-0")
            if now.get("pid", before["pid"]) != before["pid"]:
                break
            await asyncio.sleep(0.1)
    assert now["restarts"] == before["restarts"] + 1


async def test_the_same_document_over_http_with_the_replica_and_as_metrics(
    runtime: Runtime, api: OrchestratorHandle, http_url: str
) -> None:
    async with httpx.AsyncClient(base_url=http_url, timeout=30.0) as http:
        over_http = (await http.get("/v1/status/")).json()
        metrics = (await http.get("/metrics")).text
    by_handle, by_command = await api.status(), await runtimes.status(runtime.settings)
    assert by_handle.keys() | {"replica"} == over_http.keys()
    assert by_handle.keys() <= by_command.keys()
    for one in (over_http, by_command):
        assert [shard.keys() for shard in one["shards"]] == [shard.keys() for shard in by_handle["shards"]]
        assert [shell["name"] for shell in one["actors"]] == [shell["name"] for shell in by_handle["actors"]]
    assert over_http["replica"]["running"] >= 1
    ours = {family.name for family in text_string_to_metric_families(metrics) if family.name.startswith("remora_")}
    assert {"remora_ready", "remora_queue_wait_seconds", "remora_actor_loop_lag_seconds"} <= ours


@pytest.mark.slow
async def test_a_status_of_four_shards_has_them_all(sharded: Runtime) -> None:
    status = await runtimes.status(sharded.settings)
    assert status["ready"] is True
    assert [shard["shard"] for shard in status["shards"]] == [0, 1, 2, 3]
    assert sum(one["part"] == "embedder" for one in status["actors"]) == 2
    assert len(status["actors"]) == 4 * 5 + 2
