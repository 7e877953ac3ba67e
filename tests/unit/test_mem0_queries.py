"""Mem0's searches and lists, as its clients ask for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.unit.mem0_door import added, assert_refused, opened

SEARCH, LIST = "/v3/memories/search/", "/v3/memories/"
ANA = {"user_id": "ana"}
BAD_FILTERS: list[tuple[Any, str]] = [
    (None, "filters"),
    ({}, "filters"),
    ("user_id", "filters"),
    (["user_id"], "filters"),
    ({"metadata": {"k": 1}}, "user_id"),
    ({"NOT": {"user_id": "ana"}}, "user_id"),
    ({"user_id": {"ne": "ana"}}, "user_id"),
    ({"user_id": "ana", "colour": "red"}, "colour"),
    ({"user_id": "ana", "source": "letter"}, "source"),
    ({"user_id": "ana", "metadata": {"k": {"in": [1]}}}, "in"),
    ({"user_id": "ana", "metadata": {"k": {"gt": 1}}}, "gt"),
    ({"user_id": "ana", "categories": {"eq": "food"}}, "categories"),
    ({"user_id": "ana", "created_at": {">=": "2026-01-01"}}, ">="),
    ({"user_id": {"nin": ["ana"]}}, "nin"),
    ({"user_id": {"in": "ana"}}, "list"),
    ({"AND": {"user_id": "ana"}}, "AND"),
    ({"user_id": "ana", "OR": {"run_id": "r"}}, "OR"),
    ({"user_id": ""}, "user_id"),
]


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """Ana's tea of 2023 and her coffee of 2024, and Ben's tea."""
    async with opened() as client:
        await added(client, "Ana drinks green tea", **ANA, run_id="r", timestamp=1_700_000_000, metadata={"k": "a"})
        await added(client, "Ana drinks black Coffee", **ANA, timestamp=1_720_000_000, metadata={"k": "b"})
        await added(client, "Ben drinks green tea", user_id="ben", agent_id="bot")
        yield client


async def shown(http: httpx.AsyncClient, path: str, **body: Any) -> list[str]:
    reply = await http.post(path, json=body)
    assert reply.status_code == 200, reply.text
    return [memory["memory"] for memory in reply.json()["results"]]


# --- search ----------------------------------------------------------------------------------------------------------


async def test_a_search_finds_what_it_means_of_its_scope_best_first(http: httpx.AsyncClient) -> None:
    reply = await http.post(SEARCH, json={"query": "  green tea ", "filters": ANA, "threshold": 0.0})
    results = reply.json()["results"]
    assert [row["memory"] for row in results] == ["Ana drinks green tea", "Ana drinks black Coffee"]
    assert 1 >= results[0]["score"] > results[1]["score"] >= 0


async def test_the_command_line_s_threshold_lets_a_good_match_through(http: httpx.AsyncClient) -> None:
    body = {"query": "Ana drinks green tea", "filters": ANA, "threshold": 0.3, "top_k": 10, "source": "CLI"}
    assert (await shown(http, SEARCH, **body))[0] == "Ana drinks green tea"


async def test_top_k_goes_by_the_name_of_limit_too(http: httpx.AsyncClient) -> None:
    both = {"query": "drinks", "filters": {"user_id": "*"}, "threshold": 0.0}
    assert len(await shown(http, SEARCH, **both)) == 3
    assert len(await shown(http, SEARCH, **both, top_k=1)) == 1
    assert len(await shown(http, SEARCH, **both, limit=2, enable_graph=True)) == 2
    assert len(await shown(http, SEARCH, **both, top_k=1, limit=2)) == 1


async def test_nothing_found_is_an_empty_list(http: httpx.AsyncClient) -> None:
    reply = await http.post(SEARCH, json={"query": "tea", "filters": {"user_id": "nobody"}})
    assert (reply.status_code, reply.json()["results"]) == (200, [])


@pytest.mark.parametrize(("filters", "says"), BAD_FILTERS)
@pytest.mark.parametrize("path", [SEARCH, LIST])
async def test_a_filter_that_says_too_little_or_what_nobody_knows_is_refused(
    http: httpx.AsyncClient, path: str, filters: Any, says: str
) -> None:
    body = {"query": "tea"} if filters is None else {"query": "tea", "filters": filters}
    assert_refused(await http.post(path, json=body), 400, says)


@pytest.mark.parametrize("path", [SEARCH, LIST])
@pytest.mark.parametrize("name", ["user_id", "agent_id", "app_id", "run_id"])
async def test_an_id_beside_the_filter_is_refused_never_left_out(http: httpx.AsyncClient, path: str, name: str) -> None:
    assert_refused(await http.post(path, json={"query": "tea", "filters": ANA, name: "x"}), 400, name)
    assert_refused(await http.post(path, json={"query": "tea", name: "x"}), 400, name)


WRONG: list[dict[str, Any]] = [
    {}, {"query": ""}, {"query": " \n"}, {"query": None}, {"query": ["tea"]}, {"query": "tea", "top_k": 0},
    {"query": "tea", "top_k": 1001}, {"query": "tea", "threshold": 1.1}, {"query": "tea", "fields": "memory"},
    {"query": "tea", "metadata": ["k"]}, {"query": "tea", "categories": "food"},
]  # fmt: skip


@pytest.mark.parametrize("body", WRONG)
async def test_a_search_with_a_wrong_value_is_refused(http: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert_refused(await http.post(SEARCH, json={"filters": ANA, **body}))


@pytest.mark.parametrize("path", [SEARCH, LIST])
async def test_what_stands_beside_the_filter_narrows_it(http: httpx.AsyncClient, path: str) -> None:
    body = {"query": "drinks", "filters": ANA, "threshold": 0.0}
    assert await shown(http, path, **body, metadata={"k": "a"}) == ["Ana drinks green tea"]
    assert await shown(http, path, **body, categories=["food"]) == []
    assert len(await shown(http, path, **body, categories=[], metadata=None)) == 2


@pytest.mark.parametrize("path", [SEARCH, LIST])
async def test_only_the_fields_that_are_asked_for_come_with_what_tells_memories_apart(
    http: httpx.AsyncClient, path: str
) -> None:
    body = {"query": "green tea", "filters": {"user_id": "ben"}, "fields": ["memory", "agent_id", "unheard_of"]}
    [row] = (await http.post(path, json=body)).json()["results"]
    assert set(row) - {"score"} == {"id", "memory", "agent_id"}
    assert ("score" in row) is (path == SEARCH)


async def test_every_memory_that_has_such_an_id_is_a_scope(http: httpx.AsyncClient) -> None:
    body = {"query": "green tea", "threshold": 0.0}
    assert await shown(http, SEARCH, **body, filters={"agent_id": "*"}) == ["Ben drinks green tea"]
    assert await shown(http, SEARCH, **body, filters={"userId": "ben"}) == ["Ben drinks green tea"]
    both = {"OR": [{"run_id": "r"}, {"agent_id": {"in": ["bot"]}}]}
    assert sorted(await shown(http, SEARCH, **body, filters=both)) == ["Ana drinks green tea", "Ben drinks green tea"]


# --- list ------------------------------------------------------------------------------------------------------------


async def test_pages_name_their_neighbours_and_hold_everything_once(http: httpx.AsyncClient) -> None:
    await added(http, *(f"note {number}" for number in range(7)), user_id="eva")
    url: str | None = f"http://mem0.test{LIST}?page=1&page_size=3"
    pages: list[dict[str, Any]] = []
    while url is not None:
        pages.append((await http.post(url, json={"filters": {"user_id": "eva"}})).json())
        url = pages[-1]["next"]
    assert [(page["count"], len(page["results"])) for page in pages] == [(7, 3), (7, 3), (7, 1)]
    assert len({row["id"] for page in pages for row in page["results"]}) == 7
    first = f"http://mem0.test{LIST}?page=1&page_size=3"
    assert [page["previous"] for page in pages] == [None, first, first.replace("page=1", "page=2")]


async def test_the_newest_comes_first(http: httpx.AsyncClient) -> None:
    assert await shown(http, LIST, filters=ANA) == ["Ana drinks black Coffee", "Ana drinks green tea"]


async def test_the_page_comes_from_the_body_too_and_the_query_wins(http: httpx.AsyncClient) -> None:
    body = {"filters": ANA, "page": 2, "page_size": 1}
    assert await shown(http, LIST, **body) == ["Ana drinks green tea"]
    assert await shown(http, f"{LIST}?page=1", **body) == ["Ana drinks black Coffee"]
    reply = (await http.post(LIST, json=body)).json()
    assert (reply["next"], reply["previous"]) == (None, f"http://mem0.test{LIST}?page=1&page_size=1")


async def test_a_hundred_memories_are_a_page_unless_told(http: httpx.AsyncClient) -> None:
    await added(http, *(f"note {number}" for number in range(101)), user_id="eva")
    reply = (await http.post(LIST, json={"filters": {"user_id": "eva"}})).json()
    assert (reply["count"], len(reply["results"])) == (101, 100)
    assert len(await shown(http, f"{LIST}?page_size=200", filters={"user_id": "eva"})) == 101


@pytest.mark.parametrize("query", ["page=0", "page=x", "page_size=0", "page_size=201", "page_size=-1", "page=1&page=2"])
async def test_a_page_that_cannot_be_is_refused(http: httpx.AsyncClient, query: str) -> None:
    assert_refused(await http.post(f"{LIST}?{query}", json={"filters": ANA}), 400, "page")


@pytest.mark.parametrize("fields", [{"page": True}, {"page_size": 1.5}, {"page_size": "many"}, {"page": [1]}])
async def test_nor_may_the_body_name_one(http: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    assert_refused(await http.post(LIST, json={"filters": ANA, **fields}), 400, "page")


async def test_an_unknown_user_has_an_empty_list(http: httpx.AsyncClient) -> None:
    reply = await http.post(LIST, json={"filters": {"user_id": "nobody"}})
    body = reply.json()
    assert (reply.status_code, body["count"], body["results"], body["next"], body["previous"]) == (
        200, 0, [], None, None
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"keywords": "COFFEE"}, ["Ana drinks black Coffee"]),
        ({"start_date": "2024-01-01"}, ["Ana drinks black Coffee"]),
        ({"end_date": "2023-11-14"}, ["Ana drinks green tea"]),
        ({"start_date": "2023-11-14", "end_date": "2023-11-14"}, ["Ana drinks green tea"]),
        ({"end_date": "2023-11-13"}, []),
        ({"filters": {**ANA, "keywords": {"contains": "coffee"}}}, []),
        ({"filters": {**ANA, "keywords": {"contains": "Coffee"}}}, ["Ana drinks black Coffee"]),
        ({"filters": {"AND": [ANA, {"run_id": "r"}], "OR": [{"run_id": "q"}]}}, []),
    ],
)
async def test_a_list_is_narrowed_by_days_and_words(
    http: httpx.AsyncClient, fields: dict[str, Any], expected: list[str]
) -> None:
    assert await shown(http, LIST, **{"filters": ANA, **fields}) == expected


# --- older SDKs ------------------------------------------------------------------------------------------------------


async def test_older_sdks_get_a_bare_list_unless_they_ask_for_an_object(http: httpx.AsyncClient) -> None:
    body = {"query": "green tea", "filters": ANA}
    found = (await http.post("/v2/memories/search/", json=body)).json()
    assert found[0]["memory"] == "Ana drinks green tea"
    assert (await http.post("/v2/memories/search/", json={**body, "output_format": "v1.1"})).json()["results"] == found
    beside = {"query": "green tea", "user_id": "ana", "threshold": 0.0, "filters": {"run_id": "r"}}
    assert [row["memory"] for row in (await http.post("/v2/memories/search/", json=beside)).json()] == [
        "Ana drinks green tea"
    ]
    assert (await http.post("/v2/memories/?page=1&page_size=1", json={"user_id": "ana"})).json()["count"] == 2
    for path in ("/v2/memories/search/", "/v2/memories/"):
        assert_refused(await http.post(path, json={"query": "tea"}), 400, "filters")
