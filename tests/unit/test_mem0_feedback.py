"""What Mem0's clients think of memories: `POST /v1/feedback/`, and Remora's list of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.unit.mem0_door import NOBODY, added, assert_refused, opened


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with opened() as client:
        yield client


async def rated(http: httpx.AsyncClient, memory_id: str, feedback: Any, reason: Any = None) -> httpx.Response:
    body = {"memory_id": memory_id, "feedback": feedback, "feedback_reason": reason}
    return await http.post("/v1/feedback/", json=body)


async def ratings(http: httpx.AsyncClient, **params: Any) -> list[tuple[str, str, str | None]]:
    page = (await http.get("/v1/feedback/", params=params)).json()
    return [(row["id"], row["feedback"], row["feedback_reason"]) for row in page["results"]]


async def test_what_is_thought_of_a_memory_is_kept_listed_and_taken_back(http: httpx.AsyncClient) -> None:
    [tea] = await added(http, "tea", user_id="ana")
    [coffee] = await added(http, "coffee", user_id="ana")
    answer = (await rated(http, tea, "NEGATIVE", "She drinks coffee.")).json()
    assert answer == {"id": tea, "feedback": "NEGATIVE", "feedback_reason": "She drinks coffee."}
    await rated(http, coffee, "POSITIVE")
    assert await ratings(http) == [(coffee, "POSITIVE", None), (tea, "NEGATIVE", "She drinks coffee.")]
    assert await ratings(http, feedback="NEGATIVE") == [(tea, "NEGATIVE", "She drinks coffee.")]
    assert await ratings(http, page=2, page_size=1) == [(tea, "NEGATIVE", "She drinks coffee.")]
    assert (await rated(http, tea, None)).json() == {"id": tea, "feedback": None, "feedback_reason": None}
    assert await ratings(http) == [(coffee, "POSITIVE", None)]


async def test_a_purged_memory_takes_along_what_was_thought_of_it(http: httpx.AsyncClient) -> None:
    [tea] = await added(http, "tea", user_id="ana")
    await rated(http, tea, "VERY_NEGATIVE", "a secret")
    reply = await http.post("/v1/purge/", json={"memory_id": tea})
    assert reply.status_code == 200
    assert await ratings(http) == []
    assert_refused(await rated(http, tea, "NEGATIVE"), 410)


@pytest.mark.parametrize("memory_id", [NOBODY, "nonsense"])
async def test_what_is_not_there_is_not_rated(http: httpx.AsyncClient, memory_id: str) -> None:
    assert_refused(await rated(http, memory_id, "NEGATIVE"), 404 if memory_id == NOBODY else 400)


@pytest.mark.parametrize(
    ("feedback", "reason"), [("BAD", None), (1, None), ("NEGATIVE", 7), (None, "why"), ("NEGATIVE", "a\0b")]
)
async def test_what_is_no_feedback_is_refused_and_changes_nothing(
    http: httpx.AsyncClient, feedback: Any, reason: Any
) -> None:
    [tea] = await added(http, "tea", user_id="ana")
    await rated(http, tea, "POSITIVE")
    assert_refused(await rated(http, tea, feedback, reason))
    assert_refused(await http.get("/v1/feedback/", params={"feedback": "BAD"}), 400, "POSITIVE")
    assert_refused(await http.get("/v1/feedback/", params={"page": 101}), 400, "newest")
    assert await ratings(http) == [(tea, "POSITIVE", None)]
