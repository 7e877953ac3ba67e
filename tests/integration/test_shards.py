"""Four shards and two embedders on one machine: any orchestrator answers everything, and deaths stay where they are."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import pytest
import ray

from actors import runtime as runtimes
from actors.handles import OrchestratorHandle
from actors.options import Part, every_address
from actors.runtime import Runtime
from engine import ids
from engine.errors import NotFound, Unavailable
from engine.types import Scope

Faults: TypeAlias = Callable[..., AbstractAsyncContextManager[None]]

SHARDS = 4
RESTART_S = 20.0


def user_of(shard: int, prefix: str) -> str:
    """A user whose memories lie in that shard."""
    names = (f"{prefix}-{number}" for number in range(10_000))
    return next(name for name in names if home(name) == shard)


def home(user: str) -> int:
    return ids.shard_of(ids.slot_of(ids.routing_key("default", Scope(user_id=user))), SHARDS)


def texts(answer: dict[str, Any]) -> set[str]:
    return {one["memory"] for one in answer["results"]}


def orchestrator(sharded: Runtime, shard: int) -> Any:
    return ray.get_actor(f"orchestrator-{shard}", namespace=sharded.settings.runtime.namespace)


async def pid_of(sharded: Runtime, name: str) -> int:
    actors = (await runtimes.status(sharded.settings))["actors"]
    return int(next(one["pid"] for one in actors if one["name"] == name))


async def test_all_shards_and_embedders_run_and_say_so(sharded: Runtime) -> None:
    status = await runtimes.status(sharded.settings)

    assert [one["name"] for one in status["actors"]] == [one.name for one in every_address(sharded.settings)]
    assert all(one["ready"] for one in status["actors"])
    assert (status["shards"][3]["shard"], status["shards"][3]["ready"]) == (3, True)
    assert sum(one["name"].startswith("embedder-") for one in status["actors"]) == 2


async def test_who_connects_need_not_know_how_many_shards_there_are(sharded: Runtime) -> None:
    unaware = sharded.settings.model_copy(update={"shards": 1, "embedders": 1})

    assert runtimes.connect(unaware).settings.shards == SHARDS


async def test_each_memory_is_found_by_its_user_and_all_of_them_by_the_agent(sharded_api: OrchestratorHandle) -> None:
    users = [user_of(shard, "found") for shard in range(SHARDS)]
    for user in users:
        await sharded_api.add(f"{user} likes pears", user_id=user, agent_id="finder")

    for user in users:
        found = await sharded_api.search("who likes pears", user_id=user, threshold=0.0)
        assert texts(found) == {f"{user} likes pears"}
    everywhere = await sharded_api.search("who likes pears", agent_id="finder", threshold=0.0)
    assert texts(everywhere) == {f"{user} likes pears" for user in users}
    assert (await sharded_api.list(agent_id="finder"))["count"] == SHARDS


async def test_a_path_is_looked_for_in_every_shard(sharded_api: OrchestratorHandle) -> None:
    for shard, name in ((1, "Clara"), (2, "Jonas")):
        said = {"role": "user", "name": name, "content": "Boats are fine"}
        told = await sharded_api.add(said, user_id=user_of(shard, "path"), agent_id="guide")
        assert told["degraded"] == []

    assert (await sharded_api.path("clara", "CLARA", agent_id="guide"))["entities"] == ["Clara"]
    assert not (await sharded_api.path("clara", "jonas", agent_id="guide"))["found"]
    with pytest.raises(NotFound, match="nobody"):
        await sharded_api.path("clara", "nobody", agent_id="guide")


async def test_every_orchestrator_answers_for_every_shard(sharded: Runtime, sharded_api: OrchestratorHandle) -> None:
    user = user_of(2, "anywhere")
    added = await sharded_api.add("The kite is red.", user_id=user)
    memory_id = added["results"][0]["id"]

    for shard in range(SHARDS):
        asked = orchestrator(sharded, shard)
        assert (await asked.get.remote(memory_id))["memory"] == "The kite is red."
        assert texts(await asked.search.remote("kite", user_id=user, threshold=0.0)) == {"The kite is red."}


async def test_an_error_of_another_shard_is_a_built_in_too(sharded: Runtime) -> None:
    nobody = ids.operation_id(ids.first_slot(3, SHARDS), bytes(16))

    with pytest.raises(LookupError) as missing:
        await orchestrator(sharded, 0).get.remote(nobody)

    assert missing.value.cause.args[0] == "not_found"  # type: ignore[attr-defined]


async def test_a_batch_is_divided_among_its_shards(sharded_api: OrchestratorHandle) -> None:
    users = [user_of(shard, "batch") for shard in range(SHARDS)]

    added = await sharded_api.add_batch(
        [*({"messages": "I swim.", "user_id": user} for user in users), {"messages": "x"}]
    )
    found = await sharded_api.search_batch([{"query": "swim", "user_id": user, "threshold": 0.0} for user in users])

    assert [one.get("status") or one["error"]["code"] for one in added] == ["SUCCEEDED"] * SHARDS + ["invalid_input"]
    assert [texts(one) for one in found] == [{"I swim."}] * SHARDS


async def test_while_an_orchestrator_is_dead_the_others_answer_and_its_own_callers_wait_for_it(
    sharded: Runtime, sharded_api: OrchestratorHandle
) -> None:
    users = [user_of(shard, "orchestrator-dies") for shard in range(SHARDS)]
    for user in users:
        await sharded_api.add("The boat is blue.", user_id=user)
    victim = await pid_of(sharded, "orchestrator-2")

    os.kill(victim, signal.SIGKILL)
    before = time.monotonic()
    for shard in (0, 1, 3):
        assert texts(await sharded_api.list(user_id=users[shard])) == {"The boat is blue."}
    others_took_s = time.monotonic() - before
    added = await sharded_api.add("The sail is white.", user_id=users[2])

    assert added["status"] == "SUCCEEDED"
    assert time.monotonic() - before < RESTART_S
    assert others_took_s < time.monotonic() - before
    assert await pid_of(sharded, "orchestrator-2") != victim
    assert texts(await sharded_api.list(user_id=users[2])) == {"The boat is blue.", "The sail is white."}


async def test_while_a_ledger_is_dead_the_other_shards_write_and_its_own_comes_back(
    sharded: Runtime, sharded_api: OrchestratorHandle
) -> None:
    users = [user_of(shard, "ledger-dies") for shard in range(SHARDS)]
    victim = await pid_of(sharded, "ledger-1")

    os.kill(victim, signal.SIGKILL)
    before = time.monotonic()
    answers = await asyncio.gather(*(sharded_api.add("The dog barks.", user_id=user) for user in users))

    assert [one["status"] for one in answers] == ["SUCCEEDED"] * SHARDS
    assert time.monotonic() - before < RESTART_S
    assert await pid_of(sharded, "ledger-1") != victim


async def test_while_a_shard_is_stuck_the_others_write(
    sharded: Runtime, sharded_api: OrchestratorHandle, sharded_fault: Faults
) -> None:
    users = [user_of(shard, "stuck") for shard in range(SHARDS)]

    async with sharded_fault(Part.LEDGER, "write", index=1, delay_s=3.0, times=1):
        stuck = asyncio.ensure_future(sharded_api.add("The tap drips.", user_id=users[1]))
        others = [sharded_api.add("The tap drips.", user_id=users[shard]) for shard in (0, 2, 3)]
        answers = await asyncio.gather(*others)
        assert not stuck.done(), "the others waited for the shard that is stuck"
        assert (await stuck)["status"] == "SUCCEEDED"

    assert [one["status"] for one in answers] == ["SUCCEEDED"] * 3


async def test_when_an_embedder_dies_the_other_one_goes_on(sharded: Runtime, sharded_api: OrchestratorHandle) -> None:
    victim = await pid_of(sharded, "embedder-1")
    users = [user_of(shard, "embedder-dies") for shard in range(SHARDS)]

    os.kill(victim, signal.SIGKILL)
    answers = await asyncio.gather(*(sharded_api.add("The bell rings.", user_id=user) for user in users for _ in "ab"))

    assert {one["status"] for one in answers} == {"SUCCEEDED"}


async def test_a_position_of_one_shard_makes_a_search_over_all_read_it(sharded_api: OrchestratorHandle) -> None:
    user = user_of(3, "own-write")
    added = await sharded_api.add("The fence is green.", user_id=user, agent_id="reader")

    found = await sharded_api.search("fence", agent_id="reader", threshold=0.0, min_position=added["position"])

    assert texts(found) == {"The fence is green."}


async def test_a_shard_that_is_away_for_longer_than_a_caller_waits_is_unavailable(
    sharded_api: OrchestratorHandle, sharded_fault: Faults
) -> None:
    user = user_of(0, "impatient")
    async with sharded_fault(Part.ORCHESTRATOR, "shard.list", index=0, delay_s=5.0, times=1):
        with pytest.raises(Exception) as late:  # noqa: PT011 - which of the two is checked below
            await sharded_api.list(user_id=user, deadline_s=0.3)

    assert getattr(late.value, "code", None) in {"deadline_exceeded", "unavailable"}


# --- one handle, many users ------------------------------------------------------------------------------------------


async def test_a_handle_travels_into_tasks_and_actors(sharded_api: OrchestratorHandle) -> None:
    user = user_of(1, "traveller")

    @ray.remote(num_cpus=0)
    def remember(handle: OrchestratorHandle) -> str:
        async def add() -> str:
            return str((await handle.add("The train is late.", user_id=user))["status"])

        return asyncio.run(add())

    @ray.remote(num_cpus=0)
    class Agent:
        def __init__(self, handle: OrchestratorHandle) -> None:
            self._handle = handle

        async def recall(self) -> dict[str, Any]:
            return await self._handle.list(user_id=user)

    assert await remember.remote(sharded_api) == "SUCCEEDED"
    agent = Agent.remote(sharded_api)  # type: ignore[attr-defined]
    assert texts(await agent.recall.remote()) == {"The train is late."}
    ray.kill(agent)


async def test_a_handle_answers_the_same_after_pickling(sharded_api: OrchestratorHandle) -> None:
    copied = pickle.loads(pickle.dumps(sharded_api))

    with pytest.raises(NotFound):
        await copied.get(ids.operation_id(ids.first_slot(2, SHARDS), bytes(16)))


async def test_one_handle_serves_several_threads_and_loops_at_once(sharded_api: OrchestratorHandle) -> None:
    counts: list[int] = []

    def ask(thread: int) -> None:
        async def both() -> int:
            user = f"thread-{thread}"
            await asyncio.gather(*(sharded_api.add(f"Note {n} of {user}.", user_id=user) for n in range(5)))
            return int((await sharded_api.list(user_id=user))["count"])

        counts.append(asyncio.run(both()))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)

    assert counts == [5, 5, 5, 5]


async def test_a_handle_for_more_shards_than_there_are_reads_from_those_that_are_there(sharded: Runtime) -> None:
    handle = OrchestratorHandle(sharded.settings.runtime.namespace, 12, 30.0, 1000)

    answers = await asyncio.gather(*(handle.entities(page_size=1) for _ in range(12)))

    assert all("count" in one for one in answers)


async def test_a_call_whose_orchestrator_never_comes_back_ends_within_its_deadline(sharded: Runtime) -> None:
    handle = OrchestratorHandle("nobody-lives-here", 2, 30.0, 1000)

    before = time.monotonic()
    with pytest.raises(Unavailable):
        await handle.entities(deadline_s=0.2)

    assert time.monotonic() - before < 10


@pytest.mark.slow
async def test_two_orchestrators_full_of_each_others_callers_do_not_wait_for_each_other(sharded: Runtime) -> None:
    one, other = orchestrator(sharded, 0), orchestrator(sharded, 1)
    here, there = user_of(0, "crossed"), user_of(1, "crossed")

    calls = [call for _ in range(1100) for call in (one.list.remote(user_id=there), other.list.remote(user_id=here))]
    answers = await asyncio.wait_for(asyncio.gather(*calls), 60)

    assert len(answers) == 2200
