"""What is wrong gets a clear 4xx of one shape and changes nothing: over the engine in process, and over a runtime."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from engine.config import Settings
from engine.in_process import in_process
from serve_app.application import create_app
from tests.integration.bad_requests import BAD, GROUPS, Bad

LITERALS = [
    'ana" or user_id != "', "ana' OR '1'='1", "ana'; DROP TABLE operations; --", "%", "_", "ana%", "{{user_id}}", "$ne",
    "ana\\", "../ana", "*",
]  # fmt: skip
"""Ids that would be more than an id to a store that takes them for a part of its own language."""


class Place:
    """A memory system over HTTP, with a memory of ana's in it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.memory_id = ""

    async def fill(self) -> None:
        body = {"messages": "I like green tea", "user_id": "ana", "metadata": {"source": "chat"}}
        reply = await self.http.post("/v1/memories/", json=body)
        assert reply.status_code == 200, reply.text
        self.memory_id = reply.json()["results"][0]["id"]

    async def state(self) -> Any:
        """Everything that a wrong request could have changed: who has how many memories, ana's, and the operations."""
        pages = [
            await self.http.get(path)
            for path in ("/v1/entities/?page_size=1000", "/v1/memories/?user_id=ana", "/v1/operations/?page_size=1")
        ]
        assert [page.status_code for page in pages] == [200, 200, 200], [page.text for page in pages]
        return [page.json() for page in pages]

    async def send(self, bad: Bad) -> httpx.Response:
        path = bad.path.replace("{id}", self.memory_id)
        raw = bad.raw.replace(b"{id}", self.memory_id.encode())
        return await self.http.request(bad.method, path, content=raw or None, headers=bad.headers)

    async def answer_wrongly(self, requests: Sequence[Bad]) -> list[str]:
        """Which of these are not refused as they should be, or change something."""
        wrong = []
        before = await self.state()
        for bad in requests:
            complaint = complaint_of(bad, await self.send(bad))
            if (after := await self.state()) != before:
                before, complaint = after, f"{complaint or 'refused'}, and something has changed"
            wrong += [f"{bad.name}: {complaint}"] if complaint else []
        return wrong


def complaint_of(bad: Bad, reply: httpx.Response) -> str | None:
    """What is wrong with the answer to a wrong request; None: nothing."""
    try:
        body = reply.json()
        shape = {"detail", "error", "code", "details", "request_id"}
        fine = set(body) == shape and body["detail"] == body["error"] and body["detail"].strip()
        if fine and (reply.status_code, body["code"]) == (bad.status, bad.code):
            return None
    except ValueError:
        pass
    return f"answered {reply.status_code} {reply.text[:200]}"


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """Built once: declaring the routes takes longer than most tests here."""
    return create_app(in_process(), Settings())


@pytest.fixture
async def place(app: FastAPI) -> AsyncIterator[Place]:
    app.state.api = memory = in_process()
    await memory.start()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as http:
        place = Place(http)
        await place.fill()
        yield place
    await memory.close()


def test_every_wrong_request_has_a_name_of_its_own() -> None:
    assert len({bad.name for bad in BAD}) == len(BAD)


@pytest.mark.parametrize("group", GROUPS)
async def test_wrong_requests_are_refused_one_by_one_and_change_nothing(place: Place, group: str) -> None:
    assert await place.answer_wrongly(GROUPS[group]) == []


@pytest.mark.parametrize("literal", LITERALS)
async def test_an_id_is_a_name_and_never_a_part_of_a_question(place: Place, literal: str) -> None:
    for path in ("/v1/memories/", "/v1/graph/entities/", "/v1/operations/"):
        reply = await place.http.get(path, params={"agent_id": literal})
        assert (reply.status_code, reply.json().get("count", 0)) in {(200, 0), (400, 0)}, (path, reply.text)
    found = await place.http.post("/v1/memories/search/", json={"query": "tea", "agent_id": literal})
    assert found.json().get("results", []) == []
    for reply in (
        await place.http.delete("/v1/memories/", params={"user_id": literal}),
        await place.http.post("/v1/purge/", json={"user_id": literal}),
    ):
        assert reply.status_code in {200, 400}, reply.text
        assert reply.json().get("count", 0) == 0
    listed = (await place.http.get("/v1/memories/?user_id=ana")).json()
    assert [memory["id"] for memory in listed["results"]] == [place.memory_id]


@pytest.mark.parametrize("literal", LITERALS)
async def test_keys_of_metadata_and_of_requests_are_only_names(place: Place, literal: str) -> None:
    body = {"messages": "I like coffee", "user_id": "ben", "metadata": {literal: "x"}}
    replies = [
        (await place.http.post("/v1/memories/", json=body, headers={"idempotency-key": literal})).json()
        for _ in range(2)
    ]
    assert replies[0]["operation_id"] == replies[1]["operation_id"]
    filters = {"AND": [{"user_id": "ben"}, {"metadata": {literal: "x"}}]}
    found = await place.http.post("/v1/memories/search/", json={"query": "coffee", "filters": filters})
    assert [hit["memory"] for hit in found.json()["results"]] == ["I like coffee"], found.text
    other = {"AND": [{"user_id": "ana"}, {"metadata": {literal: "x"}}]}
    assert (await place.http.post("/v1/memories/search/", json={"query": "tea", "filters": other})).json()[
        "results"
    ] == []


async def test_a_running_server_refuses_them_all_and_is_as_it_was(http_url: str) -> None:
    async with httpx.AsyncClient(base_url=http_url, timeout=60.0) as http:
        place = Place(http)
        await place.fill()
        assert await place.answer_wrongly(BAD) == []
