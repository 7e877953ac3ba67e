"""Reads of the past: what a time or a position means, what is refused, and that purged content stays away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.config import Settings
from engine.errors import InvalidInput, NotFound, Purged, RemoraError
from engine.in_process import in_process
from engine.memory import Memory
from engine.past import worlds
from engine.past.world import World
from engine.times import iso
from tests.unit.past_clock import PastClock


@pytest.fixture
def clock() -> PastClock:
    return PastClock()


@pytest.fixture
async def memory(clock: PastClock) -> AsyncIterator[Memory]:
    memory = in_process(Settings(), clock=clock)
    await memory.start()
    yield memory
    await memory.close()


async def said(memory: Memory, text: str, **fields: Any) -> str:
    added = await memory.add(text, user_id="ann", infer=False, **fields)
    memory_id: str = added["results"][0]["id"]
    return memory_id


async def listed(memory: Memory, **fields: Any) -> list[str]:
    return [one["memory"] for one in (await memory.list(user_id="ann", **fields))["results"]]


async def test_a_memory_is_as_it_was_at_a_time(memory: Memory, clock: PastClock) -> None:
    before = clock.next_day()
    tea = await said(memory, "I drink tea")
    first = clock.next_day()
    await memory.update(tea, text="I drink coffee")
    second = clock.next_day()
    await memory.delete(tea)
    clock.next_day()
    assert (await memory.get(tea, as_of=iso(first)))["memory"] == "I drink tea"
    assert (await memory.get(tea, as_of=iso(second)))["memory"] == "I drink coffee"
    assert await listed(memory, as_of=iso(first)) == ["I drink tea"]
    assert await listed(memory, as_of=first / 1_000_000) == ["I drink tea"]
    assert await listed(memory, as_of=iso(second)) == ["I drink coffee"]
    assert await listed(memory) == await listed(memory, as_of=iso(before)) == []
    with pytest.raises(NotFound):
        await memory.get(tea)
    with pytest.raises(NotFound):
        await memory.get(tea, as_of=iso(before))


async def test_a_memory_is_as_it_was_at_a_position(memory: Memory) -> None:
    added = await memory.add("I drink tea", user_id="ann", infer=False)
    tea = added["results"][0]["id"]
    changed = await memory.update(tea, text="I drink coffee")
    assert (await memory.get(tea, as_of_position=added["position"]))["memory"] == "I drink tea"
    assert (await memory.get(tea, as_of_position=changed["position"]))["memory"] == "I drink coffee"
    assert await listed(memory, as_of_position=added["position"]) == ["I drink tea"]
    assert await listed(memory, as_of_position=0) == []


async def test_as_of_now_is_the_default(memory: Memory, clock: PastClock) -> None:
    for text in ("I drink tea", "I live in Rome", "My sister is Anna"):
        await said(memory, text, expiration_date="2026-05-03")
    now = clock.next_day()
    assert await memory.list(user_id="ann", as_of=iso(now)) == await memory.list(user_id="ann")
    assert await memory.list(user_id="ann", as_of_position=3) == await memory.list(user_id="ann")


async def test_a_caller_whose_clock_is_a_little_ahead_means_now(memory: Memory, clock: PastClock) -> None:
    await said(memory, "I drink tea")
    assert await listed(memory, as_of=iso(clock() + 900_000)) == ["I drink tea"]


async def test_what_expired_later_is_there_as_of_a_day_before(memory: Memory, clock: PastClock) -> None:
    await said(memory, "The offer ends soon", expiration_date="2026-05-02")
    earlier = clock()
    clock.next_day()
    clock.next_day()
    assert await listed(memory) == []
    assert await listed(memory, as_of=iso(earlier)) == ["The offer ends soon"]


async def test_what_is_purged_is_purged_for_every_time(memory: Memory, clock: PastClock) -> None:
    secret = await said(memory, "My code is 1234")
    then = clock.next_day()
    await memory.purge(memory_id=secret)
    clock.next_day()
    assert await listed(memory, as_of=iso(then)) == []
    with pytest.raises(Purged):
        await memory.get(secret, as_of=iso(then))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"as_of": "2027-01-01"}, "future"),
        ({"as_of_position": 99}, "future"),
        ({"as_of": "yesterday"}, "as_of should be unix seconds"),
        ({"as_of": "2026-05-01T09:00"}, "offset"),
        ({"as_of": True}, "as_of should be"),
        ({"as_of_position": -1}, "whole number"),
        ({"as_of_position": "3"}, "whole number"),
        ({"as_of": "2026-01-01", "as_of_position": 1}, "not both"),
    ],
)
async def test_a_past_that_makes_no_sense_is_refused(memory: Memory, fields: dict[str, Any], says: str) -> None:
    tea = await said(memory, "I drink tea")
    for asked in (memory.get(tea, **fields), memory.list(user_id="ann", **fields)):
        with pytest.raises(RemoraError, match=says) as caught:
            await asked
        assert isinstance(caught.value, InvalidInput)
        assert caught.value.details["field"].startswith("as_of")


async def test_an_earlier_state_is_let_go_though_nobody_asks_again(
    memory: Memory, clock: PastClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = asyncio.Event()
    close = World.close

    async def closed(self: World) -> None:
        await close(self)
        gone.set()

    monkeypatch.setattr(World, "close", closed)
    monkeypatch.setattr(worlds, "_KEPT_S", 0.0)
    await said(memory, "I drink tea")
    before = clock.next_day()
    await said(memory, "I drink coffee")
    await memory.search("tea", user_id="ann", as_of=iso(before))
    await asyncio.wait_for(gone.wait(), 10)
