"""Weights of a project, contexts and wishes over several shards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.config import SignalSettings, load
from engine.errors import Unavailable
from tests.integration.test_sharded import SHARDS, Shards

USERS = [f"user-{number}" for number in range(12)]


@pytest.fixture
async def shards() -> AsyncIterator[Shards]:
    found = Shards(load(shards=SHARDS, signals=SignalSettings(enabled=False)))
    await asyncio.gather(*[memory.start() for memory in found.memories])
    for user in USERS:
        await found.doors[0].add(f"Tea is what {user} drinks.", user_id=user, timestamp="2026-05-04")
    yield found
    found.model.open.set()
    await asyncio.gather(*[memory.close() for memory in found.memories])


async def test_weights_are_set_in_every_shard_and_count_in_searches_of_one_and_of_all(shards: Shards) -> None:
    await shards.doors[0].set_ranking({"keywords": 3})

    assert [(await memory.ranking())["set"] for memory in shards.memories] == [{"keywords": 3.0}] * SHARDS
    for scope in ({"user_id": USERS[0]}, {"filters": {"user_id": "*"}}):
        found = await shards.doors[1].search("tea", explain=True, threshold=0.0, **scope)
        assert {hit["score_details"]["weights"]["keywords"] for hit in found["results"]} == {3.0}
        assert found["degraded"] == []


async def test_weights_that_did_not_reach_all_shards_do_when_they_are_sent_again(shards: Shards) -> None:
    shards.calls.lose(2)
    with pytest.raises(Unavailable):
        await shards.doors[0].set_ranking({"keywords": 3})
    shards.calls.lose(None)

    await shards.doors[0].set_ranking({"keywords": 3})

    assert [(await memory.ranking())["set"] for memory in shards.memories] == [{"keywords": 3.0}] * SHARDS


async def test_a_context_of_many_users_says_whose_each_line_is(shards: Shards) -> None:
    told = await shards.doors[2].context("tea", filters={"user_id": "*"}, threshold=0.0, tokens=2000)

    assert len(told["memories"]) == len(USERS)
    for user in USERS:
        assert f"2026-05-04 (Monday), user {user}\n- user: Tea is what {user} drinks." in told["context"]
    assert told["degraded"] == []


async def test_variety_over_all_shards_is_what_was_asked_for(shards: Shards) -> None:
    found = await shards.doors[3].search("tea", filters={"user_id": "*"}, threshold=0.0, top_k=4, diversity=0.5)

    assert len({hit["id"] for hit in found["results"]}) == 4


async def test_a_reranker_that_nobody_has_set_is_told_of(shards: Shards) -> None:
    found = await shards.doors[3].search("tea", filters={"user_id": "*"}, threshold=0.0, rerank=True)

    assert found["degraded"] == ["rerank"]
    assert found["results"]
