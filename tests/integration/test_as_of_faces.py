"""The past over HTTP and over several shards: the fields arrive, and what makes no sense is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from engine.config import Settings
from engine.errors import InvalidInput
from engine.in_process import in_process
from engine.memory import Memory
from engine.sharding import Sharded
from engine.times import iso
from serve_app.application import create_app
from tests.property.past_world import Capitals, Stopped

SHARDS = 3
DAY_US = 24 * 3600 * 1_000_000


@pytest.fixture
def clock() -> Stopped:
    return Stopped()


@pytest.fixture
async def shards(clock: Stopped) -> AsyncIterator[list[Memory]]:
    parts = [in_process(Settings(), recogniser=Capitals(), clock=clock) for _ in range(SHARDS)]
    for part in parts:
        await part.start()
    yield parts
    for part in parts:
        await part.close()


@pytest.fixture
async def sharded(shards: list[Memory], clock: Stopped) -> AsyncIterator[Sharded]:
    system = Sharded(0, shards, Settings(), clock=clock)
    yield system
    await system.close()


async def test_the_past_goes_over_http(shards: list[Memory], clock: Stopped) -> None:
    added = await shards[0].add("Ann lives in Rome", user_id="u", infer=False)
    then, memory_id = clock.now_us, added["results"][0]["id"]
    clock.now_us += DAY_US
    await shards[0].delete(memory_id)
    app = create_app(shards[0], Settings())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        for as_of in (iso(then), str(then / 1_000_000)):
            one = await client.get(f"/v1/memories/{memory_id}/", params={"as_of": as_of})
            page = await client.get("/v1/memories/", params={"user_id": "u", "as_of": as_of})
            graph = await client.get("/v1/graph/entities/", params={"user_id": "u", "as_of": as_of})
            assert one.json()["memory"] == page.json()["results"][0]["memory"] == "Ann lives in Rome"
            assert [entity["name"] for entity in graph.json()["results"]] == ["Ann", "Rome"]
        at_one = await client.get("/v1/memories/", params={"user_id": "u", "as_of_position": added["position"]})
        assert at_one.json()["count"] == 1
        assert (await client.get(f"/v1/memories/{memory_id}/")).status_code == 404
        for wrong in ({"as_of": "2030-01-01"}, {"as_of": "soon"}, {"as_of_position": "x"}, {"as_of_position": 99}):
            refused = await client.get("/v1/memories/", params={"user_id": "u", **wrong})
            assert refused.status_code == 400
            assert "as_of" in refused.json()["detail"]


async def test_every_shard_finds_its_own_state_of_a_time(sharded: Sharded, clock: Stopped) -> None:
    added = [await sharded.add(f"Ann met Person{n}", user_id=f"u{n}", agent_id="g", infer=False) for n in range(6)]
    then = iso(clock.now_us)
    clock.now_us += DAY_US
    wanted = await sharded.list(agent_id="g", page_size=4)
    entities = await sharded.graph_entities(agent_id="g")
    way = await sharded.path("Person1", "Person4", agent_id="g")
    for answer in added[::2]:
        await sharded.delete(answer["results"][0]["id"])
    assert (await sharded.list(agent_id="g"))["count"] == 3
    assert await sharded.list(agent_id="g", page_size=4, as_of=then) == wanted
    assert await sharded.graph_entities(agent_id="g", as_of=then) == entities
    assert await sharded.path("Person1", "Person4", agent_id="g", as_of=then) == way


async def test_a_position_is_a_shards_own(sharded: Sharded) -> None:
    first = await sharded.add("Ann lives in Rome", user_id="u1", infer=False)
    memory_id, position = first["results"][0]["id"], first["position"]
    await sharded.update(memory_id, text="Ann lives in Lisbon")
    assert (await sharded.get(memory_id, as_of_position=position))["memory"] == "Ann lives in Rome"
    assert (await sharded.list(user_id="u1", as_of_position=position))["results"][0]["memory"] == "Ann lives in Rome"
    with pytest.raises(InvalidInput, match="another shard"):
        await sharded.get(memory_id, as_of_position=position + 1)
    with pytest.raises(InvalidInput, match="names the state of one shard"):
        await sharded.list(agent_id="g", as_of_position=position)
    with pytest.raises(InvalidInput, match="names the state of one shard"):
        await sharded.neighbours("Ann", agent_id="g", as_of_position=position)


async def test_a_search_of_all_shards_is_as_of_then(sharded: Sharded, shards: list[Memory], clock: Stopped) -> None:
    texts = ("Ann drank green tea in Rome", "Ben drank coffee in Lisbon", "Eve sold her tea house", "Ann met Ben")
    added = [await sharded.add(text, user_id=f"u{n}", agent_id="g", infer=False) for n, text in enumerate(texts)]
    for shard in shards:
        await shard.signals_complete()
    then = iso(clock.now_us)
    wanted = await sharded.search("Who drank tea in Rome?", agent_id="g", explain=True, threshold=0)
    context = await sharded.context("Who drank tea in Rome?", agent_id="g", threshold=0)
    clock.now_us += DAY_US
    for answer in added[:3]:
        await sharded.delete(answer["results"][0]["id"])
    assert len((await sharded.search("Who drank tea in Rome?", agent_id="g", threshold=0))["results"]) == 1
    assert await sharded.search("Who drank tea in Rome?", agent_id="g", explain=True, threshold=0, as_of=then) == wanted
    assert await sharded.context("Who drank tea in Rome?", agent_id="g", threshold=0, as_of=then) == context
    with pytest.raises(InvalidInput, match="names the state of one shard"):
        await sharded.search("tea", agent_id="g", as_of_position=1)


async def test_a_search_finds_nothing_of_what_was_purged_since(shards: list[Memory], clock: Stopped) -> None:
    memory = shards[0]
    secret = await memory.add("Ann keeps the key under the stone", user_id="u", infer=False)
    await memory.add("Ann has a garden", user_id="u", infer=False)
    then = iso(clock.now_us)
    clock.now_us += DAY_US
    await memory.add("Ben came by", user_id="u", infer=False)
    asked: dict[str, Any] = {"user_id": "u", "threshold": 0, "as_of": then}
    before = await memory.search("Where is the key?", **asked)  # this state is kept for a while
    assert {hit["memory"] for hit in before["results"]} == {"Ann keeps the key under the stone", "Ann has a garden"}
    await memory.purge(memory_id=secret["results"][0]["id"])
    after = await memory.search("Where is the key?", **asked)
    assert [hit["memory"] for hit in after["results"]] == ["Ann has a garden"]
