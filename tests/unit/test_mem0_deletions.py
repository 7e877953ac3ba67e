"""Mem0's deletions, batches and entities, and the traps in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from engine.errors import Unavailable
from tests.unit.mem0_door import NOBODY, added, app_of, assert_refused, client_of, listed, memory_system, opened

PATH = "/v1/memories/"
ALL = "user_id=*&agent_id=*&app_id=*&run_id=*"
EVERYONE = {"OR": [{name: "*"} for name in ("user_id", "agent_id", "app_id", "run_id")]}
KEPT = ["alone", "ana", "ana r", "ben", "ben bot", "only bot"]


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with opened() as client:
        await fill(client)
        yield client


async def fill(http: httpx.AsyncClient) -> None:
    await added(http, "ana", user_id="ana")
    await added(http, "ana r", user_id="ana", run_id="r", metadata={"k": "v"})
    await added(http, "ben", user_id="ben")
    await added(http, "ben bot", user_id="ben", agent_id="bot")
    await added(http, "only bot", agent_id="bot")
    await added(http, "alone", app_id="a/b c@x")


async def left(http: httpx.AsyncClient) -> list[str]:
    return await listed(http, **EVERYONE)


# --- delete_all ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "gone"),
    [
        ("user_id=ana", {"ana", "ana r"}),
        ("user_id=ana&run_id=r", {"ana r"}),
        ("user_id=ana&agent_id=bot", set()),
        ("agent_id=bot", {"ben bot", "only bot"}),
        ("user_id=nobody", set()),
        ("user_id=ana&source=CLI&org_id=o&project_id=p&output_format=v1.1&enable_graph=true", {"ana", "ana r"}),
        ("filters={'user_id': 'ana'}", {"ana", "ana r"}),
        ("filters={'user_id': 'ana', 'run_id': 'r'}", {"ana r"}),
        ('filters={"userId": "ana"}', {"ana", "ana r"}),
        ("filters={'user_id': 'ben', 'agent_id': None}", {"ben", "ben bot"}),
        ("filters={'user_id': 'ana'}&run_id=r", {"ana r"}),
        ("user_id=*", {"ana", "ana r", "ben", "ben bot"}),
        ("agent_id=*", {"ben bot", "only bot"}),
        ("user_id=*&agent_id=bot", {"ben bot"}),
        ("filters={'app_id': '*'}", {"alone"}),
        (ALL, set(KEPT)),
    ],
)  # fmt: skip
async def test_a_deletion_takes_what_it_names_and_nothing_else(
    http: httpx.AsyncClient, query: str, gone: set[str]
) -> None:
    reply = await http.delete(f"{PATH}?{query}")
    body = reply.json()
    assert (reply.status_code, body["count"]) == (200, len(gone))
    assert isinstance(body["message"], str)
    assert "event_id" in body
    assert await left(http) == [text for text in KEPT if text not in gone]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "source=CLI",
        "user_id=",
        "user_id=%20",
        "filters={}",
        "filters=ana",
        "filters=['user_id']",
        "filters={'user_id': {'ne': 'ben'}}",
        "filters={'AND': [{'user_id': 'ana'}]}",
        "filters={'user_id': 'ana', 'metadata': {'k': 'v'}}",
        "filters={'user_id': 'ana', 'created_at': {'gte': '2026-01-01'}}",
        "filters={'user_id': 'ana'}&user_id=ben",
        "filters=__import__('os')",
        "filters=" + "[" * 500,
        "filters={'user_id': '" + "x" * 5000 + "'}",
        "user_id=ana&metadata={'k': 'v'}",
        "metadata={'k': 'v'}",
        "user_id=ana&limit=1",
        "user_id=ana&version=v2",
        "user_id=ana&categories=food",
        "user_id=*&agent_id=*",
        "user_id=*&agent_id=*&app_id=*",
        "userId=ana",
    ],
)
async def test_a_deletion_that_could_mean_less_deletes_nothing(http: httpx.AsyncClient, query: str) -> None:
    assert_refused(await http.delete(f"{PATH}?{query}"))
    assert await left(http) == KEPT


@pytest.mark.parametrize(
    "header",
    [{"x-mem0-client": "mem0-js/3.3.1"}, {"x-mem0-client-language": "node"}, {"mem0-user-id": "0123456789abcdef"}],
)
async def test_each_of_mem0_s_clients_can_say_every_user(header: dict[str, str]) -> None:
    async with memory_system() as memory, client_of(app_of(memory), **header) as http:
        await fill(http)
        assert (await http.delete(f"{PATH}?{ALL}")).json()["count"] == len(KEPT)
        assert await left(http) == []


async def test_nobody_but_mem0_s_clients_can_say_every_user_or_put_ids_into_filters() -> None:
    async with memory_system() as memory:
        app = app_of(memory)
        async with client_of(app) as http, client_of(app, accept="*/*") as curl:
            await fill(http)
            queries = ("user_id=*", ALL, "filters={'user_id': '*'}", "filters={'user_id': 'ana'}")
            for query in (*queries, "user_id=ana&output_format=v1.1", "user_id=ana&delete_linked=true"):
                assert_refused(await curl.delete(f"{PATH}?{query}"))
            assert await left(http) == KEPT


async def test_a_wide_deletion_that_fails_half_way_says_how_far_it_came() -> None:
    async with memory_system() as memory:

        class Failing:
            def __getattr__(self, verb: str) -> Any:
                return getattr(memory, verb)

            async def delete_all(self, **fields: Any) -> Any:
                if fields.get("user_id") == "ben":
                    raise Unavailable("the shard is away")
                return await memory.delete_all(**fields)

        async with client_of(app_of(Failing())) as http:
            await fill(http)
            assert_refused(await http.delete(f"{PATH}?user_id=*"), 503, "deleted 2 memories, of 1 of 2 ids")
            assert await left(http) == ["alone", "ben", "ben bot", "only bot"]


# --- batches ---------------------------------------------------------------------------------------------------------


async def test_a_batch_changes_every_memory_that_it_names(http: httpx.AsyncClient) -> None:
    one, two = await added(http, "one", "two", user_id="eva", metadata={"k": 1})
    changes = [{"memory_id": one, "text": "eins"}, {"memory_id": two.upper(), "metadata": {"k": 2}}]
    reply = await http.put("/v1/batch/", json={"memories": changes})
    assert (reply.status_code, reply.json()["message"]) == (200, "Successfully updated 2 memories")
    assert await listed(http, user_id="eva") == ["eins", "two"]
    assert (await http.get(f"{PATH}{two}/")).json()["metadata"] == {"k": 2}


async def test_a_batch_deletes_every_memory_that_it_names(http: httpx.AsyncClient) -> None:
    one, two, _ = await added(http, "one", "two", "three", user_id="eva")
    named = {"memories": [{"memory_id": one}, {"memory_id": two}, {"memory_id": two}]}
    reply = await http.request("DELETE", "/v1/batch/", json=named)
    assert (reply.status_code, reply.json()["message"]) == (200, "Successfully deleted 2 memories")
    assert await listed(http, user_id="eva") == ["three"]


async def test_a_batch_that_is_sent_again_with_its_key_has_one_effect(http: httpx.AsyncClient) -> None:
    [one] = await added(http, "one", user_id="eva")
    for _ in range(2):
        body = {"memories": [{"memory_id": one, "text": "eins"}]}
        reply = await http.put("/v1/batch/", json=body, headers={"Idempotency-Key": "k"})
        assert reply.status_code == 200
    assert len((await http.get(f"{PATH}{one}/history/")).json()) == 2


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_memory_that_is_missing_keeps_no_other_and_is_named(http: httpx.AsyncClient, method: str) -> None:
    [one] = await added(http, "one", user_id="eva")
    named = {"memories": [{"memory_id": NOBODY, "text": "x"}, {"memory_id": one, "text": "eins"}]}
    reply = await http.request(method, "/v1/batch/", json=named)
    assert_refused(reply, 404, NOBODY)
    assert reply.json()["details"]["count"] == 1
    assert await listed(http, user_id="eva") == (["eins"] if method == "PUT" else [])


@pytest.mark.parametrize(
    "memories",
    [
        None,
        [],
        "{id}",
        ["{id}"],
        [{"text": "x"}],
        [{"memory_id": "nonsense", "text": "x"}],
        [{"memory_id": {"memory_id": "{id}"}}],
        [{"memory_id": "{id}", "text": "x"}, {"memory_id": {"memory_id": "{id}"}}],
        [{"memory_id": "{id}", "text": "x"}, {"memory_id": None}],
        [{"memory_id": NOBODY, "text": "x"}] * 1001,
    ],
)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_batch_that_is_wrong_in_itself_changes_nothing(
    http: httpx.AsyncClient, method: str, memories: Any
) -> None:
    [one] = await added(http, "one", user_id="eva")
    body = httpx.Request("PUT", "http://x", json={"memories": memories}).content.replace(b"{id}", one.encode())
    assert_refused(await http.request(method, "/v1/batch/", content=body))
    assert await listed(http, user_id="eva") == ["one"]


@pytest.mark.parametrize(
    "change", [{}, {"text": " "}, {"metadata": [1]}, {"text": 5}, {"expiration_date": "soon"}, {"note": "x"}]
)
async def test_a_change_that_is_wrong_keeps_the_whole_batch(http: httpx.AsyncClient, change: dict[str, Any]) -> None:
    one, two = await added(http, "one", "two", user_id="eva")
    body = {"memories": [{"memory_id": one, "text": "eins"}, {"memory_id": two, **change}]}
    assert_refused(await http.put("/v1/batch/", json=body), 400, "memories[1]")
    body = {"memories": [{"memory_id": one, "text": "eins"}, {"memory_id": one, "text": "uno"}]}
    assert_refused(await http.put("/v1/batch/", json=body), 400, "memories[1]")
    assert await listed(http, user_id="eva") == ["one", "two"]


# --- entities --------------------------------------------------------------------------------------------------------


async def test_who_has_memories_is_listed_with_their_number(http: httpx.AsyncClient) -> None:
    body = (await http.get("/v1/entities/")).json()
    assert [(one["type"], one["name"], one["total_memories"]) for one in body["results"]] == [
        ("user", "ana", 2), ("user", "ben", 2), ("agent", "bot", 2), ("app", "a/b c@x", 1), ("run", "r", 1)
    ]  # fmt: skip
    assert (body["count"], body["next"], body["previous"]) == (5, None, None)
    assert [body[f"total_{kind}"] for kind in ("users", "agents", "apps", "runs")] == [2, 1, 1, 1]
    for one in body["results"]:
        assert isinstance(one["id"], str)
        assert {"created_at", "updated_at", "owner", "metadata"} <= set(one)
    second = (await http.get("/v1/entities/?page=2&page_size=2")).json()
    assert [one["name"] for one in second["results"]] == ["bot", "a/b c@x"]


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        ("user/ana", {"ana", "ana r"}),
        ("agent/bot", {"ben bot", "only bot"}),
        ("app/a%2Fb%20c%40x", {"alone"}),
        ("run/r", {"ana r"}),
        ("user/nobody", set()),
    ],
)
async def test_an_entity_goes_with_every_memory_that_has_its_id(
    http: httpx.AsyncClient, path: str, gone: set[str]
) -> None:
    reply = await http.delete(f"/v2/entities/{path}/?source=CLI")
    assert (reply.status_code, reply.json()["count"]) == (200, len(gone))
    assert await left(http) == [text for text in KEPT if text not in gone]


@pytest.mark.parametrize("path", ["users/ana", "user_id/ana", "memory/ana", "user/%20", "user/*", "user/%FF"])
async def test_an_entity_that_cannot_be_is_refused(http: httpx.AsyncClient, path: str) -> None:
    assert_refused(await http.delete(f"/v2/entities/{path}/"))
    assert await left(http) == KEPT


async def test_resetting_entity_by_entity_leaves_nothing(http: httpx.AsyncClient) -> None:
    for one in (await http.get("/v1/entities/")).json()["results"]:
        path = f"/v2/entities/{one['type']}/{quote(one['name'], safe='')}/"
        assert (await http.delete(path)).status_code == 200
    assert await left(http) == []
    assert (await http.get("/v1/entities/")).json()["count"] == 0
