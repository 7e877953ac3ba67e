"""Purge, operations, retry, verify and rebuild over HTTP and the real engine with its parts in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from engine.config import Settings
from engine.in_process import in_process
from serve_app import schemas, upkeep_schemas
from serve_app.application import create_app

STATES = ("PENDING", "RUNNING", "SUCCEEDED", "FAILED")


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """Built once: declaring the routes takes longer than most tests here."""
    return create_app(in_process(), Settings())


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    app.state.api = memory = in_process()
    await memory.start()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        yield client
    await memory.close()


async def add(http: httpx.AsyncClient, text: str, user: str = "ana", key: str | None = None, **fields: Any) -> Any:
    headers = {} if key is None else {"idempotency-key": key}
    reply = await http.post("/v1/memories/", json={"messages": text, "user_id": user, **fields}, headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def id_of(http: httpx.AsyncClient, text: str, user: str = "ana", key: str | None = None) -> str:
    return str((await add(http, text, user, key))["results"][0]["id"])


async def listed(http: httpx.AsyncClient, path: str) -> Any:
    reply = await http.get(path)
    assert reply.status_code == 200, reply.text
    return reply.json()


def assert_described(model: type[BaseModel], answer: Any) -> None:
    """What is answered is what `/docs` says."""
    model.model_validate(answer)
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert required <= set(answer)


def assert_error(reply: httpx.Response, status: int, code: str) -> None:
    assert (reply.status_code, reply.json()["code"]) == (status, code), reply.text


# --- purge -----------------------------------------------------------------------------------------------------------


async def test_a_purged_memory_is_410_everywhere_and_its_text_in_no_answer(http: httpx.AsyncClient) -> None:
    gone = await id_of(http, "The canary sings at noon", key="k1")
    kept = await id_of(http, "The dog barks")
    reply = await http.post("/v1/purge/", json={"memory_id": gone}, headers={"idempotency-key": "p1"})
    assert reply.status_code == 200
    assert_described(upkeep_schemas.PurgeAnswer, reply.json())
    assert reply.json()["count"] == 1

    for path in ("", "history/"):
        assert_error(await http.get(f"/v1/memories/{gone}/{path}"), 410, "purged")
    assert_error(await http.put(f"/v1/memories/{gone}/", json={"text": "x"}), 410, "purged")
    assert_error(await http.delete(f"/v1/memories/{gone}/"), 410, "purged")
    again = {"messages": "The canary sings at noon", "user_id": "ana"}
    for body in (again, again | {"messages": "another"}):
        assert_error(await http.post("/v1/memories/", json=body, headers={"idempotency-key": "k1"}), 410, "purged")
    assert [one["id"] for one in (await listed(http, "/v1/memories/?user_id=ana"))["results"]] == [kept]
    for path in ("/v1/operations/?page_size=1000", "/v1/memories/?user_id=ana", "/v1/graph/entities/?user_id=ana"):
        assert "canary" not in (await http.get(path)).text


async def test_the_same_purge_again_has_one_effect_and_the_same_answer(http: httpx.AsyncClient) -> None:
    await add(http, "one")
    await add(http, "two")
    send = {"json": {"user_id": "ana"}, "headers": {"idempotency-key": "p1"}}
    first = (await http.post("/v1/purge/", **send)).json()  # type: ignore[arg-type]
    await add(http, "three")
    again = (await http.post("/v1/purge/", **send)).json()  # type: ignore[arg-type]
    assert (first["count"], again["count"], again["operation_id"]) == (2, 2, first["operation_id"])
    assert (await listed(http, "/v1/memories/?user_id=ana"))["count"] == 1


async def test_a_purge_touches_exactly_its_scope(http: httpx.AsyncClient) -> None:
    await add(http, "in the run", run_id="r1")
    outside = await id_of(http, "in no run")
    other = await id_of(http, "somebody else's", "ben")
    deleted = str((await add(http, "deleted before", run_id="r1"))["results"][0]["id"])
    await http.delete(f"/v1/memories/{deleted}/")
    purged = await http.post("/v1/purge/", json={"user_id": "ana", "run_id": "r1"})
    assert purged.json()["count"] == 2
    assert_error(await http.get(f"/v1/memories/{deleted}/history/"), 410, "purged")
    for memory_id in (outside, other):
        assert (await http.get(f"/v1/memories/{memory_id}/history/")).status_code == 200


# --- operations ------------------------------------------------------------------------------------------------------


async def test_operations_are_listed_by_state_and_scope_newest_first(http: httpx.AsyncClient) -> None:
    first = await add(http, "one")
    second = await add(http, "two", run_id="r1")
    await add(http, "three", "ben")
    page = await listed(http, "/v1/operations/?user_id=ana")
    assert_described(upkeep_schemas.OperationPage, page)
    for operation in page["results"]:
        assert_described(schemas.Operation, operation)
    assert [one["id"] for one in page["results"]] == [second["operation_id"], first["operation_id"]]
    assert (await listed(http, "/v1/operations/?user_id=ana&run_id=r1"))["count"] == 1
    counts = [(await listed(http, f"/v1/operations/?user_id=ana&state={state}"))["count"] for state in STATES]
    assert counts == [0, 0, 2, 0]
    assert (await listed(http, "/v1/operations/"))["count"] == 3
    walked, url = [], "/v1/operations/?page_size=2"
    while url:
        part = await listed(http, url)
        walked += [one["id"] for one in part["results"]]
        url = part["next"]
    assert len(set(walked)) == len(walked) == 3


async def test_a_failed_operation_is_tried_again_when_its_cause_is_gone(http: httpx.AsyncClient) -> None:
    taken = await id_of(http, "The tram leaves at seven")
    moved = await id_of(http, "The tram leaves at eight")
    assert_error(await http.put(f"/v1/memories/{moved}/", json={"text": "The tram leaves at seven"}), 409, "conflict")
    (failed,) = (await listed(http, "/v1/operations/?state=FAILED&user_id=ana"))["results"]
    assert failed["error"]["code"] == "conflict"
    path = f"/v1/operations/{failed['id']}/"
    assert_error(await http.post(f"{path}retry/"), 409, "conflict")
    await http.delete(f"/v1/memories/{taken}/")

    reply = await http.post(f"{path}retry")
    assert (reply.status_code, reply.json()["memory"]) == (200, "The tram leaves at seven"), reply.text
    assert (await listed(http, path))["status"] == "SUCCEEDED"
    assert (await listed(http, f"/v1/memories/{moved}/"))["version"] == 2

    still = await http.post(f"{path}retry/")
    assert still.json()["operation_id"] == failed["id"]
    assert (await listed(http, f"/v1/memories/{moved}/"))["version"] == 2, "what has not failed is left alone"


async def test_a_retry_that_nobody_waits_for_is_accepted(http: httpx.AsyncClient) -> None:
    taken = await id_of(http, "one")
    moved = await id_of(http, "two")
    await http.put(f"/v1/memories/{moved}/", json={"text": "one"})
    (failed,) = (await listed(http, "/v1/operations/?state=FAILED"))["results"]
    await http.delete(f"/v1/memories/{taken}/")
    reply = await http.post(f"/v1/operations/{failed['id']}/retry/", json={"wait": False})
    assert (reply.status_code, reply.json()["status"]) == (202, "PENDING")
    async with asyncio.timeout(10):
        while (await listed(http, f"/v1/operations/{failed['id']}/"))["status"] in {"PENDING", "RUNNING"}:
            await asyncio.sleep(0)
    assert (await listed(http, f"/v1/memories/{moved}/"))["memory"] == "one"


# --- verify and rebuild ----------------------------------------------------------------------------------------------


async def test_a_verification_is_walked_by_its_cursor(http: httpx.AsyncClient) -> None:
    for number in range(5):
        await add(http, f"fact number {number}")
    checked, cursor, stretches = 0, None, 0
    while cursor is not None or stretches == 0:
        part = (await http.post("/v1/verify/", json={"cursor": cursor, "limit": 2})).json()
        assert_described(upkeep_schemas.VerifyAnswer, part)
        assert (part["differences"], part["problems"], part["total"]) == ([], [], 5)
        checked, cursor, stretches = checked + part["checked"], part["next"], stretches + 1
    assert (checked, stretches >= 3) == (5, True)


@pytest.mark.parametrize("index", ["vector", "graph"])
async def test_a_rebuild_goes_on_by_itself_and_tells_how_far_it_is(http: httpx.AsyncClient, index: str) -> None:
    await add(http, "Clara moved to Lisbon")
    before = await listed(http, f"/v1/rebuild/{index}/")
    assert_described(upkeep_schemas.RebuildAnswer, before)
    assert before["state"] == "NONE"
    begun = await http.post("/v1/rebuild/", json={"index": index})
    assert begun.status_code == (202 if begun.json()["state"] == "RUNNING" else 200)
    async with asyncio.timeout(10):
        while (state := await listed(http, f"/v1/rebuild/{index}"))["state"] == "RUNNING":
            await asyncio.sleep(0.01)  # with 0 it keeps the interpreter from the threads that it waits for
    assert (state["state"], state["done"], state["total"], state["error"]) == ("DONE", 1, 1, None)
    found = await http.post("/v1/memories/search/", json={"query": "Lisbon", "user_id": "ana"})
    assert [hit["memory"] for hit in found.json()["results"]] == ["Clara moved to Lisbon"]
