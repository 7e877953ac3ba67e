"""Purges, retries and the list of operations: through one shard, and through any door of four."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine import ids
from engine.config import load
from engine.embed.hashing import HashingEmbedder
from engine.errors import Conflict, InvalidInput, NotFound, Purged, RemoraError, Unavailable
from engine.in_process import in_process
from engine.ledger.store import SqlLedger
from engine.memory import Memory
from engine.planning import Planner
from engine.ports import Encoded
from engine.sharding import Sharded
from engine.sharding.routing import home_of
from engine.types import Json, Scope

SHARDS = 4
CANARY = "canary-7f3a"


class Door(HashingEmbedder):
    """A model that answers while its door is open."""

    def __init__(self) -> None:
        super().__init__(384)
        self.open = asyncio.Event()
        self.open.set()

    async def encode(self, *args: Any, **kwargs: Any) -> Encoded:
        await self.open.wait()
        return await super().encode(*args, **kwargs)


class Losing:
    """A shard that loses calls of one verb, or their answers."""

    def __init__(self, shard: Memory) -> None:
        self.shard = shard
        self.lost: str | None = None
        self.arrives = False

    def __getattr__(self, verb: str) -> Any:
        async def call(*args: Any, **fields: Any) -> Any:
            if verb == self.lost and not self.arrives:
                raise Unavailable("the call is lost")
            answer = await getattr(self.shard, verb)(*args, **fields)
            if verb == self.lost:
                raise Unavailable("the answer is lost")
            return answer

        return call


class System:
    """A memory system of so many shards on files, and its doors."""

    def __init__(self, directory: Path, shards: int) -> None:
        settings = load(shards=shards)
        self.files = [directory / f"{number}.db" for number in range(shards)]
        self.model = Door()
        self.ledgers = [
            SqlLedger(f"sqlite:///{path}", shards=shards, number=number) for number, path in enumerate(self.files)
        ]
        self.memories = [in_process(settings, embedder=self.model, ledger_=ledger) for ledger in self.ledgers]
        self.shards: list[Any] = [Losing(memory) for memory in self.memories]
        self.doors: list[Any] = [Sharded(own, self.shards, settings) for own in range(shards)]
        if shards == 1:
            self.doors = [self.memories[0]]

    def door(self, number: int) -> Any:
        return self.doors[number % len(self.doors)]

    def holding(self, text: str) -> list[Path]:
        """The files of the ledgers that hold a text."""
        files = [path for one in self.files for path in one.parent.glob(f"{one.name}*")]
        return [path for path in files if text.encode() in path.read_bytes()]


@pytest.fixture(params=[1, SHARDS], ids=["one shard", "four shards"])
async def system(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[System]:
    found = System(tmp_path, request.param)
    await asyncio.gather(*[memory.start() for memory in found.memories])
    yield found
    found.model.open.set()
    await asyncio.gather(*[memory.close() for memory in found.memories])
    await asyncio.gather(*[ledger.close() for ledger in found.ledgers])


@pytest.fixture
async def four(tmp_path: Path) -> AsyncIterator[System]:
    found = System(tmp_path, SHARDS)
    await asyncio.gather(*[memory.start() for memory in found.memories])
    yield found
    await asyncio.gather(*[memory.close() for memory in found.memories])
    await asyncio.gather(*[ledger.close() for ledger in found.ledgers])


def user_of(shard: int) -> str:
    users = (f"u{number}" for number in range(1000))
    return next(u for u in users if home_of(ids.routing_key("default", Scope(user_id=u)), SHARDS) == shard)


async def remembered(door: Any, text: str, **fields: Any) -> str:
    answer: Json = await door.add(text, **fields)
    found: str = answer["results"][0]["id"]
    return found


async def test_what_is_purged_says_so_and_is_found_nowhere(system: System) -> None:
    door = system.door(0)
    gone = await remembered(door, f"my code is {CANARY}", user_id="ann", idempotency_key="k")
    kept = await remembered(door, "I like tea", user_id="ann")
    await door.update(gone, text=f"my new code is {CANARY}", metadata={"of": CANARY})
    assert system.holding(CANARY)

    done = await system.door(1).purge(memory_id=gone)

    assert (done["status"], done["count"], done["degraded"]) == ("SUCCEEDED", 1, [])
    assert "keys" not in done
    door = system.door(2)
    for call in (door.get(gone), door.history(gone), door.update(gone, text="new"), door.delete(gone)):
        with pytest.raises(Purged):
            await call
    assert [one["id"] for one in (await door.list(user_id="ann"))["results"]] == [kept]
    assert [one["id"] for one in (await door.search(CANARY, user_id="ann", threshold=0.0))["results"]] == [kept]
    assert system.holding(CANARY) == []


async def test_a_deleted_memory_can_be_purged_and_a_purged_one_again(system: System) -> None:
    door = system.door(0)
    gone = await remembered(door, CANARY, user_id="ann")
    await door.delete(gone)
    assert system.holding(CANARY)
    first = await system.door(1).purge(memory_id=gone, idempotency_key="p")
    assert first["count"] == 1
    assert system.holding(CANARY) == []
    assert (await system.door(2).purge(memory_id=gone))["count"] == 0
    assert await system.door(3).purge(memory_id=gone, idempotency_key="p") == first


async def test_a_purge_by_scope_takes_exactly_that_scope(system: System) -> None:
    door = system.door(0)
    doomed = [
        await remembered(door, f"{CANARY} {n}", user_id=f"u{n}", agent_id="helper", run_id=f"r{n}") for n in range(8)
    ]
    await door.delete(doomed[0])
    kept = [await remembered(door, f"kept {n}", user_id=f"u{n}", agent_id="other") for n in range(8)]
    elsewhere = await remembered(door, f"{CANARY} 1", user_id="u1", agent_id="helper", run_id="r1", project="p2")

    assert (await system.door(1).purge(agent_id="helper", run_id="r1"))["count"] == 1
    assert (await system.door(2).purge(agent_id="helper"))["count"] == 7

    for memory_id in doomed:
        with pytest.raises(Purged):
            await door.get(memory_id)
    assert {(await door.get(memory_id))["agent_id"] for memory_id in kept} == {"other"}
    assert (await door.get(elsewhere, project="p2"))["memory"] == f"{CANARY} 1"
    assert (await door.purge(agent_id="helper", project="p2"))["count"] == 1
    assert system.holding(CANARY) == []
    assert system.holding("helper") == []


async def test_a_user_can_be_purged_and_come_back(system: System) -> None:
    for number in range(6):
        door, user = system.door(number), f"user-{number}"
        await door.add(f"{CANARY} a", user_id=user)
        await door.add(f"{CANARY} b", user_id=user, agent_id="helper")
        assert (await door.purge(user_id=user))["count"] == 2
        again = await door.add(f"{CANARY} a", user_id=user)
        assert [row["event"] for row in again["results"]] == ["ADD"]
        assert (await door.purge(user_id=user))["count"] == 1
    assert system.holding(CANARY) == []


async def test_an_id_of_nobody_and_one_of_another_project_are_not_found(system: System) -> None:
    door = system.door(0)
    theirs = await remembered(door, "theirs", user_id="ann", project="theirs")
    nobodys = ids.operation_id(17, b"x" * 16)
    for memory_id in (theirs, nobodys):
        for fields in ({}, {"idempotency_key": f"of {memory_id}"}):
            with pytest.raises(NotFound):
                await system.door(1).purge(memory_id=memory_id, **fields)
    await door.purge(memory_id=theirs, project="theirs")
    for call in (door.get(theirs), door.history(theirs), door.update(theirs, text="new"), door.delete(theirs)):
        with pytest.raises(NotFound):
            await call


async def test_a_key_whose_request_was_purged_answers_purged_whatever_it_says(system: System) -> None:
    keys = {f"key {number}": f"u{number}" for number in range(12)}
    for number, (key, user) in enumerate(keys.items()):
        await system.door(number).add(f"{CANARY} of {user}", user_id=user, agent_id="helper", idempotency_key=key)
    await system.door(0).add("of somebody else", user_id="ann", idempotency_key="other key")
    await system.door(1).purge(agent_id="helper", idempotency_key="the purge")
    assert system.holding(CANARY) == []
    for number, (key, user) in enumerate(keys.items()):
        for said in (f"{CANARY} of {user}", "another text"):
            with pytest.raises(Purged):
                await system.door(number).add(said, user_id=user, agent_id="helper", idempotency_key=key)
        with pytest.raises(Purged):
            await system.door(number).delete_all(agent_id="helper", idempotency_key=key)
    again = await system.door(2).add("of somebody else", user_id="ann", idempotency_key="other key")
    assert again["results"][0]["event"] == "ADD"


async def test_the_operations_of_what_was_purged_stay_without_what_was_said(system: System) -> None:
    door = system.door(0)
    added = await door.add(CANARY, user_id="ann")
    memory_id = added["results"][0]["id"]
    purged = await door.purge(memory_id=memory_id)
    found = await door.operation(added["operation_id"])
    assert (found["status"], found["results"], found["event_type"]) == ("SUCCEEDED", [], "ADD")
    assert (await door.operation(purged["operation_id"]))["status"] == "SUCCEEDED"
    listed = (await door.operations())["results"]
    assert [one["event_type"] for one in listed] == ["PURGE", "ADD"]
    assert CANARY not in str(listed)


@pytest.mark.parametrize("lost", ["claim", "purge_part", "erased_keys", "forget"])
@pytest.mark.parametrize("arrives", [False, True])
async def test_a_purge_over_shards_that_broke_off_is_completed_by_sending_it_again(
    four: System, lost: str, arrives: bool
) -> None:
    users = [user_of(shard) for shard in range(SHARDS)]
    items = [
        {"messages": f"{CANARY} {n}", "user_id": users[n % SHARDS], "agent_id": "helper", "idempotency_key": f"k{n}"}
        for n in range(16)
    ]
    assert all("error" not in answer for answer in await four.doors[0].add_batch(items))
    four.shards[2].lost, four.shards[2].arrives = lost, arrives
    key = next(f"p{n}" for n in range(1000) if home_of(ids.key_home("default", f"p{n}"), SHARDS) == 2)
    with pytest.raises(Unavailable):
        await four.doors[0].purge(agent_id="helper", idempotency_key=key)
    four.shards[2].lost = None
    later = await remembered(four.doors[1], "said later", user_id=users[2])
    done = await four.doors[1].purge(agent_id="helper", idempotency_key=key)
    assert (done["status"], done["count"]) == ("SUCCEEDED", 16)
    assert (await four.doors[2].get(later))["memory"] == "said later"
    for item in items:
        with pytest.raises(Purged):
            await four.doors[3].add(**item)
    assert blank_claims(four) > 0
    assert await four.doors[2].purge(agent_id="helper", idempotency_key=key) == done


def blank_claims(system: System) -> int:
    """How many claims hold no hash any more; any that does is of the purge itself, or of nothing that was purged."""
    blank = 0
    for path in system.files:
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute(
                "SELECT request_hash FROM operations WHERE kind = 'CLAIM' AND idempotency_key LIKE 'k%'"
            ).fetchall()
        assert all(not row[0] for row in rows)
        blank += len(rows)
    return blank


async def test_a_purge_over_shards_is_listed_once_and_known_by_its_id(four: System) -> None:
    for shard in range(SHARDS):
        await four.doors[shard].add("a fact", user_id=user_of(shard), agent_id="helper")
    deleted = await four.doors[0].delete_all(agent_id="helper")
    purged = await four.doors[1].purge(agent_id="helper")
    page = await four.doors[2].operations()
    assert page["count"] == len(page["results"]) == SHARDS + 2
    assert [one["id"] for one in page["results"][:2]] == [purged["operation_id"], deleted["operation_id"]]
    assert all("parts" not in one and one["status"] == "SUCCEEDED" for one in page["results"])
    assert await four.doors[3].operation(purged["operation_id"]) == page["results"][0]


async def test_a_purge_names_the_index_whose_files_are_not_there_yet(system: System) -> None:
    gone = await remembered(system.door(0), CANARY, user_id="ann")
    shard = ids.shard_of(ids.slot_in(gone), len(system.memories))
    await system.memories[shard]._parts.graph_feed.close()
    answer = await system.door(1).purge(memory_id=gone, deadline_s=4)
    assert (answer["status"], answer["count"], answer["degraded"]) == ("SUCCEEDED", 1, ["graph"])


async def test_a_purge_over_shards_that_waits_for_its_turn_says_that_it_is_to_be_sent_again(four: System) -> None:
    users = [user_of(shard) for shard in range(SHARDS)]
    for user in users:
        await four.doors[0].add(CANARY, user_id=user, agent_id="helper", idempotency_key=f"k {user}")
    four.model.open.clear()
    await four.doors[0].add("later", user_id=users[1], wait=False)
    with pytest.raises(Unavailable, match="send it again") as caught:
        await four.doors[0].purge(agent_id="helper", idempotency_key="p", deadline_s=4)
    assert (await four.doors[1].operation(caught.value.details["operation_id"]))["status"] == "PENDING"
    four.model.open.set()
    assert (await four.doors[2].purge(agent_id="helper", idempotency_key="p"))["count"] == SHARDS
    for user in users:
        with pytest.raises(Purged):
            await four.doors[3].add(CANARY, user_id=user, agent_id="helper", idempotency_key=f"k {user}")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Kinds of operations that can't be planned as long as they are in this list."""
    kinds: list[str] = []
    plan = Planner.plan

    async def maybe(self: Planner, operation: Any, *args: Any, **kwargs: Any) -> Any:
        if operation.kind in kinds:
            raise InvalidInput("not today")
        return await plan(self, operation, *args, **kwargs)

    monkeypatch.setattr(Planner, "plan", maybe)
    return kinds


async def failed(call: Any) -> str:
    with pytest.raises(RemoraError) as caught:
        await call
    found: str = caught.value.details["operation_id"]
    return found


async def test_a_failed_operation_is_carried_out_again_under_its_id(system: System, failing: list[str]) -> None:
    failing.append("ADD")
    key = {"idempotency_key": "k"}
    with pytest.raises(InvalidInput):
        await system.door(0).add("I like tea", user_id="ann", **key)
    (found,) = (await system.door(1).operations(state="FAILED"))["results"]
    assert (found["error"]["code"], found["event_type"]) == ("invalid_input", "ADD")
    assert await failed(system.door(1).retry(found["id"])) == found["id"]
    failing.clear()

    done = await system.door(2).retry(found["id"])

    assert (done["status"], done["operation_id"]) == ("SUCCEEDED", found["id"])
    assert [row["memory"] for row in done["results"]] == ["I like tea"]
    assert await system.door(3).add("I like tea", user_id="ann", **key) == done
    assert (await system.door(0).operations(state="FAILED"))["count"] == 0
    assert (await system.door(0).list(user_id="ann"))["count"] == 1


async def test_a_retry_takes_its_place_behind_what_was_accepted_before_it(system: System) -> None:
    door = system.door(0)
    first = await remembered(door, "one", user_id="ann")
    second = await remembered(door, "two", user_id="ann")
    with pytest.raises(Conflict) as caught:
        await door.update(second, text="one")
    operation_id = caught.value.details["operation_id"]
    system.model.open.clear()
    waits = asyncio.ensure_future(door.update(first, text="three"))
    while (await door.operations(user_id="ann", state="RUNNING"))["count"] < 1:
        await asyncio.sleep(0)
    again = asyncio.ensure_future(system.door(1).retry(operation_id))
    while (await door.operation(operation_id))["status"] == "FAILED":
        await asyncio.sleep(0)
    system.model.open.set()
    assert ((await waits)["memory"], (await again)["memory"]) == ("three", "one")


async def test_what_has_not_failed_is_left_alone_by_a_retry(system: System) -> None:
    door = system.door(0)
    done = await door.add("I like tea", user_id="ann")
    assert await system.door(1).retry(done["operation_id"]) == done
    assert [event["event"] for event in await door.history(done["results"][0]["id"])] == ["ADD"]
    system.model.open.clear()
    open_ = await door.add("I like coffee", user_id="ann", wait=False)
    assert (await system.door(1).retry(open_["operation_id"]))["status"] == "PENDING"


async def test_many_retries_at_once_have_one_effect(system: System, failing: list[str]) -> None:
    failing.append("ADD")
    with pytest.raises(InvalidInput):
        await system.door(0).add("I like tea", user_id="ann")
    (found,) = (await system.door(0).operations())["results"]
    failing.clear()
    answers = await asyncio.gather(*[system.door(number).retry(found["id"]) for number in range(16)])
    assert {answer["operation_id"] for answer in answers} == {found["id"]}
    (memory,) = (await system.door(0).list(user_id="ann"))["results"]
    assert [event["event"] for event in await system.door(0).history(memory["id"])] == ["ADD"]


async def test_a_retry_of_what_is_not_here_is_not_found(system: System) -> None:
    added = await system.door(0).add("I like tea", user_id="ann")
    for call in (
        system.door(0).retry(added["operation_id"], project="theirs"),
        system.door(1).retry(ids.operation_id(99, b"y" * 16)),
    ):
        with pytest.raises(NotFound):
            await call
    with pytest.raises(InvalidInput):
        await system.door(0).retry("no id")


async def test_the_failed_parts_of_a_deletion_over_shards_are_done_again(four: System, failing: list[str]) -> None:
    for shard in range(SHARDS):
        await four.doors[0].add("a fact", user_id=user_of(shard), agent_id="helper")
    (held,) = [await remembered(four.doors[0], "held", user_id=user_of(2))]
    # A barrier behind work under way is accepted first and planned later: then it fails, and is not just refused.
    four.model.open.clear()
    waiting = [
        asyncio.ensure_future(four.doors[0].add("later", user_id=user_of(shard), wait=False)) for shard in range(SHARDS)
    ]
    await asyncio.gather(*waiting)
    failing.append("DELETE_ALL")
    deletion = asyncio.ensure_future(four.doors[0].delete_all(agent_id="helper", idempotency_key="d"))
    while (await four.doors[1].operations())["results"][0]["event_type"] != "DELETE_ALL":
        await asyncio.sleep(0)
    four.model.open.set()
    with pytest.raises(InvalidInput):
        await deletion
    (found,) = (await four.doors[1].operations(state="FAILED"))["results"]
    assert (await four.doors[1].list(agent_id="helper"))["count"] == SHARDS
    failing.clear()
    done = await four.doors[2].retry(found["id"])
    assert (done["status"], done["count"]) == ("SUCCEEDED", SHARDS)
    assert (await four.doors[3].operation(found["id"]))["status"] == "SUCCEEDED"
    assert (await four.doors[3].get(held))["memory"] == "held"


async def test_operations_are_listed_by_state_and_scope(system: System, failing: list[str]) -> None:
    for number in range(6):
        await system.door(number).add(f"fact {number}", user_id=f"u{number}", agent_id="helper")
    memory_id = (await system.door(0).list(user_id="u0"))["results"][0]["id"]
    await system.door(1).update(memory_id, text="new", idempotency_key="named")
    await system.door(2).delete(memory_id)
    failing.append("ADD")
    with pytest.raises(InvalidInput):
        await system.door(0).add("never", user_id="u0")
    failing.clear()
    system.model.open.clear()
    await system.door(0).add("later", user_id="u1", wait=False)
    while (await system.door(1).operations(state="RUNNING"))["count"] < 1:
        await asyncio.sleep(0)

    async def kinds(**fields: Any) -> list[str]:
        page = await system.door(3).operations(**fields)
        assert page["count"] == len(page["results"])
        return [one["event_type"] for one in page["results"]]

    assert await kinds() == ["ADD", "ADD", "DELETE", "UPDATE", *["ADD"] * 6]
    assert await kinds(user_id="u0") == ["ADD", "DELETE", "UPDATE", "ADD"]
    assert await kinds(agent_id="helper") == ["DELETE", "UPDATE", *["ADD"] * 6]
    assert await kinds(state="FAILED") == ["ADD"]
    assert await kinds(state="SUCCEEDED") == ["DELETE", "UPDATE", *["ADD"] * 6]
    assert await kinds(state="RUNNING", user_id="u1") == ["ADD"]
    assert await kinds(state="PENDING") == []
    assert await kinds(project="theirs") == []
    walked = [
        one["id"]
        for page in range(1, 11)
        for one in (await system.door(page).operations(page=page, page_size=1))["results"]
    ]
    assert walked == [one["id"] for one in (await system.door(0).operations())["results"]]


async def test_an_operation_that_its_caller_named_has_one_effect(system: System) -> None:
    answers = await asyncio.gather(
        *[system.door(n).add("I like tea", user_id="ann", operation_id="my own name") for n in range(8)]
    )
    assert all(answer == answers[0] for answer in answers)
    assert await system.door(1).add("I like tea", user_id="ann", idempotency_key="my own name") == answers[0]
    with pytest.raises(Conflict):
        await system.door(2).add("I like coffee", user_id="ann", operation_id="my own name")
