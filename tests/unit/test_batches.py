"""Many items in one call: in order, each with its own outcome, so many at a time, and never in the way of others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.api import MemoryApi
from engine.batches import Budget, each, time_left
from engine.config import EmbedSettings, LimitSettings, Settings, load
from engine.embed.hashing import HashingEmbedder
from engine.errors import InvalidInput, NotFound, Overloaded, TooLarge
from engine.in_process import in_process
from engine.memory import Memory
from engine.ports import Encoded
from engine.sharding import Sharded
from engine.types import Json, JsonList


def adds(count: int, user: Callable[[int], str] = lambda _: "ana", **more: object) -> JsonList:
    return [{"messages": f"fact number {n}", "user_id": user(n), **more} for n in range(count)]


# --- items -----------------------------------------------------------------------------------------------------------


async def test_outcomes_stand_in_the_order_of_their_items_whoever_is_done_first() -> None:
    last = asyncio.Event()

    async def perform(item: Json) -> Json:
        if item["n"] == 4:
            last.set()
        await last.wait()
        if item["n"] == 2:
            raise NotFound("not here", {"n": 2})
        return {"n": item["n"]}

    outcomes = await each([{"n": n} for n in range(5)], perform, at_once=5)
    failed = {"error": {"code": "not_found", "message": "not here", "details": {"n": 2}}}
    assert outcomes == [{"n": 0}, {"n": 1}, failed, {"n": 3}, {"n": 4}]


async def test_items_begin_in_order_and_no_more_than_allowed_are_under_way() -> None:
    begun: list[int] = []
    under_way = most = 0

    async def perform(item: Json) -> Json:
        nonlocal under_way, most
        begun.append(item["n"])
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return {}

    await each([{"n": n} for n in range(200)], perform, at_once=7)
    assert begun == list(range(200))
    assert most == 7


async def test_a_batch_lets_others_run_while_its_items_begin() -> None:
    begun, seen = 0, list[int]()

    async def perform(item: Json) -> Json:
        nonlocal begun
        begun += 1
        await asyncio.Event().wait()
        return {}

    batch = asyncio.ensure_future(each([{}] * 1000, perform, at_once=1000))
    while begun < 1000:
        await asyncio.sleep(0)
        seen.append(begun)
    assert max(after - before for before, after in zip([0, *seen], seen, strict=False)) <= 64
    batch.cancel()


async def test_what_is_no_error_of_an_item_ends_the_batch_and_what_it_began() -> None:
    ended = asyncio.Event()

    async def perform(item: Json) -> Json:
        if item["n"] == 1:
            raise ZeroDivisionError
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return {}

    with pytest.raises(ZeroDivisionError):
        await each([{"n": 0}, {"n": 1}], perform, at_once=2)
    assert ended.is_set()


@pytest.mark.parametrize(
    ("wanted", "left", "given"),
    [(None, 3.0, 3.0), (1, 3.0, 1), (9.5, 3.0, 3.0), (9, -1.0, 0.001), ("soon", 3.0, "soon")],
)
def test_an_item_waits_no_longer_than_its_batch(wanted: object, left: float, given: object) -> None:
    assert time_left(wanted, left) == given


def test_a_budget_that_is_used_up_refuses_what_comes() -> None:
    budget = Budget(3)
    budget.check()
    budget.spend(4)
    with pytest.raises(Overloaded, match="another batch"):
        budget.check()


# --- verbs -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def memory() -> AsyncIterator[Memory]:
    system = in_process()
    await system.start()
    yield system
    await system.close()


@pytest.mark.parametrize("users", [1, 7])
async def test_a_thousand_adds_take_few_transactions_and_few_calls_to_the_models(memory: Memory, users: int) -> None:
    answers = await memory.add_batch(adds(1000, lambda n: f"user-{n % users}"))
    assert {answer["status"] for answer in answers} == {"SUCCEEDED"}
    assert [answer["results"][0]["memory"] for answer in answers] == [f"fact number {n}" for n in range(1000)]
    status = await memory.status()
    assert status["writes"]["transactions"] <= 20
    assert status["embedder"]["calls"] <= 40
    assert (await memory.list(user_id="user-0"))["count"] == -(-1000 // users)


async def test_items_of_one_user_take_effect_in_their_order(memory: Memory) -> None:
    answers = await memory.add_batch(adds(300))
    positions = [answer["position"] for answer in answers]
    assert positions == sorted(positions)
    newest = await memory.list(user_id="ana", page_size=300)
    assert [one["memory"] for one in newest["results"]] == [f"fact number {n}" for n in reversed(range(300))]


async def test_good_and_bad_items_are_told_apart(memory: Memory) -> None:
    items = [
        {"messages": "I like tea", "user_id": "ana"},
        {"messages": "whose?"},
        {"messages": "I like tea", "user_id": "ana"},
        {"messages": "  ", "user_id": "ana"},
        {"messages": "x" * 100_001, "user_id": "ana"},
        {"messages": "I like jam", "user_id": "ana", "flavour": "plum"},
        {"messages": "I like jam", "user_id": "ana", "deadline_s": "soon"},
    ]
    answers = await memory.add_batch(items)
    codes = [answer["error"]["code"] if "error" in answer else answer["results"][0]["event"] for answer in answers]
    assert codes == ["ADD", "invalid_input", "NONE", "invalid_input", "too_large", "invalid_input", "invalid_input"]
    assert (await memory.list(user_id="ana"))["count"] == 1


@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize("bad", [{"self": 1}, {"given": 1}, {3: 4}, {3: 4, "flavour": "plum"}, None, 1, "tea"])
async def test_an_item_that_is_none_or_has_fields_that_nobody_knows_spoils_no_other(shards: int, bad: Any) -> None:
    memories = [in_process() for _ in range(shards)]
    for memory in memories:
        await memory.start()
    door: MemoryApi = memories[0] if shards == 1 else Sharded(0, memories, Settings())
    for verb, needed in (("search_batch", "query"), ("add_batch", "messages")):
        good: Json = {needed: "tea", "user_id": "ana"}
        odd = {**good, **bad} if isinstance(bad, dict) else bad
        answers = await getattr(door, verb)([odd, good, {"user_id": "ana"}])
        assert [answer.get("error", {}).get("code") for answer in answers] == ["invalid_input", None, "invalid_input"]
        assert "results" in answers[1]
    for memory in memories:
        await memory.close()


async def test_a_batch_that_is_none_is_refused_as_a_whole(memory: Memory) -> None:
    refused: list[Any] = [[], "x", None, 5]
    for wrong in refused:
        with pytest.raises(InvalidInput):
            await memory.add_batch(wrong)
    with pytest.raises(TooLarge):
        await memory.search_batch([{"query": "x", "user_id": "ana"}] * 1001)


async def test_keys_in_one_batch_hold_as_in_single_calls(memory: Memory) -> None:
    tea = {"messages": "I like tea", "user_id": "ana", "idempotency_key": "k"}
    first, again, other = await memory.add_batch([tea, tea, {**tea, "messages": "I like jam"}])
    assert first["operation_id"] == again["operation_id"]
    assert first["results"] == again["results"]
    assert other["error"]["code"] == "conflict"
    assert (await memory.add_batch([tea]))[0]["operation_id"] == first["operation_id"]
    assert (await memory.list(user_id="ana"))["count"] == 1


async def test_adds_that_do_not_wait_are_answered_when_they_are_safe(memory: Memory) -> None:
    answers = await memory.add_batch(adds(100, wait=False))
    assert {answer["status"] for answer in answers} <= {"PENDING", "RUNNING", "SUCCEEDED"}
    await memory.add("the last one", user_id="ana")
    assert (await memory.list(user_id="ana"))["count"] == 101


async def test_a_thousand_searches_find_what_single_ones_find(memory: Memory) -> None:
    await memory.add_batch(adds(50))
    queries: JsonList = [{"query": f"fact number {n % 50}", "user_id": "ana", "top_k": 1} for n in range(1000)]
    answers = await memory.search_batch(queries)
    assert [answer["results"][0]["memory"] for answer in answers] == [f"fact number {n % 50}" for n in range(1000)]
    assert {tuple(answer["degraded"]) for answer in answers} == {()}
    assert (await memory.status())["embedder"]["calls"] <= 60


async def test_searches_whose_answers_would_be_too_large_together_are_refused() -> None:
    memory = in_process(Settings(limits=LimitSettings(batch_results=100), embed=EmbedSettings(batch_texts=1)))
    await memory.start()
    await memory.add_batch(adds(20))
    answers = await memory.search_batch([{"query": "fact", "user_id": "ana", "top_k": 20, "threshold": 0}] * 20)
    refused = [answer["error"]["code"] for answer in answers if "error" in answer]
    assert 0 < len(refused) == 20 - sum("results" in answer for answer in answers)
    assert set(refused) == {"overloaded"}
    assert sum(len(answer.get("results", [])) for answer in answers) <= 100 + 20
    await memory.close()


# --- beside others ---------------------------------------------------------------------------------------------------


class HeldEmbedder(HashingEmbedder):
    """Encodes nothing until it is let; remembers what came together."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()
        self.batches: list[list[str]] = []

    async def encode(self, windows: Sequence[str], *args: Any, **more: Any) -> Encoded:
        self.batches.append(list(windows))
        await self.let.wait()
        return await super().encode(windows, *args, **more)


@asynccontextmanager
async def held(**settings: Any) -> AsyncIterator[tuple[Memory, HeldEmbedder]]:
    """A memory system whose embedder has to be let, and is asked for nothing in the background."""
    embedder = HeldEmbedder()
    memory = in_process(load(signals={"enabled": False}, **settings), embedder=embedder)
    await memory.start()
    yield memory, embedder
    embedder.let.set()
    await memory.close()


async def until_waiting(memory: Memory, texts: int) -> None:
    """Until so many texts wait for the embedder."""
    async with asyncio.timeout(10):
        while (await memory.status())["embedder"]["waiting"] < texts:
            await asyncio.sleep(0)


async def until_asked(embedder: HeldEmbedder, question: str) -> None:
    """Until the embedder has been given a question: it comes by itself, past all texts that wait."""
    async with asyncio.timeout(10):
        while [question] not in embedder.batches:
            await asyncio.sleep(0)


async def test_a_single_add_and_a_search_overtake_a_thousand_adds_of_one_batch() -> None:
    async with held() as (memory, embedder):
        batch = asyncio.ensure_future(memory.add_batch(adds(1000)))
        await until_waiting(memory, 1000 - 64)
        waiting = (await memory.status())["embedder"]["waiting"]
        add = asyncio.ensure_future(memory.add("a single add", user_id="ben"))
        search = asyncio.ensure_future(memory.search("a single search", user_id="ben"))
        await until_waiting(memory, waiting + 1)
        await until_asked(embedder, "a single search")
        begun = len(embedder.batches)
        embedder.let.set()
        await asyncio.gather(add, search)
        assert "a single add" in embedder.batches[begun]
        assert {answer["status"] for answer in await batch} == {"SUCCEEDED"}


async def test_a_batch_goes_on_while_single_adds_never_cease() -> None:
    async with held(embed={"batch_texts": 8}) as (memory, embedder):
        singles = [asyncio.ensure_future(memory.add(f"single {n}", user_id="ben")) for n in range(64)]
        await until_waiting(memory, 56)
        batch = asyncio.ensure_future(memory.add_batch(adds(16)))
        await until_waiting(memory, 56 + 16)
        embedder.let.set()
        await asyncio.gather(batch, *singles)
        of_batch = [sum(text.startswith("fact") for text in texts) for texts in embedder.batches]
        assert of_batch[1:9] == [2] * 8


async def test_more_than_there_is_room_for_is_refused_by_the_item_and_nothing_is_stuck() -> None:
    async with held(limits={"pending_operations": 100}, embed={"queue_texts": 64}) as (memory, embedder):
        batch = asyncio.ensure_future(memory.add_batch(adds(300, lambda n: f"user-{n}")))
        await until_waiting(memory, 56)
        embedder.let.set()
        answers = await batch
        assert [answer.get("status") for answer in answers] == ["SUCCEEDED"] * 100 + [None] * 200
        assert {answer["error"]["code"] for answer in answers[100:]} == {"overloaded"}
        assert all(answer["error"]["details"]["retry_after_s"] >= 1 for answer in answers[100:])
        again = await memory.add_batch(adds(300, lambda n: f"user-{n}")[200:])
        assert {answer["status"] for answer in again} == {"SUCCEEDED"}


async def test_searches_have_room_while_a_batch_fills_the_queue_of_the_embedder() -> None:
    async with held(embed={"queue_texts": 64}) as (memory, embedder):
        batch = asyncio.ensure_future(memory.add_batch(adds(500)))
        await until_waiting(memory, 56)
        search = asyncio.ensure_future(memory.search("a fact", user_id="ana"))
        await until_asked(embedder, "a fact")
        embedder.let.set()
        assert (await search)["degraded"] == []
        assert {answer["status"] for answer in await batch} == {"SUCCEEDED"}


async def test_what_is_not_done_in_time_is_accepted_and_goes_on() -> None:
    async with held() as (memory, embedder):
        answers = await memory.add_batch(adds(70), deadline_s=2)
        assert {answer["status"] for answer in answers} == {"PENDING"}
        embedder.let.set()
        async with asyncio.timeout(10):
            while (await memory.operation(answers[-1]["operation_id"]))["status"] != "SUCCEEDED":
                await asyncio.sleep(0)
        assert (await memory.list(user_id="ana"))["count"] == 70
