"""`/v1/exports/` and `/v1/summary/`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.unit.mem0_door import NOBODY, added, assert_refused, opened

SCHEMA = {"type": "object", "properties": {"facts": {"type": "array", "items": {"type": "string"}}}}
ANA = {"user_id": "ana"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with opened() as client:
        yield client


async def asked_for(http: httpx.AsyncClient, schema: Any = SCHEMA, **filters: Any) -> str:
    reply = await http.post("/v1/exports/", json={"schema": schema, "filters": filters})
    assert (reply.status_code, reply.json().keys()) == (201, {"message", "id"})
    return str(reply.json()["id"])


async def fetched(http: httpx.AsyncClient, **wanted: Any) -> Any:
    return (await http.post("/v1/exports/get/", json=wanted)).json()


async def test_an_export_is_made_of_what_there_is_when_it_is_fetched(http: httpx.AsyncClient) -> None:
    [tea] = await added(http, "tea", user_id="ana")
    await added(http, "not hers", user_id="ben")
    export = await asked_for(http, **ANA)
    assert await fetched(http, memory_export_id=export) == {"facts": ["tea"]}
    await added(http, "coffee", user_id="ana")
    assert await fetched(http, memory_export_id=export) == {"facts": ["coffee", "tea"]}
    await http.post("/v1/purge/", json={"memory_id": tea})
    assert await fetched(http, memory_export_id=export) == {"facts": ["coffee"]}


async def test_the_newest_export_with_equal_filters_is_found_by_them(http: httpx.AsyncClient) -> None:
    await added(http, "tea", user_id="ana")
    await asked_for(http, **ANA)
    await asked_for(http, {"type": "array", "items": {"type": "string"}}, **ANA)
    await asked_for(http, user_id="ben")
    assert await fetched(http, filters=ANA) == ["tea"]


async def test_an_export_of_many_memories_has_the_newest(http: httpx.AsyncClient) -> None:
    for start in range(0, 250, 50):
        await added(http, *(f"note {number}" for number in range(start, start + 50)), user_id="ana")
    export = await asked_for(http, **ANA)
    assert len((await fetched(http, memory_export_id=export))["facts"]) == 250


@pytest.mark.parametrize("wanted", [{"memory_export_id": NOBODY}, {"filters": {"user_id": "nobody"}}])
async def test_what_nobody_asked_for_is_404(http: httpx.AsyncClient, wanted: Any) -> None:
    assert_refused(await http.post("/v1/exports/get/", json=wanted), 404)


@pytest.mark.parametrize(
    "body",
    [
        {"filters": ANA},
        {"schema": SCHEMA},
        {"schema": SCHEMA, "filters": {"colour": "red"}},
        {"schema": {"$ref": "http://127.0.0.1/"}, "filters": ANA},
        {"schema": 7, "filters": ANA},
    ],
)
async def test_what_cannot_be_exported_is_refused(http: httpx.AsyncClient, body: Any) -> None:
    assert_refused(await http.post("/v1/exports/", json=body))
    assert_refused(await http.post("/v1/exports/get/", json={}))
    assert_refused(await http.post("/v1/exports/get/", json={"memory_export_id": "nonsense"}))


async def test_a_schema_that_needs_more_than_memories_is_told_so(http: httpx.AsyncClient) -> None:
    schema = {"type": "object", "required": ["verdict"], "properties": {"verdict": {"type": "string"}}}
    export = await asked_for(http, schema, **ANA)
    assert_refused(await http.post("/v1/exports/get/", json={"memory_export_id": export}), 400, "names of its")


async def test_only_so_many_exports_are_kept(http: httpx.AsyncClient) -> None:
    first = await asked_for(http, **ANA)
    last = [await asked_for(http, **ANA) for _ in range(100)][-1]
    assert_refused(await http.post("/v1/exports/get/", json={"memory_export_id": first}), 404)
    assert await fetched(http, memory_export_id=last) == {"facts": []}


async def test_a_summary_is_in_the_words_of_the_newest_memories(http: httpx.AsyncClient) -> None:
    for number in range(25):
        await added(http, f"note {number} {'x' * 300}", user_id="ana")
    told = (await http.post("/v1/summary/", json={"filters": ANA})).json()
    lines = told["summary"].splitlines()
    assert (told["count"], len(told["memories"]), len(lines)) == (25, 20, 21)
    assert ("note 24" in lines[0], lines[-1]) == (True, "and 5 older")
    assert max(map(len, lines)) < 230
    assert_refused(await http.post("/v1/summary/", json={}))
