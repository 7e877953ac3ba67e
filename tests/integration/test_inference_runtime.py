"""Facts in a whole runtime: over HTTP, by handles, and with parts of it killed while they are made."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.calls import Remote
from actors.handles import OrchestratorHandle
from actors.handles import connect as connect_handle
from actors.options import Address, Part
from actors.runtime import Runtime
from actors.shell import Shell
from engine.faults import FACT_POINTS, Fault
from tests.fact_provider import FactProvider, hanging, in_turn
from tests.integration.conftest import joined, small_settings, started
from tests.provider import Reply, listening

PATIENCE_S = 60.0


async def ended(api: OrchestratorHandle, operation_id: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while (found := await api.operation(operation_id))["status"] != "SUCCEEDED":
            await asyncio.sleep(0.05)
    return found


async def listed(api: OrchestratorHandle, user: str) -> list[str]:
    return sorted(row["memory"] for row in (await api.list(user_id=user))["results"])


async def kill(running: Runtime, part: Part) -> None:
    """By SIGKILL: what it does is lost."""
    shell: Remote[Shell[Any]] = Remote(Address(part, running.settings.runtime.namespace), 15.0)
    pid = (await shell.ask(lambda actor: actor.describe.remote()))["pid"]
    os.kill(pid, signal.SIGKILL)


async def over_http(running: Runtime) -> None:
    async with httpx.AsyncClient(base_url=str(running.url), timeout=30) as http:
        said = {"messages": [{"role": "user", "content": "I live in Bonn."}], "user_id": "http"}
        answer = await http.post("/v1/memories/", json=said)
        assert answer.status_code == httpx.codes.OK
        assert [row["memory"] for row in answer.json()["results"]] == ["Http lives in Bonn."]
        assert answer.json()["usage"]["calls"] == 1
        found = await http.post("/v1/memories/search/", json={"query": "Bonn", "user_id": "http"})
        assert "Http lives in Bonn." in [hit["memory"] for hit in found.json()["results"]]
        status = (await http.get("/v1/status/")).json()
    parts = {actor["name"]: actor for actor in status["actors"]}
    assert parts["language-model-0"]["language_model"]["calls"] >= 1
    assert status["shards"][0]["inference"]["facts"] >= 1


async def read_anew(running: Runtime, served: FactProvider) -> None:
    """Messages are read otherwise than before, over HTTP, and the fact of the new reading takes the old one's place."""
    asked = {"user_id": "again", "custom_instructions": "Only towns.", "apply": True}
    async with httpx.AsyncClient(base_url=str(running.url), timeout=60) as http:
        said = {"messages": [{"role": "user", "content": "I live in Bonn."}], "user_id": "again"}
        [fact] = (await http.post("/v1/memories/", json=said)).json()["results"]
        otherwise = {"fact": "Again lives in Bonn, by the river.", "lines": [1], "categories": [], "relations": []}
        with served.failing(in_turn([Reply(json.dumps({"facts": [otherwise]}))])):
            answer = (await http.post("/v1/reinfer/", json=asked)).json()
        assert (answer["totals"]["changed"], answer["conversations"][0]["status"]) == (1, "SUCCEEDED")
        assert (await http.get(f"/v1/memories/{fact['id']}/")).status_code == httpx.codes.NOT_FOUND
        found = (await http.get("/v1/memories/", params={"user_id": "again"})).json()
        assert [row["memory"] for row in found["results"]] == [otherwise["fact"]]


async def though_it_dies(running: Runtime, api: OrchestratorHandle, served: FactProvider, part: Part) -> None:
    """The part dies while facts are made; those that were told before come before those that were told after."""
    user = f"{part}".replace("-", "")
    gate = asyncio.Event()
    with served.failing(in_turn([hanging(gate)])):
        served.came.clear()
        first = await api.add("I live in Bonn.", user_id=user, wait=False)
        async with asyncio.timeout(PATIENCE_S):
            await served.came.wait()
        await kill(running, part)
        gate.set()
    second = await api.add("I live in Porto.", user_id=user, wait=False)
    await ended(api, first["operation_id"])
    await ended(api, second["operation_id"])
    assert await listed(api, user) == [f"{user.capitalize()} lives in Porto."]
    checked = await api.verify()
    assert (checked["differences"], checked["problems"]) == ([], [])


async def though_it_ends_at(running: Runtime, api: OrchestratorHandle, point: str) -> None:
    """The orchestrator dies at a point on the way to facts; they are there once."""
    user = point.replace(" ", "")
    orchestrator: Remote[Shell[Any]] = Remote(Address(Part.ORCHESTRATOR, running.settings.runtime.namespace), 15.0)
    fault = Fault(crash=True, times=1)
    await orchestrator.ask(lambda actor: actor.inject_point.remote(point, fault))
    answer = await api.add("I live in Bonn.", user_id=user, wait=False)
    ended_as = await ended(api, answer["operation_id"])
    assert [row["memory"] for row in ended_as["results"]] == [f"{user.capitalize()} lives in Bonn."]
    assert await listed(api, user) == [f"{user.capitalize()} lives in Bonn."]
    checked = await api.verify()
    assert (checked["differences"], checked["problems"]) == ([], [])


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_facts_come_over_http_and_whatever_part_dies_while_they_are_made(tmp_path: Path) -> None:
    async with listening(FactProvider([Reply()])) as served:
        llm = {"base_url": served.url, "model": "scripted", "call_deadline_s": 5.0}
        with started(small_settings(tmp_path, llm=llm)) as running:
            api = connect_handle(joined(running).settings)
            await over_http(running)
            await read_anew(running, served)
            for part in (Part.ORCHESTRATOR, Part.LANGUAGE_MODEL, Part.LEDGER):
                await though_it_dies(running, api, served, part)
            for point in FACT_POINTS:
                await though_it_ends_at(running, api, point)
