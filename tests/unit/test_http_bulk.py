"""Bulk requests over HTTP, above a memory system that records what it is asked: which items reach it, what is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from engine import errors
from engine.config import LimitSettings, Settings
from engine.types import Json, JsonList
from serve_app.application import create_app
from serve_app.bulk import item_key

LIMIT = 5
ADD, SEARCH = "/v1/memories/bulk/", "/v1/memories/search/bulk/"


class Batches:
    """A memory system whose batches answer the number of each item, or what `answers` says of it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, JsonList, dict[str, Any]]] = []
        self.answers: dict[str, Json] = {}
        self.error: Exception | None = None

    async def add_batch(self, items: JsonList, **fields: Any) -> JsonList:
        return self._batch("add", "messages", items, fields)

    async def search_batch(self, items: JsonList, **fields: Any) -> JsonList:
        return self._batch("search", "query", items, fields)

    def _batch(self, verb: str, needed: str, items: JsonList, fields: dict[str, Any]) -> JsonList:
        self.calls.append((verb, items, fields))
        if self.error is not None:
            raise self.error
        return [self.answers.get(item[needed], {"said": item[needed]}) for item in items]


@pytest.fixture
def api() -> Batches:
    return Batches()


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """Built once: declaring the routes takes longer than most tests here."""
    unused: Any = Batches()
    return create_app(unused, Settings(limits=LimitSettings(batch_items=LIMIT, body_bytes=10_000)))


@pytest.fixture
async def http(app: FastAPI, api: Batches) -> AsyncIterator[httpx.AsyncClient]:
    app.state.api = api
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        yield client


async def results(http: httpx.AsyncClient, path: str, items: list[Any], **more: Any) -> JsonList:
    reply = await http.post(path, json={"items": items, **more})
    assert reply.status_code == 200, reply.text
    found: JsonList = reply.json()["results"]
    return found


def refused(result: Json) -> tuple[int, str]:
    """Status and code of an item's error, which has the shape of every error."""
    assert set(result) == {"status_code", "error"}
    assert set(result["error"]) == {"detail", "error", "code", "details", "request_id"}
    return result["status_code"], result["error"]["code"]


@pytest.mark.parametrize("path", [ADD, ADD.removesuffix("/"), SEARCH, SEARCH.removesuffix("/")])
async def test_each_item_is_answered_in_its_place(http: httpx.AsyncClient, api: Batches, path: str) -> None:
    needed = "query" if "search" in path else "messages"
    answered = await results(http, path, [{needed: str(n), "user_id": "u"} for n in range(LIMIT)])
    assert answered == [{"status_code": 200, "answer": {"said": str(n)}} for n in range(LIMIT)]
    assert len(api.calls) == 1


async def test_items_have_the_fields_of_single_requests_and_no_project(http: httpx.AsyncClient, api: Batches) -> None:
    add = {"messages": "x", "user_id": "u", "infer": "maybe", "wait": False, "project": "other", "source": "CLI"}
    search = {"query": "x", "filters": {"user_id": "u"}, "top_k": 3, "explain": True, "org_id": "o"}
    await results(http, ADD, [add], deadline_s=3, project="other")
    await results(http, SEARCH, [search])
    assert api.calls == [
        ("add", [{"messages": "x", "user_id": "u", "infer": "maybe", "wait": False}], {"deadline_s": 3}),
        ("search", [{"query": "x", "filters": {"user_id": "u"}, "top_k": 3, "explain": True}], {}),
    ]


async def test_an_add_that_goes_on_is_202_in_its_place(http: httpx.AsyncClient, api: Batches) -> None:
    api.answers = {"slow": {"status": "PENDING"}, "fast": {"status": "SUCCEEDED"}}
    answered = await results(http, ADD, [{"messages": "slow"}, {"messages": "fast"}])
    assert [one["status_code"] for one in answered] == [202, 200]


async def test_a_wrong_item_gets_its_own_error_and_the_others_go_on(http: httpx.AsyncClient, api: Batches) -> None:
    items = [{"messages": "a"}, "text", {"user_id": "u"}, {"messages": "b", "deadline_s": -1}, {"messages": "c"}]
    answered = await results(http, ADD, items)
    assert [refused(one) for one in answered[1:4]] == [(400, "invalid_input")] * 3
    assert [one["error"]["details"] for one in answered[1:4]] == [
        {"field": "items[1]"},
        {"field": "messages"},
        {"field": "deadline_s"},
    ]
    assert [answered[0]["answer"], answered[4]["answer"]] == [{"said": "a"}, {"said": "c"}]
    assert api.calls == [("add", [{"messages": "a"}, {"messages": "c"}], {})]


async def test_when_every_item_is_wrong_nothing_is_asked(http: httpx.AsyncClient, api: Batches) -> None:
    assert [refused(one) for one in await results(http, SEARCH, [None, 1, {}])] == [(400, "invalid_input")] * 3
    assert api.calls == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidInput("no"), 400),
        (errors.NotFound("no"), 404),
        (errors.Conflict("no"), 409),
        (errors.TooLarge("no", {"limit": 3}), 413),
        (errors.Overloaded("no", {"retry_after_s": 7}), 429),
        (errors.Unavailable("no"), 503),
        (errors.DeadlineExceeded("no"), 504),
    ],
)
async def test_an_items_error_has_the_status_and_body_of_a_single_request(
    http: httpx.AsyncClient, api: Batches, error: errors.RemoraError, status: int
) -> None:
    api.answers = {"x": {"error": {"code": error.code, "message": error.message, "details": error.details}}}
    reply = await http.post(ADD, json={"items": [{"messages": "x"}]}, headers={"x-request-id": "req-7"})
    (one,) = reply.json()["results"]
    assert refused(one) == (status, error.code)
    assert (one["error"]["detail"], one["error"]["details"]) == ("no", error.details)
    assert one["error"]["request_id"] == "req-7"


async def test_an_unexpected_error_of_an_item_is_logged_and_tells_nothing(
    http: httpx.AsyncClient, api: Batches, caplog: pytest.LogCaptureFixture
) -> None:
    api.answers = {"x": {"error": {"code": "internal", "message": "secret path", "details": {"secret": 1}}}}
    reply = await http.post(ADD, json={"items": [{"messages": "x"}]})
    assert refused(reply.json()["results"][0]) == (500, "internal")
    assert "secret" not in reply.text
    assert "secret path" in caplog.text


@pytest.mark.parametrize("path", [ADD, SEARCH])
@pytest.mark.parametrize("body", [{}, {"items": []}, {"items": {}}, {"items": "x"}, {"items": None}, []])
async def test_a_body_without_a_list_of_items_is_refused(
    http: httpx.AsyncClient, api: Batches, path: str, body: Any
) -> None:
    reply = await http.post(path, json=body)
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_input")
    assert api.calls == []


@pytest.mark.parametrize(("path", "needed"), [(ADD, "messages"), (SEARCH, "query")])
async def test_one_item_too_many_refuses_the_whole_request(
    http: httpx.AsyncClient, api: Batches, path: str, needed: str
) -> None:
    assert len(await results(http, path, [{needed: "x"}] * LIMIT)) == LIMIT
    reply = await http.post(path, json={"items": [{needed: "x"}] * (LIMIT + 1)})
    assert (reply.status_code, reply.json()["code"]) == (413, "too_large")
    assert reply.json()["details"] == {"field": "items", "limit": LIMIT}
    assert len(api.calls) == 1


async def test_a_body_too_large_says_which_limit_it_met(http: httpx.AsyncClient, api: Batches) -> None:
    reply = await http.post(ADD, json={"items": [{"messages": "x" * 10_000}]})
    assert reply.status_code == 413
    assert "limits.body_bytes" in reply.json()["detail"]
    assert api.calls == []


@pytest.mark.parametrize("deadline_s", [0, -1, "soon", True])
async def test_a_deadline_that_is_none_refuses_the_whole_request(
    http: httpx.AsyncClient, api: Batches, deadline_s: Any
) -> None:
    reply = await http.post(ADD, json={"items": [{"messages": "x"}], "deadline_s": deadline_s})
    assert (reply.status_code, reply.json()["details"]) == (400, {"field": "deadline_s"})
    assert api.calls == []


async def test_what_the_whole_batch_fails_with_is_the_answer(http: httpx.AsyncClient, api: Batches) -> None:
    api.error = errors.DeadlineExceeded("no answer", {"retry_after_s": 2})
    reply = await http.post(SEARCH, json={"items": [{"query": "x"}]})
    assert (reply.status_code, reply.json()["code"]) == (504, "deadline_exceeded")


@pytest.mark.parametrize("error", [errors.Unavailable, errors.DeadlineExceeded])
async def test_when_the_answer_to_adds_is_lost_the_caller_hears_what_to_do(
    http: httpx.AsyncClient, api: Batches, error: type[errors.RemoraError]
) -> None:
    api.error = error("the orchestrator is away", {"retry_after_s": 2})
    reply = await http.post(ADD, json={"items": [{"messages": "x"}]}, headers={"Idempotency-Key": "k"})
    assert (reply.status_code, reply.json()["code"], reply.headers["retry-after"]) == (503, "unavailable", "2")
    assert reply.json()["details"]["idempotency_key"] == "k"
    assert "send the same list again" in reply.json()["detail"]


# --- idempotency -----------------------------------------------------------------------------------------------------


async def keys(http: httpx.AsyncClient, api: Batches, items: list[Any], header: str | None) -> list[Any]:
    api.calls.clear()
    headers = {} if header is None else {"Idempotency-Key": header}
    reply = await http.post(ADD, json={"items": items}, headers=headers)
    assert reply.status_code == 200, reply.text
    return [item.get("idempotency_key") for item in api.calls[0][1]]


async def test_the_header_gives_each_item_a_key_of_its_own_that_the_same_request_gets_again(
    http: httpx.AsyncClient, api: Batches
) -> None:
    items = [{"messages": "a"}, {"messages": "b"}, {"messages": "c", "idempotency_key": "own"}]
    first = await keys(http, api, items, "k")
    assert first == [item_key("k", 0), item_key("k", 1), "own"]
    assert len(set(first)) == 3
    assert await keys(http, api, items, "k") == first
    assert not set(await keys(http, api, items[:2], "k2")) & set(first)


async def test_a_wrong_item_does_not_move_the_keys_of_those_behind_it(http: httpx.AsyncClient, api: Batches) -> None:
    assert await keys(http, api, ["wrong", {"messages": "b"}], "k") == [item_key("k", 1)]


async def test_without_the_header_only_items_that_bring_a_key_have_one(http: httpx.AsyncClient, api: Batches) -> None:
    items = [{"messages": "a"}, {"messages": "b", "idempotency_key": "own"}, {"messages": "c", "idempotency_key": None}]
    assert await keys(http, api, items, None) == [None, "own", None]


@pytest.mark.parametrize(("header", "status"), [("", 400), ("  ", 400), ("k" * 256, 413)])
async def test_an_unfit_key_refuses_the_whole_request(
    http: httpx.AsyncClient, api: Batches, header: str, status: int
) -> None:
    reply = await http.post(ADD, json={"items": [{"messages": "a"}]}, headers={"Idempotency-Key": header})
    assert (reply.status_code, reply.json()["details"]["field"]) == (status, "idempotency_key")
    assert api.calls == []


# --- description -----------------------------------------------------------------------------------------------------


async def test_the_description_tells_both_bodies_and_what_an_item_gets(http: httpx.AsyncClient) -> None:
    description = (await http.get("/openapi.json")).json()
    for path, model in ((ADD, "BulkAddRequest"), (SEARCH, "BulkSearchRequest")):
        operation = description["paths"][path]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": f"#/components/schemas/{model}"}
        assert {"200", "400", "413"} <= set(operation["responses"])
        assert model in description["components"]["schemas"]
    assert "idempotency_key" in description["components"]["schemas"]["BulkAddItem"]["properties"]
