"""Mem0's `client.project`: what it reads, what it sets, and that it takes effect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from engine.config import load
from engine.in_process import in_process
from engine.llm import build
from tests.fact_provider import FactProvider
from tests.provider import Reply, listening
from tests.unit.mem0_door import app_of, assert_refused, client_of, opened

PATH = "/api/v1/orgs/organizations/org-default/projects/proj-default/"
CATEGORIES = [{"home": "Where somebody lives."}]


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with opened() as http:
        yield http


async def settings(http: httpx.AsyncClient) -> dict[str, Any]:
    wanted: dict[str, Any] = (await http.get(PATH)).json()
    return {name: wanted[name] for name in ("custom_instructions", "custom_categories")}


async def test_the_names_are_those_of_the_ping(http: httpx.AsyncClient) -> None:
    ping = (await http.get("/v1/ping/")).json()
    assert f"/api/v1/orgs/organizations/{ping['org_id']}/projects/{ping['project_id']}/" == PATH
    for wrong in (PATH.replace("org-default", "org-other"), PATH.replace("proj-default", "proj-other")):
        assert_refused(await http.get(wrong), 404)
        assert_refused(await http.patch(wrong, json={"custom_instructions": "x"}), 404)


async def test_every_field_that_is_asked_for_is_there(http: httpx.AsyncClient) -> None:
    asked = {"fields": ["custom_instructions", "multilingual"], "org_id": "org-default"}
    assert (await http.get(PATH, params=asked)).json() == {"custom_instructions": None, "multilingual": None}


async def test_what_a_project_sets_is_told_to_the_language_model() -> None:
    async with listening(FactProvider([Reply()])) as served:
        known = load(llm={"base_url": served.url, "model": "scripted"})
        model = build(known.llm)
        assert model is not None
        memory = in_process(known, language_model=model)
        await memory.start()
        async with client_of(app_of(memory)) as http:
            body = {"custom_instructions": "Only towns.", "custom_categories": CATEGORIES}
            assert isinstance((await http.patch(PATH, json=body)).json()["message"], str)
            assert await settings(http) == body
            await http.post("/v3/memories/add/", json={"messages": "I paint.", "user_id": "ana", "async_mode": False})
        await memory.close()
        await model.close()
    told = str(served.asked[0]["messages"])
    assert "Only towns." in told
    assert "Where somebody lives." in told


async def test_a_change_leaves_the_rest_as_it_was(http: httpx.AsyncClient) -> None:
    own = {"custom_instructions": "Only towns.", "excludes": ["health"], "policy": "append"}
    await http.put("/v1/inference/", json={"inference": own})
    assert (await http.patch(PATH, json={"custom_categories": CATEGORIES, "enable_graph": True})).status_code == 200
    assert await settings(http) == {"custom_instructions": "Only towns.", "custom_categories": CATEGORIES}
    kept = (await http.get("/v1/inference/")).json()
    assert (kept["excludes"], kept["policy"]) == (["health"], "append")
    await http.patch(PATH, json={"custom_instructions": None, "multilingual": None})
    assert await settings(http) == {"custom_instructions": None, "custom_categories": CATEGORIES}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"custom_instructions": 5}, 400),
        ({"custom_categories": "home"}, 400),
        ({"custom_instructions": "x", "multilingual": True}, 501),
        ({"decay": True}, 501),
    ],
)
async def test_a_change_that_cannot_be_changes_nothing(
    http: httpx.AsyncClient, body: dict[str, Any], status: int
) -> None:
    await http.patch(PATH, json={"custom_instructions": "Only towns."})
    assert_refused(await http.patch(PATH, json=body), status)
    assert (await settings(http))["custom_instructions"] == "Only towns."


@pytest.mark.parametrize("path", [f"{PATH}members/", "/api/v1/orgs/organizations/org-default/projects/"])
async def test_members_and_other_projects_are_not_there(http: httpx.AsyncClient, path: str) -> None:
    assert_refused(await http.get(path), 501)
