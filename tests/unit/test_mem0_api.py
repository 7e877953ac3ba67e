"""Mem0's add and single memories, as its clients ask for them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.unit.mem0_door import (
    KEY,
    NOBODY,
    added,
    app_of,
    assert_refused,
    client_of,
    listed,
    memory_system,
    opened,
)

IDS = ("user_id", "agent_id", "app_id", "run_id")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with opened() as client:
        yield client


def has_offset(time: str) -> bool:
    return datetime.fromisoformat(time).tzinfo is not None


# --- the door --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/ping/", "/v1/ping", "//v1/ping/"])
async def test_ping_answers_what_clients_are_made_of(http: httpx.AsyncClient, path: str) -> None:
    reply = await http.get(httpx.URL(f"http://mem0.test{path}"))
    body = reply.json()
    assert (reply.status_code, body["status"], body["user_email"]) == (200, "ok", None)
    assert all(isinstance(body[name], str) and body[name] for name in ("org_id", "project_id"))


@pytest.mark.parametrize(
    "headers", [{"authorization": f"Token {KEY}"}, {"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}]
)
async def test_the_key_comes_in_any_of_three_headers(headers: dict[str, str]) -> None:
    async with memory_system() as memory, client_of(app_of(memory)) as http:
        del http.headers["authorization"]
        assert (await http.get("/v1/ping/", headers=headers)).status_code == 200
        assert_refused(await http.get("/v1/ping/", headers={"authorization": "Token other"}), 401, "not known")
        assert_refused(await http.post("/v3/memories/add/", json={}), 401, "key")


# --- add -------------------------------------------------------------------------------------------------------------


async def test_without_inference_each_message_is_a_memory_at_once(http: httpx.AsyncClient) -> None:
    messages = [
        {"role": "system", "content": "You are kind."},
        {"role": "user", "content": "I like tea"},
        {"role": "assistant", "content": "Noted."},
        {"role": "user", "content": {"type": "image_url", "image_url": {"url": "http://x/y.png"}}},
        {"role": "user", "content": [{"type": "text", "text": "I live in Porto"}, {"type": "image_url"}]},
        {"role": "user", "content": {"type": "text", "text": "I swim"}},
    ]
    reply = await http.post("/v3/memories/add/", json={"messages": messages, "user_id": "ana", "infer": False})
    body = reply.json()
    assert (reply.status_code, body["status"]) == (200, "SUCCEEDED")
    assert body["message"]
    assert str(uuid.UUID(body["event_id"])) == body["event_id"]
    assert [(row["event"], row["memory"], row["data"]) for row in body["results"]] == [
        ("ADD", text, {"memory": text}) for text in ("I like tea", "Noted.", "I live in Porto", "I swim")
    ]
    assert len({uuid.UUID(row["id"]) for row in body["results"]}) == 4


async def test_the_same_text_is_kept_once(http: httpx.AsyncClient) -> None:
    [first] = await added(http, "I like tea", user_id="ana")
    again = {"messages": "I like tea", "user_id": "ana", "infer": False}
    rows = (await http.post("/v3/memories/add/", json=again)).json()["results"]
    assert [(row["event"], row["id"]) for row in rows] == [("NONE", first)]
    await added(http, "I like tea", "I like tea", user_id="ana")
    assert await listed(http, user_id="ana") == ["I like tea"]


@pytest.mark.parametrize(
    ("fields", "owner"),
    [
        ({"user_id": "ana", "run_id": "r"}, {"user_id": "ana", "run_id": "r"}),
        ({"filters": {"user_id": "ana", "agent_id": "a"}}, {"user_id": "ana", "agent_id": "a"}),
        ({"filters": {"userId": "ana", "appId": None}}, {"user_id": "ana"}),
        ({"user_id": "ana", "filters": {"user_id": "ben", "run_id": "r"}}, {"user_id": "ana", "run_id": "r"}),
        ({"user_id": None, "filters": {"user_id": "ana"}}, {"user_id": "ana"}),
        ({"user_id": 5}, {"user_id": "5"}),
        ({"filters": {"run_id": 7}}, {"run_id": "7"}),
    ],
)
async def test_the_scope_of_an_add_comes_in_two_places(
    http: httpx.AsyncClient, fields: dict[str, Any], owner: dict[str, str]
) -> None:
    [memory_id] = await added(http, "I like tea", **fields)
    memory = (await http.get(f"/v1/memories/{memory_id}/")).json()
    assert {name: memory[name] for name in IDS} == dict.fromkeys(IDS) | owner


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"user_id": "ana"}, "messages"),
        ({"messages": [], "user_id": "ana"}, "messages"),
        ({"messages": "tea"}, "user_id"),
        ({"messages": "tea", "filters": {}}, "user_id"),
        ({"messages": "tea", "user_id": ""}, "user_id"),
        ({"messages": "tea", "user_id": "  "}, "user_id"),
        ({"messages": "tea", "filters": {"user_id": " "}}, "user_id"),
        ({"messages": "tea", "filters": {"AND": [{"user_id": "ana"}]}}, "AND"),
        ({"messages": "tea", "filters": {"user_id": {"ne": "ana"}}}, "user_id"),
        ({"messages": "tea", "user_id": "ana", "filters": {"colour": "red"}}, "colour"),
        ({"messages": "tea", "filters": ["user_id"]}, "filters"),
        ({"messages": "tea", "filters": {"user_id": "ana", "userId": "ben"}}, "user_id"),
        ({"messages": [{"content": "tea"}], "user_id": "ana"}, "role"),
        ({"messages": [{"role": "user"}], "user_id": "ana"}, "content"),
        ({"messages": ["tea"], "user_id": "ana"}, "role"),
        ({"messages": "tea", "user_id": "ana", "metadata": ["x"]}, "metadata"),
        ({"messages": "tea", "user_id": "*"}, "user_id"),
    ],
)
async def test_an_add_that_lacks_something_keeps_nothing(
    http: httpx.AsyncClient, body: dict[str, Any], says: str
) -> None:
    assert_refused(await http.post("/v3/memories/add/", json=body), 400, says)
    assert (await http.get("/v1/entities/")).json()["count"] == 0


async def test_a_broken_text_is_refused_before_it_is_kept(http: httpx.AsyncClient) -> None:
    raw = b'{"messages": [{"role": "user", "content": "\\ud800"}], "user_id": "ana", "infer": false}'
    assert_refused(await http.post("/v3/memories/add/", content=raw))
    assert await listed(http, user_id="ana") == []


async def test_what_clients_add_to_every_call_is_ignored(http: httpx.AsyncClient) -> None:
    noise: dict[str, Any] = {"source": "CLI", "output_format": "v1.1", "version": "v2", "async_mode": True}
    noise |= {"enable_graph": True, "org_id": "o", "project_id": "p", "latest_only": True, "keyword_search": True}
    await added(http, "I like tea", user_id="ana", **noise, immutable=False, timezone="UTC")
    query = {"query": "tea", "filters": {"user_id": "ana"}, "limit": 3, **noise, "reference_date": "2026-01-01"}
    assert len((await http.post("/v3/memories/search/?org_id=o", json=query)).json()["results"]) == 1
    pages = {"filters": {"user_id": "ana"}, **noise}
    assert (await http.post("/v3/memories/?org_id=o&project_id=p", json=pages)).json()["count"] == 1


async def test_a_timestamp_dates_a_memory_and_metadata_stays_as_it_is(http: httpx.AsyncClient) -> None:
    metadata = {"someKey": 1, "user_id": "ben", "deep": {"innerKey": [True, None]}}
    [memory_id] = await added(
        http, "tea", user_id="ana", timestamp=1_700_000_000, metadata=metadata, expiration_date="2099-01-31"
    )
    memory = (await http.get(f"/v1/memories/{memory_id}/?org_id=o")).json()
    assert datetime.fromisoformat(memory["created_at"]).timestamp() == 1_700_000_000
    assert (memory["metadata"], memory["expiration_date"], memory["user_id"]) == (metadata, "2099-01-31", "ana")


# --- memories --------------------------------------------------------------------------------------------------------


async def test_a_memory_has_every_field_wherever_it_is_shown(http: httpx.AsyncClient) -> None:
    [memory_id] = await added(http, "I like tea", user_id="ana", run_id="r")
    one = (await http.get(f"/v1/memories/{memory_id}/")).json()
    [found] = (
        await http.post("/v3/memories/search/", json={"query": "I like tea", "filters": {"user_id": "ana"}})
    ).json()["results"]
    [shown] = (await http.post("/v3/memories/", json={"filters": {"user_id": "ana"}})).json()["results"]
    changed = (await http.put(f"/v1/memories/{memory_id}/", json={"metadata": {}})).json()
    for memory in (one, found, shown, changed):
        assert (memory["id"], memory["memory"]) == (memory_id, "I like tea")
        assert (memory["run_id"], memory["session_id"], memory["agent_id"], memory["app_id"]) == ("r", "r", None, None)
        assert (memory["metadata"], memory["categories"], memory["expiration_date"]) == (None, None, None)
        assert has_offset(memory["created_at"])
        assert has_offset(memory["updated_at"])
    assert 0 <= found["score"] <= 1


async def test_an_update_answers_the_whole_memory_and_null_clears_the_expiry(http: httpx.AsyncClient) -> None:
    [memory_id] = await added(http, "tea", user_id="ana", expiration_date="2099-01-31")
    path = f"/v1/memories/{memory_id}/"
    changed = (await http.put(path, json={"text": "coffee", "source": "CLI"})).json()
    assert (changed["id"], changed["memory"], changed["expiration_date"]) == (memory_id, "coffee", "2099-01-31")
    assert (await http.put(path, json={"expiration_date": None})).json()["expiration_date"] is None
    assert_refused(await http.put(path, json={}))
    assert_refused(await http.put(f"/v1/memories/{NOBODY}/", json={"text": "x"}), 404)


@pytest.mark.parametrize("query", ["", "?delete_linked=true", "?source=CLI&delete_linked=true"])
async def test_a_memory_is_deleted_and_its_history_outlives_it(http: httpx.AsyncClient, query: str) -> None:
    [memory_id] = await added(http, "tea", user_id="ana", metadata={"k": 1})
    await http.put(f"/v1/memories/{memory_id}/", json={"text": "coffee"})
    reply = await http.delete(f"/v1/memories/{memory_id}/{query}")
    assert (reply.status_code, reply.json()["message"]) == (200, "Memory deleted successfully!")
    assert_refused(await http.get(f"/v1/memories/{memory_id}/"), 404)
    history = (await http.get(f"/v1/memories/{memory_id}/history/")).json()
    assert [(entry["event"], entry["old_memory"], entry["new_memory"]) for entry in history] == [
        ("ADD", None, "tea"),
        ("UPDATE", "tea", "coffee"),
        ("DELETE", "coffee", None),
    ]
    for entry in history:
        assert (entry["memory_id"], entry["user_id"], entry["metadata"]) == (memory_id, "ana", {"k": 1})
        assert {"id", "agent_id", "app_id", "session_id", "categories"} <= set(entry)
        assert entry["input"][0]["role"] == "user"
        assert has_offset(entry["created_at"])
        assert has_offset(entry["updated_at"])


@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("DELETE", ""), ("GET", "history/")])
async def test_an_unknown_memory_is_404_and_a_malformed_id_400(http: httpx.AsyncClient, method: str, tail: str) -> None:
    assert_refused(await http.request(method, f"/v1/memories/{NOBODY}/{tail}"), 404)
    assert_refused(await http.request(method, f"/v1/memories/nonsense/{tail}"), 400, "valid UUID")


async def test_an_expired_memory_is_found_by_its_id_and_by_who_wants_the_expired_too(http: httpx.AsyncClient) -> None:
    [memory_id] = await added(http, "tea", user_id="ana", expiration_date="2001-01-01")
    assert (await http.get(f"/v1/memories/{memory_id}/")).json()["memory"] == "tea"
    assert await listed(http, user_id="ana") == []
    for path in ("/v3/memories/", "/v3/memories/search/"):
        body = {"query": "tea", "filters": {"user_id": "ana"}}
        for asked, found in ((True, [memory_id]), (False, []), (None, [])):
            reply = await http.post(path, json={**body, "show_expired": asked})
            assert [one["id"] for one in reply.json()["results"]] == found
        assert_refused(await http.post(path, json={**body, "show_expired": "yes"}), 400, "show_expired")
