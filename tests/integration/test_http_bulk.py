"""Bulk requests and questions to the graph over HTTP: over the engine in this process, and over a whole runtime."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel

from engine.config import LimitSettings, Settings
from engine.extract.recogniser import NoEntities
from engine.in_process import in_process
from engine.ports import Priority
from engine.types import Entity, Json, JsonList
from serve_app import bulk_schemas, graph_schemas
from serve_app.application import create_app
from tests.integration.test_http_app import BAD_ADDS, BAD_SEARCHES

ADD, SEARCH = "/v1/memories/bulk/", "/v1/memories/search/bulk/"
SETTINGS = Settings(limits=LimitSettings(message_chars=1000, query_chars=100, metadata_bytes=500, messages=5))


class Capitals(NoEntities):
    """Names every word that starts with a capital letter."""

    async def entities(self, texts: Sequence[str], priority: Priority = Priority.ADD) -> list[tuple[Entity, ...]]:
        return [tuple(Entity(word.strip(".")) for word in text.split() if word[0].isupper()) for text in texts]


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """Built once: declaring the routes takes longer than most tests here."""
    return create_app(in_process(SETTINGS), SETTINGS)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    app.state.api = memory = in_process(SETTINGS, recogniser=Capitals())
    await memory.start()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        yield client
    await memory.close()


@pytest.fixture
async def front(http_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The front of a whole runtime."""
    async with httpx.AsyncClient(base_url=http_url, timeout=60) as client:
        yield client


@pytest.fixture
def user() -> str:
    return f"user-{uuid.uuid4().hex}"


async def bulk(http: httpx.AsyncClient, path: str, items: list[Any], **headers: str) -> JsonList:
    reply = await http.post(path, json={"items": items}, headers=headers)
    assert reply.status_code == 200, reply.text
    model: type[BaseModel] = bulk_schemas.BulkSearchAnswer if "search" in path else bulk_schemas.BulkAddAnswer
    model.model_validate(reply.json())
    results: JsonList = reply.json()["results"]
    assert len(results) == len(items)
    return results


async def texts(http: httpx.AsyncClient, user: str) -> list[str]:
    """What is stored of a user, oldest first."""
    page = (await http.get("/v1/memories/", params={"user_id": user, "page_size": 1000})).json()
    assert page["count"] == len(page["results"])
    return [memory["memory"] for memory in reversed(page["results"])]


# --- the engine in this process --------------------------------------------------------------------------------------


async def test_a_wrong_item_is_answered_as_a_wrong_single_request_and_the_others_go_on(http: httpx.AsyncClient) -> None:
    items: list[Any] = [{"messages": "I like tea", "user_id": "ana"}, *BAD_ADDS.values()]
    items.append({"messages": "I like jam", "user_id": "ana"})
    results = await bulk(http, ADD, items)
    assert [results[0]["status_code"], results[-1]["status_code"]] == [200, 200]
    for name, result in zip(BAD_ADDS, results[1:-1], strict=True):
        single = await http.post("/v1/memories/", json=BAD_ADDS[name])
        assert (result["status_code"], result["error"]["code"]) == (single.status_code, single.json()["code"]), name
        assert result["error"]["detail"] == single.json()["detail"], name
    assert await texts(http, "ana") == ["I like tea", "I like jam"]


async def test_a_wrong_search_is_answered_as_a_wrong_single_request(http: httpx.AsyncClient) -> None:
    await bulk(http, ADD, [{"messages": "I like tea", "user_id": "ana"}])
    results = await bulk(http, SEARCH, [*BAD_SEARCHES.values(), {"query": "tea", "user_id": "ana"}])
    for name, result in zip(BAD_SEARCHES, results[:-1], strict=True):
        single = await http.post("/v1/memories/search/", json=BAD_SEARCHES[name])
        assert (result["status_code"], result["error"]["code"]) == (single.status_code, single.json()["code"]), name
        assert result["error"]["detail"] == single.json()["detail"], name
    assert [hit["memory"] for hit in results[-1]["answer"]["results"]] == ["I like tea"]


async def test_over_the_limit_nothing_is_stored(http: httpx.AsyncClient) -> None:
    items = [{"messages": f"fact {n}", "user_id": "ana"} for n in range(1001)]
    reply = await http.post(ADD, json={"items": items})
    assert (reply.status_code, reply.json()["code"]) == (413, "too_large")
    assert await texts(http, "ana") == []


async def test_unknown_fields_of_items_are_ignored(http: httpx.AsyncClient) -> None:
    item = {"messages": "I like tea", "user_id": "ana", "source": "CLI", "output_format": "v1.1", "project": "other"}
    assert (await bulk(http, ADD, [item]))[0]["status_code"] == 200
    assert await texts(http, "ana") == ["I like tea"]


async def test_the_same_list_under_the_same_key_has_one_effect(http: httpx.AsyncClient) -> None:
    items = [{"messages": f"fact {n}", "user_id": "ana"} for n in range(5)]
    first = await bulk(http, ADD, items, **{"idempotency-key": "k"})
    again = await bulk(http, ADD, items, **{"idempotency-key": "k"})
    assert [one["answer"]["operation_id"] for one in first] == [one["answer"]["operation_id"] for one in again]
    assert [one["answer"]["results"] for one in first] == [one["answer"]["results"] for one in again]
    changed = await bulk(http, ADD, [items[1], *items[1:]], **{"idempotency-key": "k"})
    assert [one["status_code"] for one in changed] == [409, 200, 200, 200, 200]
    assert await texts(http, "ana") == [f"fact {n}" for n in range(5)]


async def test_adds_that_do_not_wait_are_accepted_one_by_one(http: httpx.AsyncClient) -> None:
    waits = {"messages": "now", "user_id": "ana"}
    results = await bulk(http, ADD, [{"messages": "later", "user_id": "ben", "wait": False}, waits])
    assert [one["status_code"] for one in results] == [202, 200]
    assert results[0]["answer"]["status"] in {"PENDING", "RUNNING"}


async def test_the_graph_tells_what_is_mentioned_what_surrounds_it_and_how_it_hangs_together(
    http: httpx.AsyncClient,
) -> None:
    said = ["with Ana in Lisbon", "Lisbon has a Tram", "a Tram and a Bell", "Nobody else"]
    await bulk(http, ADD, [{"messages": text, "user_id": "ana"} for text in said])
    page = (await http.get("/v1/graph/entities/", params={"user_id": "ana", "page_size": 2})).json()
    graph_schemas.MentionPage.model_validate(page)
    assert ({one["name"] for one in page["results"]}, page["count"]) == ({"Lisbon", "Tram"}, 5)
    rest = (await http.get(page["next"])).json()
    assert {one["name"] for one in rest["results"]} <= {"Ana", "Bell", "Nobody"}
    named = (await http.get("/v1/graph/entities/", params={"user_id": "ana", "name": "LIS"})).json()
    assert [one["name"] for one in named["results"]] == ["Lisbon"]

    around = (await http.get("/v1/graph/neighbours/", params={"user_id": "ana", "entity": "lisbon"})).json()
    graph_schemas.Neighbours.model_validate(around)
    assert {one["name"] for one in around["entities"]} == {"Ana", "Tram"}
    assert [one["memory"] for one in around["memories"]] == ["Lisbon has a Tram", "with Ana in Lisbon"]

    asked = {"user_id": "ana", "source": "Ana", "target": "Bell"}
    path = (await http.get("/v1/graph/path/", params=asked)).json()
    graph_schemas.PathAnswer.model_validate(path)
    assert (path["found"], path["length"], path["entities"]) == (True, 3, ["Ana", "Lisbon", "Tram", "Bell"])
    apart = (await http.get("/v1/graph/path/", params={**asked, "target": "Nobody"})).json()
    assert (apart["found"], apart["steps"]) == (False, [])


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/graph/neighbours/?user_id=ana&entity=Atlantis", 404, "not_found"),
        ("/v1/graph/path/?user_id=ana&source=Lisbon&target=Atlantis", 404, "not_found"),
        ("/v1/graph/neighbours/?user_id=ben&entity=Lisbon", 404, "not_found"),
        ("/v1/graph/entities/", 400, "invalid_input"),
        ("/v1/graph/neighbours/?entity=Lisbon", 400, "invalid_input"),
        ("/v1/graph/neighbours/?user_id=ana&entity=%20", 400, "invalid_input"),
        ("/v1/graph/neighbours/?user_id=ana&entity=Lisbon&limit=0", 400, "invalid_input"),
        ("/v1/graph/path/?user_id=ana&source=Lisbon&target=Lisbon&most_steps=99999", 400, "invalid_input"),
        ("/v1/graph/entities/?user_id=ana&page=0", 400, "invalid_input"),
        ("/v1/graph/entities/?user_id=ana&user_id=ben", 400, "invalid_input"),
    ],
)
async def test_what_the_graph_cannot_answer_is_told(http: httpx.AsyncClient, path: str, status: int, code: str) -> None:
    await bulk(http, ADD, [{"messages": "in Lisbon", "user_id": "ana"}])
    reply = await http.get(path)
    assert (reply.status_code, reply.json()["code"]) == (status, code), reply.text


# --- a whole runtime -------------------------------------------------------------------------------------------------


async def test_a_thousand_items_go_through_the_front_in_order(front: httpx.AsyncClient, user: str) -> None:
    items: list[Json] = [{"messages": f"fact number {n}", "user_id": user} for n in range(1000)]
    items[500] = {"messages": "whose?"}
    before = await transactions(front)
    added = await bulk(front, ADD, items, **{"idempotency-key": user})
    assert [one["status_code"] for one in added] == [200] * 500 + [400] + [200] * 499
    said = [item["messages"] for item in items if "user_id" in item]
    assert [one["answer"]["results"][0]["memory"] for one in added if "answer" in one] == said
    assert await transactions(front) - before <= 60
    again = await bulk(front, ADD, items, **{"idempotency-key": user})
    assert [one.get("answer", {}).get("operation_id") for one in again] == [
        one.get("answer", {}).get("operation_id") for one in added
    ]
    assert await texts(front, user) == said

    queries = [{"query": text, "user_id": user, "top_k": 1} for text in said[:300]]
    found = await bulk(front, SEARCH, queries)
    assert [one["answer"]["results"][0]["memory"] for one in found] == said[:300]
    assert {tuple(one["answer"]["degraded"]) for one in found} == {()}


async def transactions(front: httpx.AsyncClient) -> int:
    status = (await front.get("/v1/status/")).json()
    return sum(shard["writes"]["transactions"] for shard in status["shards"])


async def test_the_graph_of_a_runtime_answers_through_the_front(front: httpx.AsyncClient, user: str) -> None:
    await bulk(front, ADD, [{"messages": "a fact", "user_id": user}])
    page = (await front.get("/v1/graph/entities/", params={"user_id": user})).json()
    assert (page["count"], page["results"]) == (0, [])
    missing = await front.get("/v1/graph/neighbours/", params={"user_id": user, "entity": "Lisbon"})
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_prometheus_is_told_of_the_runtime_and_of_ray(front: httpx.AsyncClient) -> None:
    await front.get("/v1/ping/")
    reply = await front.get("/metrics")
    names = {one.name for family in text_string_to_metric_families(reply.text) for one in family.samples}
    assert {"remora_ready", "remora_actor_up", "remora_http_answers_total", "remora_ledger_transactions_total"} <= names
    assert any(name.startswith("ray_") for name in names)
