"""How many memories a project may hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.access.quotas import within_quotas
from engine.api import MemoryApi
from engine.config import Settings
from engine.errors import TooLarge
from engine.in_process import in_process
from engine.memory import Memory


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    memory = in_process(Settings(data_dir=tmp_path))
    await memory.start()
    yield memory
    await memory.close()


async def count(api: MemoryApi, project: str = "default") -> int:
    return int((await api.list(filters={"user_id": "*"}, project=project))["count"])


async def test_a_project_takes_as_many_as_it_may_hold_and_says_why_no_more(memory: Memory, clock: Clock) -> None:
    api = within_quotas(memory, {"default": 3}, clock)
    await api.add("one", user_id="ana")
    await api.add([{"role": "user", "content": "two"}, {"role": "user", "content": "three"}], user_id="ana")
    with pytest.raises(TooLarge, match="has 3 memories and may hold 3") as refused:
        await api.add("four", user_id="ben")
    assert refused.value.details == {"setting": "access.quotas", "limit": 3, "memories": 3}
    assert await count(api) == 3


async def test_what_is_deleted_makes_room_after_a_moment(memory: Memory, clock: Clock) -> None:
    api = within_quotas(memory, {"*": 1}, clock)
    added = await api.add("one", user_id="ana")
    await api.delete(added["results"][0]["id"])
    with pytest.raises(TooLarge):
        await api.add("two", user_id="ana")
    clock.now_s += 6
    await api.add("two", user_id="ana")


async def test_each_project_has_its_own_and_the_rest_that_of_the_others(memory: Memory, clock: Clock) -> None:
    api = within_quotas(memory, {"*": 1, "large": 2}, clock)
    for project, most in (("small", 1), ("large", 2), ("default", 1)):
        for number in range(most):
            await api.add(f"note {number}", user_id="ana", project=project)
        with pytest.raises(TooLarge):
            await api.add("one too many", user_id="ana", project=project)
        assert await count(api, project) == most


async def test_a_batch_is_let_in_whole_or_not_at_all(memory: Memory, clock: Clock) -> None:
    api = within_quotas(memory, {"p": 2}, clock)
    items = [{"messages": f"note {number}", "user_id": "ana"} for number in range(3)]
    with pytest.raises(TooLarge):
        await api.add_batch(items, project="p")
    assert await count(api, "p") == 0
    assert len(await api.add_batch(items[:2], project="p")) == 2
    with pytest.raises(TooLarge):
        await api.add_batch([{**items[2], "project": "p"}])
    await api.add_batch(items)
    assert (await count(api, "p"), await count(api)) == (2, 3)


async def test_what_others_add_is_counted_within_a_minute(memory: Memory, clock: Clock) -> None:
    api = within_quotas(memory, {"default": 2}, clock)
    await api.add("one", user_id="ana")
    await memory.add("two", user_id="ana")
    clock.now_s += 61
    with pytest.raises(TooLarge):
        await api.add("three", user_id="ana")


async def test_changes_are_never_refused_and_without_quotas_nothing_is_counted(memory: Memory, clock: Clock) -> None:
    assert within_quotas(memory, {}, clock) is memory
    api = within_quotas(memory, {"default": 1}, clock)
    memory_id = (await api.add("one", user_id="ana"))["results"][0]["id"]
    assert (await api.update(memory_id, text="eins"))["memory"] == "eins"
    await api.delete(memory_id)
