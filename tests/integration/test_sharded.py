"""Several shards as one memory system, over whole shards in this process: keys, deletions that break off, positions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine import graph, ids, ingest
from engine.config import Settings, load
from engine.embed.hashing import HashingEmbedder
from engine.errors import Conflict, DeadlineExceeded, NotFound, Unavailable
from engine.in_process import in_process
from engine.ledger_port import OperationKind
from engine.ports import Encoded
from engine.sharding import Sharded
from engine.sharding.routing import home_of
from engine.types import Applied, Scope

SHARDS = 4
USERS = [f"user-{number}" for number in range(12)]


class Door(HashingEmbedder):
    """A model that answers while its door is open."""

    def __init__(self) -> None:
        super().__init__(384)
        self.open = asyncio.Event()
        self.open.set()

    async def encode(self, *args: Any, **kwargs: Any) -> Encoded:
        await self.open.wait()
        return await super().encode(*args, **kwargs)


class Lossy:
    """A shard whose calls are counted; the call `lost_at` of all doesn't arrive, or its answer doesn't (`answered`)."""

    def __init__(self, shard: Any, calls: Calls) -> None:
        self._shard = shard
        self._calls = calls

    def __getattr__(self, verb: str) -> Any:
        async def call(*args: Any, **fields: Any) -> Any:
            lost = self._calls.next(verb)
            if lost and not self._calls.arrives:
                raise Unavailable("the call is lost")
            answer = await getattr(self._shard, verb)(*args, **fields)
            if lost:
                raise Unavailable("the answer is lost")
            return answer

        return call


class Calls:
    def __init__(self) -> None:
        self.verbs: list[str] = []
        self.lost_at: int | None = None
        self.arrives = False

    def next(self, verb: str) -> bool:
        self.verbs.append(verb)
        return len(self.verbs) == self.lost_at

    def lose(self, at: int | None, *, arrives: bool = False) -> None:
        self.verbs, self.lost_at, self.arrives = [], at, arrives


class Shards:
    """Four shards with one model, and a door at each."""

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or load(shards=SHARDS)
        self.model = Door()
        self.calls = Calls()
        self.graphs = [graph.in_memory() for _ in range(SHARDS)]
        self.memories = [in_process(settings, embedder=self.model, graph_=store) for store in self.graphs]
        self.doors = [
            Sharded(own, [Lossy(one, self.calls) for one in self.memories], settings) for own in range(SHARDS)
        ]

    async def texts(self, **fields: Any) -> set[str]:
        found = await self.doors[0].list(page_size=1000, **fields)
        assert found["count"] == len(found["results"])
        return {one["memory"] for one in found["results"]}

    async def deletions(self) -> list[int]:
        """How many deletions each shard has carried out."""
        return [
            sum(change.kind == "DELETE" for change in (await memory._parts.ledger.changes(0, 1000)).changes)
            for memory in self.memories
        ]


@pytest.fixture
async def shards() -> AsyncIterator[Shards]:
    found = Shards()
    await asyncio.gather(*[memory.start() for memory in found.memories])
    yield found
    found.model.open.set()
    await asyncio.gather(*[memory.close() for memory in found.memories])


def home(user: str) -> int:
    return home_of(ids.routing_key("default", Scope(user_id=user)), SHARDS)


def user_of(shard: int) -> str:
    return next(user for user in (f"u{number}" for number in range(1000)) if home(user) == shard)


async def never(_: object) -> Applied:
    """An index that doesn't take what it is given."""
    answer: asyncio.Future[Applied] = asyncio.get_running_loop().create_future()
    return await answer


async def told(shards: Shards, *, agent: str = "helper") -> None:
    """The agent has a memory of each of many users."""
    items = [{"messages": f"{user} likes tea", "user_id": user, "agent_id": agent} for user in USERS]
    assert all("error" not in answer for answer in await shards.doors[1].add_batch(items))


async def test_users_are_spread_and_an_agents_memories_of_all_of_them_are_found(shards: Shards) -> None:
    await told(shards)
    assert {home(user) for user in USERS} == set(range(SHARDS))
    assert await shards.texts(agent_id="helper") == {f"{user} likes tea" for user in USERS}
    entities = (await shards.doors[2].entities())["results"]
    assert [(one["id"], one["total_memories"]) for one in entities if one["type"] == "agent"] == [("helper", 12)]
    done = await shards.doors[3].delete_all(agent_id="helper")
    assert (done["status"], done["count"]) == ("SUCCEEDED", 12)
    assert await shards.texts(filters={"user_id": "*"}) == set()


async def test_walking_the_pages_shows_each_memory_once_and_the_newest_first(shards: Shards) -> None:
    items = [{"messages": f"fact {n}", "user_id": USERS[n % 12], "timestamp": n // 3} for n in range(50)]
    await shards.doors[0].add_batch(items)
    pages = [await shards.doors[n % 4].list(filters={"user_id": "*"}, page=n, page_size=7) for n in range(1, 10)]
    walked = [memory for page in pages for memory in page["results"]]
    assert {page["count"] for page in pages} == {50}
    assert sorted(memory["memory"] for memory in walked) == sorted(str(item["messages"]) for item in items)
    newest = sorted(walked, key=lambda memory: (memory["created_at"], memory["id"]), reverse=True)
    assert walked == newest


async def test_far_beyond_the_last_page_no_shard_names_its_memories(shards: Shards) -> None:
    await told(shards)
    asked: list[int] = []
    for memory in shards.memories:
        keys = memory.keys

        def counted(limit: int, keys: Any = keys, **fields: Any) -> Any:
            asked.append(limit)
            return keys(limit, **fields)

        memory.keys = counted  # type: ignore[method-assign]
    found = await shards.doors[0].list(agent_id="helper", page=2**31, page_size=1000)
    assert found == {"count": len(USERS), "page": 2**31, "page_size": 1000, "results": []}
    assert set(asked) == {1}


async def test_a_memory_is_known_by_its_id_at_every_door(shards: Shards) -> None:
    await told(shards)
    for number, user in enumerate(USERS):
        added = await shards.doors[number % 4].add("a fact", user_id=user)
        memory_id = added["results"][0]["id"]
        door = shards.doors[(number + 1) % 4]
        assert (await door.get(memory_id))["user_id"] == user
        assert (await door.operation(added["operation_id"]))["status"] == "SUCCEEDED"
        assert (await door.update(memory_id, text="another"))["memory"] == "another"
        assert [event["event"] for event in await door.history(memory_id)] == ["ADD", "UPDATE"]
        await door.delete(memory_id)
        with pytest.raises(NotFound):
            await door.get(memory_id)


async def test_a_key_has_one_effect_whichever_door_it_comes_through(shards: Shards) -> None:
    for user in USERS:
        answers = [await door.add("a fact", user_id=user, idempotency_key=f"k {user}") for door in shards.doors]
        assert len({answer["operation_id"] for answer in answers}) == 1
        assert all(answer == answers[0] for answer in answers)


async def test_a_key_of_another_request_is_a_conflict_in_whatever_shard_that_is(shards: Shards) -> None:
    for number in range(8):
        key = f"key {number}"
        await shards.doors[0].add("a fact", user_id=user_of(number % 4), idempotency_key=key)
        for shard in range(SHARDS):
            with pytest.raises(Conflict, match="idempotency key"):
                await shards.doors[1].add("another fact", user_id=user_of(shard), idempotency_key=key)
        with pytest.raises(Conflict, match="idempotency key"):
            await shards.doors[2].delete_all(agent_id="helper", idempotency_key=key)
    assert await shards.texts(filters={"user_id": "*"}) == {"a fact"}


async def test_of_two_requests_at_once_with_one_key_one_takes_effect(shards: Shards) -> None:
    outcomes = await asyncio.gather(
        *[door.add("a fact", user_id=user_of(n), idempotency_key="k") for n, door in enumerate(shards.doors)],
        return_exceptions=True,
    )
    assert sum(isinstance(one, dict) for one in outcomes) == 1
    assert sum(isinstance(one, Conflict) for one in outcomes) == 3


async def test_items_of_a_batch_have_keys_of_their_own(shards: Shards) -> None:
    items = [{"messages": user, "user_id": user, "idempotency_key": f"k {user}"} for user in USERS]
    first = await shards.doors[0].add_batch(items)
    again = await shards.doors[1].add_batch([*items, {**items[0], "user_id": "somebody"}, {"messages": "no scope"}])
    assert again[: len(items)] == first
    assert [answer["error"]["code"] for answer in again[len(items) :]] == ["conflict", "invalid_input"]


async def test_a_key_that_a_handle_made_up_is_not_claimed(shards: Shards) -> None:
    for user in USERS:
        await shards.doors[0].add("a fact", user_id=user, idempotency_key=ids.made_up_key(user.encode()))
    assert set(shards.calls.verbs) == {"add"}


async def test_a_claim_waits_for_no_index() -> None:
    shards = Shards(load(shards=SHARDS, runtime={"apply_deadline_s": 0.1}))
    await asyncio.gather(*[memory.start() for memory in shards.memories])
    key = next(f"k{n}" for n in range(1000) if home_of(ids.key_home("default", f"k{n}"), SHARDS) == 2)
    await shards.graphs[2].close()
    late = await shards.doors[0].add("a fact", user_id=user_of(2))
    assert late["degraded"] == ["graph"]
    answer = await shards.doors[0].add("a fact", user_id=user_of(0), idempotency_key=key)
    assert answer["degraded"] == []
    writes = (await shards.memories[2].status())["writes"]
    assert (writes["finished"], writes["degraded"]) == (1, 1)
    await asyncio.gather(*[memory.close() for memory in shards.memories])


async def test_a_claim_is_no_operation_that_anybody_sees(shards: Shards) -> None:
    claim = await shards.memories[0].claim("ab" * 32, idempotency_key="k")
    assert claim == await shards.memories[0].claim("ab" * 32, idempotency_key="k")
    with pytest.raises(NotFound):
        await shards.memories[0].operation(claim)


async def test_an_operation_is_found_by_its_callers_name_whichever_shard_has_it(shards: Shards) -> None:
    """The key is claimed in one shard, which is another than that of most users; the claim itself is not shown."""
    for user in USERS:
        added = await shards.doors[0].add("a fact", user_id=user, idempotency_key=f"named by {user}")
        for door in shards.doors:
            assert (await door.operation(f"named by {user}"))["id"] == added["operation_id"]
    with pytest.raises(NotFound):
        await shards.doors[1].operation("named by nobody")


@pytest.mark.parametrize(("key", "steps"), [("of a caller", 1 + SHARDS), (ids.made_up_key(b"x" * 16), SHARDS)])
@pytest.mark.parametrize("arrives", [False, True])
async def test_a_deletion_over_shards_that_broke_off_is_completed_by_sending_it_again(
    shards: Shards, key: str, steps: int, arrives: bool
) -> None:
    """Whichever call is lost: nothing that was added after a part was done is taken by its repetition."""
    for lost_at in range(1, steps + 1):
        shards.calls.lose(None)
        await told(shards)
        before = await shards.deletions()
        shards.calls.lose(lost_at, arrives=arrives)
        this = f"{key} {lost_at}"
        with pytest.raises(Unavailable, match="lost"):
            await shards.doors[0].delete_all(agent_id="helper", idempotency_key=this)
        assert len(shards.calls.verbs) <= steps
        after = await shards.deletions()
        done = [shard for shard in range(SHARDS) if after[shard] > before[shard]]
        shards.calls.lose(None)
        for shard in done:
            await shards.doors[1].add("said later", user_id=user_of(shard), agent_id="helper")
        again = await shards.doors[2].delete_all(agent_id="helper", idempotency_key=this)
        assert (again["status"], again["count"]) == ("SUCCEEDED", len(USERS))
        found = await shards.doors[3].list(agent_id="helper", page_size=1000)
        assert [one["memory"] for one in found["results"]] == ["said later"] * len(done)
        third = await shards.doors[3].delete_all(agent_id="helper", idempotency_key=this)
        assert third == again
        assert (await shards.doors[1].operation(again["operation_id"]))["status"] == "SUCCEEDED"
        await shards.doors[0].delete_all(agent_id="helper")


async def test_whoever_knows_a_deletion_over_shards_knows_that_every_part_is_accepted(shards: Shards) -> None:
    await told(shards)
    shards.calls.lose(SHARDS)
    key = ids.made_up_key(b"y" * 16)
    digest = ingest.request_hash(OperationKind.DELETE_ALL, {"scope": {"agent_id": "helper"}})
    with pytest.raises(Unavailable):
        await shards.doors[0].delete_all(agent_id="helper", idempotency_key=key)
    with pytest.raises(NotFound):
        await shards.doors[0].operation(ids.whole_id("default", f"{key}/{digest.hex()}"))


async def test_a_key_that_looks_made_up_hides_no_deletion_behind_another(shards: Shards) -> None:
    await told(shards)
    await told(shards, agent="other")
    key = ids.made_up_key(b"z" * 16)
    for agent in ("helper", "other", "helper"):
        deleted = await shards.doors[0].delete_all(agent_id=agent, idempotency_key=key)
        assert deleted["count"] == len(USERS)
        assert await shards.texts(agent_id=agent) == set()


async def test_a_deletion_over_shards_is_pending_until_its_last_part_is_done(shards: Shards) -> None:
    await told(shards)
    shards.model.open.clear()
    waiting = await shards.doors[0].add("before it", user_id="user-0", agent_id="helper", wait=False)
    deletion = await shards.doors[1].delete_all(agent_id="helper", deadline_s=2)
    assert (deletion["status"], deletion["position"]) == ("PENDING", None)
    assert (await shards.doors[2].operation(deletion["operation_id"]))["status"] == "PENDING"
    later = await shards.doors[0].add("after it", user_id="user-0", agent_id="helper", wait=False)
    shards.model.open.set()
    await shards.memories[home("user-0")].add("and done", user_id="user-0", agent_id="helper")
    assert {waiting["status"], later["status"]} == {"PENDING"}
    assert await shards.texts(agent_id="helper") == {"after it", "and done"}
    found = await shards.doors[3].operation(deletion["operation_id"])
    assert (found["status"], found["event_type"], "parts" in found) == ("SUCCEEDED", "DELETE_ALL", False)


async def test_a_purge_over_shards_is_done_everywhere_though_no_index_is_rid_of_it_in_time(shards: Shards) -> None:
    await told(shards)
    for store in shards.graphs:
        setattr(store, "apply", never)  # noqa: B010 - typed, it couldn't be
    purged = await shards.doors[1].purge(agent_id="helper", deadline_s=2)
    assert (purged["status"], purged["count"], purged["degraded"]) == ("SUCCEEDED", len(USERS), ["graph"])
    assert await shards.texts(agent_id="helper") == set()


async def test_a_part_that_is_sent_again_while_it_waits_keeps_its_place(shards: Shards) -> None:
    shards.model.open.clear()
    await shards.doors[0].add("before it", user_id="user-0", agent_id="helper", wait=False)
    memory = shards.memories[home("user-0")]
    part = ids.part_id(ids.whole_id("default", "k"), home("user-0"), SHARDS)
    first = await memory.delete_part(part, 0, False, agent_id="helper")
    await shards.doors[0].add("after it", user_id="user-0", agent_id="helper", wait=False)
    again = asyncio.create_task(memory.delete_part(part, 0, True, agent_id="helper"))
    await asyncio.sleep(0)
    shards.model.open.set()
    done = await again
    assert (first["status"], done["status"], done["count"]) == ("PENDING", "SUCCEEDED", 1)
    await memory.add("the last", user_id="user-0", agent_id="helper")
    assert await shards.texts(agent_id="helper") == {"after it", "the last"}


async def test_a_part_by_itself_is_an_operation_too(shards: Shards) -> None:
    await told(shards)
    whole = (await shards.doors[0].delete_all(agent_id="helper"))["operation_id"]
    parts = [ids.part_id(whole, shard, SHARDS) for shard in range(1, SHARDS)]
    found = [await shards.doors[0].operation(part) for part in parts]
    assert [(one["id"], one["status"]) for one in found] == [(part, "SUCCEEDED") for part in parts]


async def test_a_users_deletion_touches_no_other_shard(shards: Shards) -> None:
    await told(shards)
    shards.calls.lose(None)
    done = await shards.doors[0].delete_all(user_id=USERS[0], agent_id="helper")
    assert (done["count"], shards.calls.verbs) == (1, ["delete_all"])
    assert done["position"] % SHARDS == home(USERS[0])


async def test_a_position_makes_its_own_shard_wait_and_no_other(shards: Shards) -> None:
    here, elsewhere = user_of(1), user_of(2)
    position = (await shards.doors[0].add("a fact", user_id=here))["position"]
    assert position % SHARDS == 1
    found = await shards.doors[3].search("fact", user_id=here, min_position=position)
    assert found["position"] >= position
    ahead = position + 100 * SHARDS
    assert (await shards.doors[3].search("fact", user_id=elsewhere, min_position=ahead))["results"] == []
    with pytest.raises(DeadlineExceeded):
        await shards.doors[3].search("fact", user_id=here, min_position=ahead, deadline_s=0.1)


async def test_history_tells_positions_as_the_answers_do(shards: Shards) -> None:
    added = await shards.doors[0].add("a fact", user_id=user_of(3))
    (event,) = await shards.doors[1].history(added["results"][0]["id"])
    assert event["position"] == added["position"]


async def test_a_shard_that_is_away_is_no_reason_to_leave_its_memories_out(shards: Shards) -> None:
    await told(shards)
    shards.calls.lose(2)
    with pytest.raises(Unavailable):
        await shards.doors[0].list(agent_id="helper")
    shards.calls.lose(2)
    with pytest.raises(Unavailable):
        await shards.doors[0].entities()


async def test_a_shard_that_is_away_fails_its_own_items_of_a_batch(shards: Shards) -> None:
    shards.calls.lose(1)
    items = [{"messages": user, "user_id": user} for user in USERS]
    answers = await shards.doors[0].add_batch(items)
    failed = {home(user) for user, answer in zip(USERS, answers, strict=True) if "error" in answer}
    stored = {home(user) for user, answer in zip(USERS, answers, strict=True) if "error" not in answer}
    assert len(failed) == 1
    assert stored == set(range(SHARDS)) - failed
