"""The REST API of Mem0's self-hosted server, route by route, over a memory system in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from serve_app.mem0_oss.filters import platform_filter
from tests.unit.mem0_door import KEY, NOBODY, app_of, assert_refused, client_of, memory_system

SAID = [{"role": "user", "content": "I like tea"}]


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """Asks as curl does: with `X-API-Key`, and no word of any client."""
    async with memory_system() as memory, client_of(app_of(memory), **{"X-API-Key": KEY}) as http:
        del http.headers["authorization"]
        yield http


async def kept(http: httpx.AsyncClient, text: str = "I like tea", **fields: Any) -> str:
    body = {"messages": [{"role": "user", "content": text}], **({"user_id": "ana"} | fields)}
    reply = await http.post("/memories", json=body)
    assert reply.status_code == 200, reply.text
    [row] = reply.json()["results"]
    assert (row["memory"], row["event"], row["role"], row["actor_id"]) == (text, "ADD", "user", None)
    memory_id: str = row["id"]
    return memory_id


async def texts(http: httpx.AsyncClient, **params: Any) -> list[str]:
    return [row["memory"] for row in (await http.get("/memories", params=params)).json()["results"]]


async def found(http: httpx.AsyncClient, **body: Any) -> list[str]:
    reply = await http.post("/search", json={"query": "tea", "threshold": 0.0, **body})
    assert reply.status_code == 200, reply.text
    return sorted(row["memory"] for row in reply.json()["results"])


async def test_a_key_is_asked_for_as_everywhere(http: httpx.AsyncClient) -> None:
    for path in ("/memories", "/entities", "/configure"):
        reply = await http.get(path, headers={"X-API-Key": "wrong"})
        assert reply.status_code == 401
        assert isinstance(reply.json()["detail"], str)
        assert reply.headers["x-request-id"]


async def test_an_add_is_done_when_it_is_answered(http: httpx.AsyncClient) -> None:
    body = {"messages": SAID, "user_id": "ana", "metadata": {"a": 1}, "infer": True, "expiration_date": "2999-01-01"}
    reply = await http.post("/memories", json=body)
    assert reply.json().keys() == {"results", "status", "event_id"}
    [row] = reply.json()["results"]
    memory = (await http.get(f"/memories/{row['id']}")).json()
    assert (memory["memory"], memory["metadata"], memory["expiration_date"]) == ("I like tea", {"a": 1}, "2999-01-01")
    assert {"hash", "created_at", "updated_at", "role", "actor_id", "user_id"} <= memory.keys()


@pytest.mark.parametrize(
    "body",
    [
        {"messages": SAID},
        {"user_id": "ana"},
        {"messages": [], "user_id": "ana"},
        {"messages": SAID, "user_id": "  "},
        {"messages": SAID, "user_id": "ana", "metadata": "x"},
        {"messages": SAID, "user_id": "ana", "expiration_date": "tomorrow"},
        {"messages": SAID, "user_id": "ana", "prompt": 5},
    ],
)
async def test_an_add_that_lacks_something_keeps_nothing(http: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert_refused(await http.post("/memories", json=body))
    assert await texts(http) == []


async def test_lists_are_flat_and_newest_first_and_without_an_id_of_all(http: httpx.AsyncClient) -> None:
    await kept(http, "one")
    await kept(http, "two", agent_id="bot")
    await kept(http, "three", user_id="ben")
    assert await texts(http) == ["three", "two", "one"]
    assert await texts(http, user_id="ana") == ["two", "one"]
    assert await texts(http, user_id="ana", agent_id="bot") == ["two"]
    assert await texts(http, top_k=1) == ["three"]
    assert await texts(http, user_id="nobody", show_expired="false") == []
    for top_k in ("0", "1001", "many", "-1", "1e3", "000001999999"):
        assert_refused(await http.get("/memories", params={"top_k": top_k}), says="top_k")
    assert_refused(await http.get("/memories", params={"show_expired": "yes"}), says="show_expired")


@pytest.mark.parametrize("memory_id", [NOBODY, "no-id", "a%2Fb"])
async def test_an_unknown_memory_is_null(http: httpx.AsyncClient, memory_id: str) -> None:
    reply = await http.get(f"/memories/{memory_id}")
    assert (reply.status_code, reply.content) == (200, b"null")


async def test_a_change_is_told_by_a_message(http: httpx.AsyncClient) -> None:
    memory_id = await kept(http)
    reply = await http.put(f"/memories/{memory_id}", json={"text": "I like coffee", "user_id": "ignored"})
    assert reply.json() == {"message": "Memory updated successfully!"}
    assert await texts(http, user_id="ana") == ["I like coffee"]
    assert_refused(await http.put(f"/memories/{memory_id}", json={}))
    assert_refused(await http.put(f"/memories/{NOBODY}", json={"text": "x"}), 404)


async def test_a_memory_is_deleted_and_its_history_tells_so(http: httpx.AsyncClient) -> None:
    memory_id = await kept(http)
    await http.put(f"/memories/{memory_id}", json={"text": "I like coffee"})
    assert (await http.delete(f"/memories/{memory_id}")).json() == {"message": "Memory deleted successfully"}
    assert_refused(await http.delete(f"/memories/{memory_id}"), 404)
    history = (await http.get(f"/memories/{memory_id}/history")).json()
    assert [(row["event"], row["old_memory"], row["new_memory"], row["is_deleted"]) for row in history] == [
        ("ADD", None, "I like tea", False),
        ("UPDATE", "I like tea", "I like coffee", False),
        ("DELETE", "I like coffee", None, True),
    ]
    assert {"id", "memory_id", "created_at", "updated_at", "actor_id", "role"} <= history[0].keys()


async def test_a_deletion_takes_what_it_names_and_nothing_else(http: httpx.AsyncClient) -> None:
    await kept(http, "one")
    await kept(http, "two", run_id="r/1")
    await kept(http, "three", user_id="ben")
    reply = await http.delete("/memories", params={"user_id": "ana", "run_id": "r/1"})
    assert reply.json() == {"message": "All relevant memories deleted"}
    assert await texts(http) == ["three", "one"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/memories", None),
        ("/memories?user_id=", None),
        ("/memories?user_id=*", None),
        ("/memories?user_id=ana&metadata=%7B%7D", None),
        ("/memories?user_id=ana&filters=%7B%7D", None),
        ("/memories?user_id=ana&user_id=ben", None),
        ("/memories?user_id=ana", {"metadata": {"a": 1}}),
        ("/memories//?user_id=ana", None),
    ],
)
async def test_a_deletion_that_could_mean_less_deletes_nothing(
    http: httpx.AsyncClient, path: str, body: dict[str, Any] | None
) -> None:
    memory_id = await kept(http)
    assert_refused(await http.request("DELETE", path, json=body))
    assert_refused(await http.delete(f"/memories/{memory_id}?user_id=ben"))
    assert await texts(http) == ["I like tea"]


async def test_a_search_takes_ids_beside_the_filter_or_in_it(http: httpx.AsyncClient) -> None:
    await kept(http, "green tea", metadata={"kind": "leaf", "year": 1})
    await kept(http, "black tea", metadata={"kind": "bag"})
    await kept(http, "white tea", user_id="ben", metadata={"kind": "leaf"})
    assert await found(http, user_id="ana") == ["black tea", "green tea"]
    assert await found(http, filters={"user_id": "ana"}) == ["black tea", "green tea"]
    assert await found(http, user_id="ana", filters={"kind": "leaf"}) == ["green tea"]
    assert await found(http, filters={"user_id": "ana", "kind": {"nin": ["leaf"]}}) == ["black tea"]
    assert await found(http, filters={"AND": [{"user_id": "ben"}, {"NOT": [{"kind": "bag"}]}]}) == ["white tea"]
    assert len(await found(http, filters={"user_id": {"in": ["ana", "ben"]}}, top_k=2)) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"query": "tea"},
        {"query": "tea", "filters": {}},
        {"query": "tea", "filters": {"kind": "leaf"}},
        {"query": " ", "user_id": "ana"},
        {"user_id": "ana"},
        {"query": "tea", "user_id": "ana", "threshold": 2},
        {"query": "tea", "user_id": "ana", "top_k": 0},
        {"query": "tea", "filters": "user_id"},
        {"query": "tea", "filters": {"user_id": "ana", "year": {"gt": 1}}},
        {"query": "tea", "filters": {"user_id": "ana", "OR": {"kind": "leaf"}}},
        {"query": "tea", "filters": {"user_id": "ana", "kind": {}}},
        {"query": "tea", "filters": {"user_id": "ana", "kind": {"in": "leaf"}}},
        {"query": "tea", "filters": {"user_id": "ana", "kind": {"nin": "leaf"}}},
        {"query": "tea", "filters": {"user_id": "ana", "kind": []}},
    ],
)
async def test_a_search_that_says_too_little_or_what_nobody_knows_is_refused(
    http: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    assert_refused(await http.post("/search", json=body))


async def test_expired_memories_are_found_when_they_are_wanted_too(http: httpx.AsyncClient) -> None:
    await kept(http, "tea", expiration_date="2001-01-01")
    for asked, found in ((True, ["tea"]), (False, [])):
        reply = await http.post("/search", json={"query": "tea", "user_id": "ana", "show_expired": asked})
        assert [one["memory"] for one in reply.json()["results"]] == found
        assert await texts(http, user_id="ana", show_expired=str(asked)) == found
    assert_refused(await http.post("/search", json={"query": "tea", "user_id": "ana", "show_expired": 1}))


async def test_who_has_memories_is_a_bare_list(http: httpx.AsyncClient) -> None:
    await kept(http, user_id="a/b c@x")
    [entity] = (await http.get("/entities")).json()
    assert entity.keys() == {"id", "type", "total_memories", "created_at", "updated_at"}
    assert (entity["id"], entity["type"], entity["total_memories"]) == ("a/b c@x", "user", 1)
    assert (await http.delete("/entities/user/a%2Fb%20c%40x")).json() == {"message": "Entity deleted"}
    assert (await http.get("/entities")).json() == []
    assert_refused(await http.delete("/entities/dog/rex"), says="entity type")


@pytest.mark.parametrize(
    ("more", "body"), [("?metadata=%7B%7D", None), ("?user_id=ben", None), ("", {"metadata": {"kind": "leaf"}})]
)
@pytest.mark.parametrize("path", ["/entities/user/ana", "/v2/entities/user/ana/"])
async def test_an_entity_goes_whole_or_not_at_all(
    http: httpx.AsyncClient, path: str, more: str, body: dict[str, Any] | None
) -> None:
    await kept(http)
    assert_refused(await http.request("DELETE", f"{path}{more}", json=body))
    assert await texts(http) == ["I like tea"]


@pytest.mark.parametrize("path", ["/configure", "/configure/providers", "/reset", "/auth/login", "/api-keys"])
async def test_what_is_not_there_says_so(http: httpx.AsyncClient, path: str) -> None:
    reply = await http.post(path)
    assert reply.status_code == 501
    assert isinstance(reply.json()["detail"], str)


async def test_what_can_be_no_id_names_no_memory(http: httpx.AsyncClient) -> None:
    for memory_id in (NOBODY, "no-id"):
        assert_refused(await http.put(f"/memories/{memory_id}", json={"text": "tea"}), 404)
        assert_refused(await http.delete(f"/memories/{memory_id}"), 404)
        assert_refused(await http.get(f"/memories/{memory_id}/history"), 404)


async def test_a_filter_that_is_wrong_is_told_by_the_name_of_its_operator(http: httpx.AsyncClient) -> None:
    body = {"query": "tea", "filters": {"user_id": "ana", "kind": {"nin": "leaf"}}}
    assert_refused(await http.post("/search", json=body), says="'nin' of 'kind'")


async def test_paths_have_no_slash_at_the_end_and_may_have_one(http: httpx.AsyncClient) -> None:
    memory_id = await kept(http)
    for path in (f"/memories/{memory_id}/", f"/memories//{memory_id}", f"/memories/{memory_id}/history/", "/entities/"):
        assert (await http.get(path)).status_code == 200, path
    assert (await http.get("/")).status_code == 307


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({}, {}),
        ({"user_id": "ana"}, {"user_id": "ana"}),
        ({"user_id": "ana", "k": "v"}, {"AND": [{"user_id": "ana"}, {"metadata": {"k": "v"}}]}),
        ({"k": {"eq": 1}}, {"metadata": {"k": 1}}),
        ({"k": {"ne": 1, "eq": "a"}}, {"AND": [{"metadata": {"k": {"ne": 1}}}, {"metadata": {"k": "a"}}]}),
        ({"k": {"in": [1, 2]}}, {"OR": [{"metadata": {"k": 1}}, {"metadata": {"k": 2}}]}),
        ({"k": [1, 2]}, {"OR": [{"metadata": {"k": 1}}, {"metadata": {"k": 2}}]}),
        ({"k": "*"}, {"metadata": {"k": {"ne": None}}}),
        ({"user_id": "*"}, {"user_id": "*"}),
        ({"run_id": ["r", "s"]}, {"run_id": {"in": ["r", "s"]}}),
        ({"memory_ids": [NOBODY]}, {"memory_ids": [NOBODY]}),
        ({"k": {"nin": [1]}}, {"NOT": [{"OR": [{"metadata": {"k": 1}}]}]}),
        ({"run_id": {"nin": ["r"]}}, {"NOT": [{"run_id": {"in": ["r"]}}]}),
        ({"created_at": {"gte": "2026-01-01", "lt": "2027-01-01"}},
         {"AND": [{"created_at": {"gte": "2026-01-01"}}, {"created_at": {"lt": "2027-01-01"}}]}),
        ({"actor_id": "Ana", "role": "user"}, {"AND": [{"name": "Ana"}, {"role": "user"}]}),
        ({"metadata": {"k": {"ne": 1}}}, {"metadata": {"k": {"ne": 1}}}),
        ({"$or": [{"k": 1}, {"NOT": [{"l": 2}]}]}, {"OR": [{"metadata": {"k": 1}}, {"NOT": [{"metadata": {"l": 2}}]}]}),
    ],
)  # fmt: skip
def test_a_filter_means_the_same_in_the_platform_s_grammar(given: dict[str, Any], meant: dict[str, Any]) -> None:
    assert platform_filter(given) == meant
