"""Mem0's events, adds that a language model reads, and what of Mem0 there isn't."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from engine.config import load
from engine.in_process import in_process
from engine.llm import build
from serve_app.application import create_app
from tests.fact_provider import FactProvider
from tests.provider import Reply, listening
from tests.unit.mem0_door import KEY, NOBODY, added, assert_refused, client_of, listed, opened

ANN: dict[str, Any] = {"messages": [{"role": "user", "content": "I live in Bonn."}], "user_id": "ann"}
EVENT = {"id", "event_type", "status", "payload", "metadata", "results", "error", "created_at", "updated_at"}
EVENT |= {"started_at", "completed_at", "latency"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with opened() as client:
        yield client


@pytest.fixture
async def inferring() -> AsyncIterator[httpx.AsyncClient]:
    """With a language model, which makes "Ann lives in Bonn." of "I live in Bonn."."""
    async with listening(FactProvider([Reply()])) as served:
        settings = load(llm={"base_url": served.url, "model": "scripted"}, admin_key=SecretStr(KEY))
        model: Any = build(settings.llm)
        memory = in_process(settings, language_model=model)
        await memory.start()
        async with client_of(create_app(memory, settings)) as client:
            yield client
        await memory.close()
        await model.close()


async def ended(http: httpx.AsyncClient, event_id: str) -> dict[str, Any]:
    """The event when it has ended."""
    async with asyncio.timeout(20):
        while (found := (await http.get(f"/v1/event/{event_id}/")).json())["status"] in {"PENDING", "RUNNING"}:
            await asyncio.sleep(0.01)
    return dict(found)


# --- adds that a language model reads --------------------------------------------------------------------------------


async def test_an_add_for_the_language_model_is_queued_and_its_event_tells_the_facts(
    inferring: httpx.AsyncClient,
) -> None:
    reply = await inferring.post("/v3/memories/add/", json=ANN)
    body = reply.json()
    assert (reply.status_code, body["status"]) == (200, "PENDING")
    assert "results" not in body
    assert isinstance(body["message"], str)
    event = await ended(inferring, body["event_id"])
    assert (event["status"], event["event_type"], event["id"]) == ("SUCCEEDED", "ADD", body["event_id"])
    [row] = event["results"]
    assert (row["event"], row["user_id"], row["data"]) == ("ADD", "ann", {"memory": "Ann lives in Bonn."})
    assert await listed(inferring, user_id="ann") == ["Ann lives in Bonn."]
    assert (await inferring.get(f"/v1/memories/{row['id']}/")).json()["memory"] == "Ann lives in Bonn."


@pytest.mark.parametrize(
    ("fields", "text"), [({"async_mode": False}, "Ann lives in Bonn."), ({"infer": False}, "I live in Bonn.")]
)
async def test_who_wants_to_wait_or_nothing_inferred_has_the_results_at_once(
    inferring: httpx.AsyncClient, fields: dict[str, Any], text: str
) -> None:
    body = (await inferring.post("/v3/memories/add/", json={**ANN, **fields})).json()
    assert (body["status"], [row["memory"] for row in body["results"]]) == ("SUCCEEDED", [text])


@pytest.mark.parametrize("infer", [True, None])
async def test_without_a_language_model_the_messages_are_the_results(http: httpx.AsyncClient, infer: Any) -> None:
    body = (await http.post("/v3/memories/add/", json={**ANN, "infer": infer})).json()
    assert (body["status"], [row["memory"] for row in body["results"]]) == ("SUCCEEDED", ["I live in Bonn."])
    assert (await http.get(f"/v1/event/{body['event_id']}/")).json()["status"] == "SUCCEEDED"


async def test_a_project_is_emptied_of_messages_too_that_no_list_shows(inferring: httpx.AsyncClient) -> None:
    thanks = {**ANN, "messages": "Thanks!", "async_mode": False}
    assert (await inferring.post("/v3/memories/add/", json=thanks)).json()["results"] == []
    assert (await inferring.get("/v1/entities/")).json()["count"] == 0
    hidden = await inferring.get("/v1/memories/?user_id=ann&include_messages=true")
    assert hidden.json()["count"] == 1
    reply = await inferring.delete("/v1/memories/?user_id=*&agent_id=*&app_id=*&run_id=*")
    assert (reply.status_code, reply.json()["count"]) == (200, 1)
    hidden = await inferring.get("/v1/memories/?user_id=ann&include_messages=true")
    assert hidden.json()["count"] == 0


# --- events ----------------------------------------------------------------------------------------------------------


async def test_events_are_listed_newest_first_in_pages(http: httpx.AsyncClient) -> None:
    [memory_id] = await added(http, "tea", user_id="ana", run_id="r")
    await http.put(f"/v1/memories/{memory_id}/", json={"text": "coffee"})
    deleted = (await http.delete(f"/v1/memories/{memory_id}/")).json()["event_id"]
    await added(http, "tea", agent_id="bot")
    body = (await http.get("/v1/events/?source=CLI")).json()
    assert [event["event_type"] for event in body["results"]] == ["ADD", "DELETE", "UPDATE", "ADD"]
    assert [row["user_id"] for event in body["results"] for row in event["results"]] == [None, "ana", "ana", "ana"]
    assert (body["count"], body["next"], body["previous"]) == (4, None, None)
    assert all(set(event) >= EVENT and event["latency"] >= 0 for event in body["results"])
    second = (await http.get("/v1/events/?page=2&page_size=1")).json()
    assert [event["id"] for event in second["results"]] == [deleted]
    assert second["next"] == "http://mem0.test/v1/events/?page=3&page_size=1"


@pytest.mark.parametrize("event_id", [NOBODY, "nonsense", "a%2Fb"])
async def test_an_unknown_event_is_404(http: httpx.AsyncClient, event_id: str) -> None:
    assert_refused(await http.get(f"/v1/event/{event_id}/"), 404)


# --- what there isn't ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/stats/"),
        ("GET", "/v1/entities/filters/"),
        ("GET", "/v2/entities/user/ana/"),
        ("GET", "/v2/entities/user/a%2Fb/profile/"),
        ("POST", "/v2/profiles/jobs/"),
        ("GET", "/v2/profiles/jobs/7/"),
        ("GET", "/v2/profiles/settings/"),
        ("PATCH", "/api/v1/unheard/of/"),
        ("GET", "/api/v1/webhooks/projects/p/"),
        ("DELETE", "/api/v1/webhooks/7/"),
        ("POST", "/api/v1/auth/email_code/"),
    ],
)
async def test_what_is_not_there_says_so(http: httpx.AsyncClient, method: str, path: str) -> None:
    for one in (path, path.removesuffix("/")):
        assert_refused(await http.request(method, one, json={}), 501, "compatibility")
        assert_refused(await http.request(method, one, json={}, headers={"authorization": "Token x"}), 401)
