"""A full HTTP process refuses in the right shape, and leaves room for reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from engine.config import LimitSettings, Settings
from serve_app.application import create_app

BODY_BYTES = 1000


class Slow:
    """A memory system whose adds wait until they may go on."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = asyncio.Event()

    async def add(self, _messages: Any, **_fields: Any) -> dict[str, Any]:
        self.begun += 1
        await self.go_on.wait()
        return {"results": []}

    async def list(self, **_fields: Any) -> dict[str, Any]:
        return {"count": 0, "page": 1, "page_size": 100, "results": []}

    async def search(self, _query: str, **_fields: Any) -> dict[str, Any]:
        return {"results": []}

    async def status(self) -> dict[str, Any]:
        return {"ready": True, "state": "ready"}


@pytest.fixture
def api() -> Slow:
    return Slow()


@pytest.fixture
def app(api: Slow) -> FastAPI:
    limits = LimitSettings(pending_requests=4, pending_bytes=20 * BODY_BYTES, body_bytes=BODY_BYTES)
    whole: Any = api  # It has what is called here.
    return create_app(whole, Settings(limits=limits))


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        yield client


def add(http: httpx.AsyncClient, **more: Any) -> asyncio.Future[httpx.Response]:
    return asyncio.ensure_future(http.post("/v1/memories/", **(more or {"json": {"messages": "x", "user_id": "u"}})))


def assert_refused(reply: httpx.Response) -> None:
    body = reply.json()
    assert (reply.status_code, body["code"]) == (429, "overloaded"), body
    assert set(body) == {"detail", "error", "code", "details", "request_id"}
    assert reply.headers["retry-after"].isdigit()
    assert int(reply.headers["retry-after"]) >= 1


def pending(app: FastAPI) -> set[int]:
    return {gate["pending"] for gate in app.state.places.figures().values()}


async def until_begun(api: Slow, count: int) -> None:
    async with asyncio.timeout(5):
        while api.begun < count:
            await asyncio.sleep(0)


async def test_when_adds_have_taken_their_share_they_are_refused_and_searches_are_answered(
    app: FastAPI, api: Slow, http: httpx.AsyncClient
) -> None:
    adds = [add(http) for _ in range(3)]
    await until_begun(api, 3)
    assert_refused(await add(http))
    assert (await http.post("/v1/memories/search/", json={"query": "x", "user_id": "u"})).status_code == 200
    filters = {"filters": {"user_id": "u"}}
    for path in ("/v3/memories/search/", "/v3/memories/", "/v3/memories", "/v2/memories/"):
        assert (await http.post(path, json={"query": "x", **filters})).status_code == 200, path
    for path in ("/v3/memories/add/", "/v3/memories/add"):
        assert_refused(await http.post(path, json={"messages": "x", "user_id": "u"}))
    api.go_on.set()
    assert {reply.status_code for reply in await asyncio.gather(*adds)} == {200}
    assert pending(app) == {0}
    assert (await add(http)).status_code == 200


async def test_health_and_figures_are_answered_however_full_it_is(
    app: FastAPI, api: Slow, http: httpx.AsyncClient
) -> None:
    with (
        app.state.places.admit(changing=False, size_bytes=0),
        app.state.places.admit(changing=False, size_bytes=0),
        app.state.places.admit(changing=False, size_bytes=0),
        app.state.places.admit(changing=False, size_bytes=0),
    ):
        assert_refused(await http.post("/v1/memories/search/", json={"query": "x", "user_id": "u"}))
        for path in ("/healthz", "/readyz", "/v1/status/", "/v1/status", "/v1/ping/"):
            assert (await http.get(path)).status_code == 200, path
        told = (await http.get("/v1/status/")).json()["replica"]["places"]
        assert (told["all"]["pending"], told["all"]["refused"]) == (4, 1)


async def test_large_bodies_count_by_their_size(api: Slow, http: httpx.AsyncClient) -> None:
    large = {"json": {"messages": "x" * (BODY_BYTES - 100), "user_id": "u"}}
    adds = [add(http, **large) for _ in range(3)]
    await until_begun(api, 3)
    assert_refused(await add(http, **large))
    assert (await http.post("/v1/memories/search/", json={"query": "x", "user_id": "u"})).status_code == 200
    api.go_on.set()
    await asyncio.gather(*adds)


async def test_a_body_of_unknown_size_counts_as_the_largest(api: Slow, http: httpx.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b'{"messages": "x", '
        yield b'"user_id": "u"}'

    adds = [add(http, content=parts()) for _ in range(3)]
    await until_begun(api, 3)
    assert_refused(await add(http))
    api.go_on.set()
    assert {reply.status_code for reply in await asyncio.gather(*adds)} == {200}


async def test_a_request_that_is_given_up_leaves_its_place(app: FastAPI, api: Slow, http: httpx.AsyncClient) -> None:
    adds = [add(http) for _ in range(3)]
    await until_begun(api, 3)
    adds[0].cancel()
    await asyncio.wait([adds[0]])
    api.go_on.set()
    assert (await add(http)).status_code == 200
    await asyncio.gather(*adds[1:])
    assert pending(app) == {0}
