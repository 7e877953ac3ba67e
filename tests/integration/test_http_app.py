"""The HTTP API over the real engine with its parts in memory: every route, and bad input, which stores nothing."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from engine.config import LimitSettings, Settings
from engine.in_process import in_process
from serve_app import schemas
from serve_app.application import create_app

UNKNOWN = str(uuid.uuid4())


SETTINGS = Settings(limits=LimitSettings(message_chars=1000, query_chars=100, metadata_bytes=500, messages=5))


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """Built once: declaring the routes takes longer than most tests here."""
    return create_app(in_process(SETTINGS), SETTINGS)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    app.state.api = memory = in_process(SETTINGS)
    await memory.start()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        yield client
    await memory.close()


async def add(http: httpx.AsyncClient, text: str = "I like green tea", **fields: Any) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": text}], "user_id": "ana", **fields}
    reply = await http.post("/v1/memories/", json=body)
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


async def stored(http: httpx.AsyncClient) -> int:
    entities = (await http.get("/v1/entities/")).json()
    return sum(entry["total_memories"] for entry in entities["results"])


def assert_described(model: type[BaseModel], answer: Any) -> None:
    """What is answered is what `/docs` says."""
    model.model_validate(answer)
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert required <= set(answer)


def assert_error(reply: httpx.Response, *statuses: int) -> None:
    body = reply.json()
    assert reply.status_code in statuses, body
    assert_described(schemas.Error, body)
    assert set(body) == {"detail", "error", "code", "details", "request_id"}
    assert body["detail"] == body["error"]
    assert body["request_id"] == reply.headers["x-request-id"]


# --- a memory's life -------------------------------------------------------------------------------------------------


async def test_what_is_added_is_found_changed_and_deleted(http: httpx.AsyncClient) -> None:
    answer = await add(http, metadata={"source": "chat"}, run_id="r1")
    assert_described(schemas.AddAnswer, answer)
    assert [row["message_index"] for row in answer["results"]] == [0]
    memory_id = answer["results"][0]["id"]

    found = (await http.post("/v1/memories/search/", json={"query": "green tea", "filters": {"user_id": "ana"}})).json()
    assert_described(schemas.SearchAnswer, found)
    assert [memory["id"] for memory in found["results"]] == [memory_id]
    assert_described(schemas.FoundMemory, found["results"][0])

    memory = (await http.get(f"/v1/memories/{memory_id}")).json()
    assert_described(schemas.Memory, memory)
    assert (memory["metadata"], memory["run_id"], memory["session_id"]) == ({"source": "chat"}, "r1", "r1")

    changed = await http.put(f"/v1/memories/{memory_id}/", json={"text": "I like black tea"})
    assert_described(schemas.UpdateAnswer, changed.json())
    assert changed.json()["memory"] == "I like black tea"

    gone = await http.delete(f"/v1/memories/{memory_id}/")
    assert_described(schemas.DeleteAnswer, gone.json())
    assert_error(await http.get(f"/v1/memories/{memory_id}/"), 404)

    history = (await http.get(f"/v1/memories/{memory_id}/history/")).json()
    assert [entry["event"] for entry in history] == ["ADD", "UPDATE", "DELETE"]
    for entry in history:
        assert_described(schemas.HistoryEntry, entry)


async def test_pages_lead_through_the_whole_list(http: httpx.AsyncClient) -> None:
    for number in range(5):
        await add(http, f"fact number {number}")
    page, seen = {"next": "/v1/memories/?user_id=ana&page_size=2"}, []
    while page["next"]:
        page = (await http.get(page["next"])).json()
        assert_described(schemas.MemoryPage, page)
        assert page["count"] == 5
        seen += [memory["memory"] for memory in page["results"]]
    assert seen == [f"fact number {number}" for number in (4, 3, 2, 1, 0)]
    assert page["previous"] == "http://127.0.0.1:8000/v1/memories/?user_id=ana&page=2&page_size=2"


async def test_deleting_a_scope_spares_the_others(http: httpx.AsyncClient) -> None:
    await add(http, "ana's in one run", run_id="r1")
    await add(http, "ana's in another", run_id="r2")
    await add(http, "ben's", user_id="ben")
    reply = await http.delete("/v1/memories/?user_id=ana&run_id=r1")
    assert_described(schemas.DeleteAllAnswer, reply.json())
    assert reply.json()["count"] == 1
    assert (await http.delete("/v1/memories?user_id=ana")).json()["count"] == 1
    assert (await http.delete("/v1/memories?user_id=nobody")).json()["count"] == 0
    assert (await http.get("/v1/memories/?user_id=ben")).json()["count"] == 1


async def test_entities_count_their_memories(http: httpx.AsyncClient) -> None:
    await add(http, agent_id="helper")
    page = (await http.get("/v1/entities/")).json()
    assert_described(schemas.EntityPage, page)
    assert {(entry["type"], entry["name"]) for entry in page["results"]} == {("user", "ana"), ("agent", "helper")}


async def test_an_add_that_does_not_wait_can_be_followed(http: httpx.AsyncClient) -> None:
    reply = await http.post("/v1/memories/", json={"messages": "later", "user_id": "ana", "wait": False})
    assert reply.status_code == 202
    assert_described(schemas.Accepted, reply.json())
    path = f"/v1/operations/{reply.json()['operation_id']}/"
    async with asyncio.timeout(10):
        while (operation := (await http.get(path)).json())["status"] != "SUCCEEDED":
            await asyncio.sleep(0)
    assert_described(schemas.Operation, operation)
    assert [row["memory"] for row in operation["results"]] == ["later"]


async def test_the_same_idempotency_key_has_one_effect(http: httpx.AsyncClient) -> None:
    send = {"messages": "I moved to Lisbon", "user_id": "ana"}
    first, second = [
        (await http.post("/v1/memories/", json=send, headers={"idempotency-key": "k"})).json() for _ in range(2)
    ]
    assert first["results"] == second["results"]
    assert await stored(http) == 1
    other = await http.post("/v1/memories/", json=send | {"messages": "x"}, headers={"idempotency-key": "k"})
    assert_error(other, 409)


async def test_text_of_any_script_goes_and_comes_unchanged(http: httpx.AsyncClient) -> None:
    text = 'Zoë mag 緑茶 🍵 und "Anführung" \\ \u2028 Ende'
    await add(http, text, user_id="zoë 🍵/x")
    page = (await http.get("/v1/memories/", params={"user_id": "zoë 🍵/x"})).json()
    assert [memory["memory"] for memory in page["results"]] == [text]


async def test_ready_and_status_come_from_the_engine(http: httpx.AsyncClient) -> None:
    assert (await http.get("/readyz")).json() == {"ready": True, "state": "ready"}
    assert (await http.get("/v1/status")).json()["extractor"] == "verbatim"


# --- bad input -------------------------------------------------------------------------------------------------------

MESSAGE = {"role": "user", "content": "I like tea"}
BAD_ADDS: dict[str, Any] = {
    "no scope": {"messages": [MESSAGE]},
    "scope of nulls": {"messages": [MESSAGE], "user_id": None},
    "blank scope": {"messages": [MESSAGE], "user_id": "  "},
    "scope of the wrong type": {"messages": [MESSAGE], "user_id": ["u"]},
    "boolean scope": {"messages": [MESSAGE], "user_id": True},
    "long scope": {"messages": [MESSAGE], "user_id": "u" * 300},
    "scope with NUL": {"messages": [MESSAGE], "user_id": "u\0"},
    "scope only in filters": {"messages": [MESSAGE], "filters": {"user_id": "u"}},
    "no messages": {"user_id": "u"},
    "null messages": {"messages": None, "user_id": "u"},
    "empty messages": {"messages": [], "user_id": "u"},
    "number as messages": {"messages": 7, "user_id": "u"},
    "text in a list": {"messages": ["x"], "user_id": "u"},
    "message without role": {"messages": [{"content": "x"}], "user_id": "u"},
    "message without content": {"messages": [{"role": "user"}], "user_id": "u"},
    "content of the wrong type": {"messages": [{"role": "user", "content": 5}], "user_id": "u"},
    "role of the wrong type": {"messages": [{"role": 1, "content": "x"}], "user_id": "u"},
    "blank text": {"messages": "  ", "user_id": "u"},
    "too many messages": {"messages": [MESSAGE] * 6, "user_id": "u"},
    "over-long text": {"messages": "x" * 1001, "user_id": "u"},
    "NUL in text": {"messages": "a\0b", "user_id": "u"},
    "NUL in name": {"messages": [MESSAGE | {"name": "a\0"}], "user_id": "u"},
    "metadata a list": {"messages": [MESSAGE], "user_id": "u", "metadata": [1]},
    "metadata too large": {"messages": [MESSAGE], "user_id": "u", "metadata": {"k": "v" * 600}},
    "metadata too deep": {"messages": [MESSAGE], "user_id": "u", "metadata": {"a": {"a": {"a": [[[[[[[[1]]]]]]]]}}}},
    "NUL in metadata": {"messages": [MESSAGE], "user_id": "u", "metadata": {"k": "a\0"}},
    "NUL in a metadata key": {"messages": [MESSAGE], "user_id": "u", "metadata": {"a\0": 1}},
    "infer of the wrong type": {"messages": [MESSAGE], "user_id": "u", "infer": "no"},
    "wait of the wrong type": {"messages": [MESSAGE], "user_id": "u", "wait": 1},
    "timestamp of the wrong type": {"messages": [MESSAGE], "user_id": "u", "timestamp": "yesterday"},
    "timestamp out of range": {"messages": [MESSAGE], "user_id": "u", "timestamp": 1e18},
    "timestamp a list": {"messages": [MESSAGE], "user_id": "u", "timestamp": [1]},
    "expiration in words": {"messages": [MESSAGE], "user_id": "u", "expiration_date": "soon"},
    "expiration that is no day": {"messages": [MESSAGE], "user_id": "u", "expiration_date": "2026-02-30"},
}


@pytest.mark.parametrize("name", BAD_ADDS)
async def test_a_wrong_add_is_refused_and_stores_nothing(http: httpx.AsyncClient, name: str) -> None:
    assert_error(await http.post("/v1/memories/", json=BAD_ADDS[name]), 400, 413)
    assert await stored(http) == 0


@pytest.mark.parametrize(
    "raw",
    [
        b'{"messages": "a \\ud83d b", "user_id": "u"}',
        b'{"messages": "a", "user_id": "\\udc00"}',
        b'{"messages": "a", "user_id": "u", "metadata": {"k": "\\ud800"}}',
        b'{"messages": "a", "user_id": "u", "metadata": {"\\ud800": 1}}',
    ],
)
async def test_half_a_surrogate_pair_is_refused_and_poisons_no_list(http: httpx.AsyncClient, raw: bytes) -> None:
    assert_error(await http.post("/v1/memories/", content=raw), 400)
    assert await stored(http) == 0
    assert (await http.get("/v1/memories/?user_id=u")).status_code == 200


BAD_SEARCHES: dict[str, Any] = {
    "no query": {"filters": {"user_id": "ana"}},
    "blank query": {"query": " \n", "filters": {"user_id": "ana"}},
    "query of the wrong type": {"query": 5, "filters": {"user_id": "ana"}},
    "over-long query": {"query": "x" * 101, "filters": {"user_id": "ana"}},
    "NUL in query": {"query": "a\0", "filters": {"user_id": "ana"}},
    "no scope": {"query": "tea"},
    "empty filters": {"query": "tea", "filters": {}},
    "no positive scope": {"query": "tea", "filters": {"NOT": [{"user_id": "ana"}]}},
    "metadata alone": {"query": "tea", "filters": {"metadata": {"k": "v"}}},
    "filters a list": {"query": "tea", "filters": [{"user_id": "ana"}]},
    "filters a text": {"query": "tea", "filters": "user_id"},
    "unknown field": {"query": "tea", "filters": {"user_id": "ana", "colour": "red"}},
    "camel case in a typo": {"query": "tea", "filters": {"user_id": "ana", "user_ID": "ben"}},
    "unknown operator": {"query": "tea", "filters": {"user_id": {"like": "a%"}}},
    "operator as a sign": {"query": "tea", "filters": {"user_id": "ana", "created_at": {">=": "2026-01-01"}}},
    "in with a text": {"query": "tea", "filters": {"user_id": {"in": "ana"}}},
    "AND not a list": {"query": "tea", "filters": {"AND": {"user_id": "ana"}}},
    "date in words": {"query": "tea", "filters": {"user_id": "ana", "created_at": {"gte": "lately"}}},
    "ids that are not ours": {"query": "tea", "filters": {"user_id": {"eq": {"a": 1}}}},
    "top_k zero": {"query": "tea", "user_id": "ana", "top_k": 0},
    "top_k too large": {"query": "tea", "user_id": "ana", "top_k": 1001},
    "top_k a text": {"query": "tea", "user_id": "ana", "top_k": "5"},
    "top_k a fraction": {"query": "tea", "user_id": "ana", "top_k": 2.5},
    "threshold above one": {"query": "tea", "user_id": "ana", "threshold": 1.1},
    "threshold a text": {"query": "tea", "user_id": "ana", "threshold": "high"},
    "explain of the wrong type": {"query": "tea", "user_id": "ana", "explain": "yes"},
    "position below zero": {"query": "tea", "user_id": "ana", "min_position": -1},
}


@pytest.mark.parametrize("name", BAD_SEARCHES)
async def test_a_wrong_search_is_refused(http: httpx.AsyncClient, name: str) -> None:
    await add(http)
    assert_error(await http.post("/v1/memories/search/", json=BAD_SEARCHES[name]), 400, 413)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "page=1",
        "user_id=",
        "user_id=%20",
        "user_id=%00",
        "user_id=ana&page=0",
        "user_id=ana&page=-1",
        "user_id=ana&page=99999999999999999",
        "user_id=ana&page_size=1001",
        'user_id=ana&filters={"colour": "red"}',
        "filters={}",
    ],
)
async def test_a_wrong_list_is_refused(http: httpx.AsyncClient, query: str) -> None:
    assert_error(await http.get(f"/v1/memories/?{query}"), 400)


@pytest.mark.parametrize("memory_id", ["1", "not-a-uuid", "%00", "a%2Fb", "x" * 2000, UNKNOWN + "0", "..%2f..", "é"])
@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "history/")])
async def test_an_id_that_is_none_of_ours_is_refused(
    http: httpx.AsyncClient, memory_id: str, method: str, tail: str
) -> None:
    body = {"text": "x"} if method == "PUT" else None
    assert_error(await http.request(method, f"/v1/memories/{memory_id}/{tail}", json=body), 400)


async def test_an_unknown_id_is_not_found(http: httpx.AsyncClient) -> None:
    for method, path in [("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "history/")]:
        body = {"text": "x"} if method == "PUT" else None
        assert_error(await http.request(method, f"/v1/memories/{UNKNOWN}/{path}", json=body), 404)
    assert_error(await http.get(f"/v1/operations/{UNKNOWN}/"), 404)
    assert_error(await http.get("/v1/operations/7/"), 404)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"colour": "red"},
        {"text": ""},
        {"text": None},
        {"text": 5},
        {"text": "a\0"},
        {"text": "x" * 1001},
        {"metadata": [1]},
        {"metadata": "x"},
        {"expiration_date": "soon"},
        {"timestamp": "yesterday"},
        {"text": "x", "timestamp": None},
    ],
)
async def test_a_wrong_update_changes_nothing(http: httpx.AsyncClient, body: Any) -> None:
    memory_id = (await add(http))["results"][0]["id"]
    assert_error(await http.put(f"/v1/memories/{memory_id}/", json=body), 400, 413)
    assert (await http.get(f"/v1/memories/{memory_id}/")).json()["version"] == 1


@pytest.mark.parametrize(
    "query",
    [
        "",
        "user_id=",
        "user_id=%20%20",
        "user_id=%00",
        "user_id=" + "a" * 300,
        "user_id=ana&user_id=ben",
        "user_id=ana&metadata={'k': 'v'}",
        "filters={'user_id': 'ana'}",
        "userid=ana",
    ],
)
async def test_a_wrong_deletion_deletes_nothing(http: httpx.AsyncClient, query: str) -> None:
    await add(http)
    assert_error(await http.delete(f"/v1/memories/?{query}"), 400, 413)
    assert await stored(http) == 1


@pytest.mark.parametrize("query", ["page=0", "page_size=0", "page=x", "page_size=100000"])
async def test_a_wrong_page_of_entities_is_refused(http: httpx.AsyncClient, query: str) -> None:
    assert_error(await http.get(f"/v1/entities/?{query}"), 400)


@pytest.mark.parametrize("key", ["", "   ", "k" * 300])
async def test_a_wrong_idempotency_key_is_refused_and_stores_nothing(http: httpx.AsyncClient, key: str) -> None:
    body = {"messages": "x", "user_id": "u"}
    assert_error(await http.post("/v1/memories/", json=body, headers={"idempotency-key": key}), 400, 413)
    assert await stored(http) == 0
