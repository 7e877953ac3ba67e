"""What still works when a part is away, and what the answers say of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from engine import graph, ledger
from engine.config import Settings, load
from engine.embed.hashing import HashingEmbedder
from engine.errors import DeadlineExceeded, InvalidInput, Overloaded, Unavailable
from engine.extract.recogniser import NoEntities
from engine.in_process import in_process
from engine.memory import Memory
from engine.ports import Encoded, Priority
from engine.types import Entity, Json
from engine.vector.memory import InMemoryVectorStore

DIMENSIONS = 64


class Away:
    """A port of which some methods are down."""

    def __init__(self, port: Any) -> None:
        self.port = port
        self.down: set[str] = set()

    def __getattr__(self, method: str) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            if method in self.down:
                raise Unavailable(f"{method} is away")
            return await getattr(self.port, method)(*args, **kwargs)

        return call


class AwayEmbedder(HashingEmbedder):
    down = False

    async def encode(self, *args: Any, **kwargs: Any) -> Encoded:
        if self.down:
            raise Unavailable("the model is away")
        return await super().encode(*args, **kwargs)


class Capitals(NoEntities):
    """Names every word that starts with a capital letter."""

    down = False

    async def entities(self, texts: Sequence[str], priority: Priority = Priority.ADD) -> list[tuple[Entity, ...]]:
        if self.down:
            raise Unavailable("the recogniser is away")
        return [tuple(Entity(word) for word in text.split() if word[0].isupper()) for text in texts]


class System:
    def __init__(self, settings: Settings | None = None, *, ledger_: Any = None) -> None:
        self.vector = Away(InMemoryVectorStore(DIMENSIONS))
        self.graph = Away(graph.in_memory())
        self.embedder = AwayEmbedder(DIMENSIONS)
        self.recogniser = Capitals()
        self.memory: Memory = in_process(
            settings or load(runtime={"apply_deadline_s": 0.2, "deadline_s": 5}, search={"leg_deadline_s": 0.5}),
            embedder=self.embedder,
            recogniser=self.recogniser,
            vector=self.vector,
            graph_=self.graph,
            ledger_=ledger_,
        )

    async def __aenter__(self) -> System:
        await self.memory.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.memory.close()


class Owing(Away):
    """A ledger whose files still hold what was purged."""

    async def status(self) -> Json:
        return {**await self.port.status(), "unerased": True}


async def test_a_purge_that_runs_out_of_time_names_the_ledger_too_if_that_owes_something() -> None:
    async with System(load(runtime={"apply_deadline_s": 0.2}), ledger_=Owing(ledger.in_memory())) as system:
        await system.memory.add("Berlin", user_id="u")
        system.graph.down = {"apply"}
        purged = await system.memory.purge(user_id="u", deadline_s=0.1)
        assert (purged["status"], purged["degraded"]) == ("SUCCEEDED", ["graph", "ledger"])


async def test_an_index_that_is_away_is_named_and_catches_up_by_itself() -> None:
    async with System() as system:
        for index, name in ((system.vector, "vector"), (system.graph, "graph")):
            index.down = {"apply"}
            added = await system.memory.add(f"Berlin without the {name} index", user_id="u")
            assert (added["status"], added["degraded"]) == ("SUCCEEDED", [name])
            index.down = set()
            await system.memory.indexes_at(added["position"])
        found = await system.memory.search("Berlin", user_id="u")
        assert (len(found["results"]), found["degraded"]) == (2, [])


async def test_without_the_embedder_searches_use_words_and_adds_wait_for_it() -> None:
    async with System() as system:
        added = await system.memory.add("tea with lemon", user_id="u")
        system.embedder.down = True
        found = await system.memory.search("lemon", user_id="u")
        assert [one["memory"] for one in found["results"]] == ["tea with lemon"]
        assert found["degraded"] == ["dense"]
        assert (await system.memory.get(added["results"][0]["id"]))["memory"] == "tea with lemon"
        assert (await system.memory.list(user_id="u"))["count"] == 1
        waiting = await system.memory.add("coffee with milk", user_id="u", deadline_s=0.2)
        assert (waiting["status"], waiting["results"]) == ("PENDING", [])
        assert (await system.memory.operation(waiting["operation_id"]))["status"] == "PENDING"
        system.embedder.down = False
        async with asyncio.timeout(10):
            while (await system.memory.operation(waiting["operation_id"]))["status"] != "SUCCEEDED":
                await asyncio.sleep(0.01)
        assert (await system.memory.search("milk", user_id="u"))["results"]


async def test_while_the_embedder_is_away_a_lane_keeps_its_order() -> None:
    async with System() as system:
        system.embedder.down = True
        first = asyncio.ensure_future(system.memory.add("a first fact", user_id="u"))
        await asyncio.sleep(0.05)
        gone = asyncio.ensure_future(system.memory.delete_all(user_id="u"))
        other = await system.memory.delete_all(user_id="somebody else")
        assert other["status"] == "SUCCEEDED"
        assert not gone.done()
        system.embedder.down = False
        assert (await first)["results"][0]["event"] == "ADD"
        assert (await gone)["count"] == 1


async def test_without_the_recogniser_adds_go_on_and_entities_come_later() -> None:
    async with System() as system:
        system.recogniser.down = True
        added = await system.memory.add("Berlin in May", user_id="u")
        assert added["degraded"] == ["graph"]
        found = await system.memory.search("May", user_id="u")
        assert found["degraded"] == ["graph"]
        assert found["results"]
        system.recogniser.down = False
        await system.memory.indexes_at(added["position"])
        found = await system.memory.search("Berlin", user_id="u", explain=True)
        assert found["results"][0]["score_details"]["signals"]["graph"] == 1.0


async def test_without_the_vector_store_the_graph_answers_and_without_both_nobody() -> None:
    async with System() as system:
        await system.memory.add("Berlin in May", user_id="u")
        system.vector.down = {"search"}
        found = await system.memory.search("Berlin", user_id="u", threshold=0.0)
        assert [one["memory"] for one in found["results"]] == ["Berlin in May"]
        assert found["degraded"] == ["dense", "keywords"]
        system.graph.down = {"search"}
        with pytest.raises(Unavailable):
            await system.memory.search("Berlin", user_id="u")
        assert (await system.memory.list(user_id="u"))["count"] == 1


async def test_an_index_that_has_lost_everything_is_filled_again_before_it_answers() -> None:
    async with System() as system:
        for number in range(5):
            await system.memory.add(f"Berlin number {number}", user_id="u")
        system.vector.port = InMemoryVectorStore(DIMENSIONS)
        system.graph.port = graph.in_memory()
        found = await system.memory.search("Berlin", user_id="u", explain=True)
        assert (len(found["results"]), found["degraded"]) == (5, [])
        assert all(one["score_details"]["signals"]["graph"] for one in found["results"])


async def test_a_full_gate_refuses_before_anything_is_accepted() -> None:
    settings = load(limits={"pending_operations": 2}, runtime={"deadline_s": 5, "apply_deadline_s": 0.2})
    async with System(settings) as system:
        system.embedder.down = True
        waiting = [asyncio.ensure_future(system.memory.add(f"fact {n}", user_id="u", deadline_s=0.5)) for n in range(2)]
        await asyncio.sleep(0.05)
        with pytest.raises(Overloaded) as refused:
            await system.memory.add("one too many", user_id="u")
        assert refused.value.details["retry_after_s"] >= 1
        assert {one["status"] for one in await asyncio.gather(*waiting)} == {"PENDING"}
        system.embedder.down = False
        await system.memory.indexes_at(2)
        assert (await system.memory.list(user_id="u"))["count"] == 2


async def test_before_the_start_and_after_the_close_calls_are_refused() -> None:
    system = System()
    with pytest.raises(Unavailable):
        await system.memory.add("too early", user_id="u")
    assert (await system.memory.status())["ready"] is False
    async with system:
        assert (await system.memory.status())["state"] == "ready"


async def test_a_position_that_nobody_has_reached_is_waited_for_and_harms_nobody() -> None:
    async with System() as system:
        await system.memory.add("tea with lemon", user_id="u")
        with pytest.raises(DeadlineExceeded):
            await system.memory.search("tea", user_id="u", min_position=10**9, deadline_s=0.2)
        assert (await system.memory.status())["state"] == "ready"
        added = await system.memory.add("coffee with milk", user_id="u")
        assert added["degraded"] == []
        found = await system.memory.search("coffee", user_id="u", min_position=added["position"])
        assert found["results"][0]["memory"] == "coffee with milk"


async def test_an_add_of_more_texts_than_a_queue_holds_goes_through() -> None:
    settings = load(embed={"queue_texts": 16}, runtime={"deadline_s": 20})
    async with System(settings) as system:
        messages = [{"role": "user", "content": f"fact {number}"} for number in range(200)]
        added = await system.memory.add(messages, user_id="u")
        assert (added["status"], len(added["results"])) == ("SUCCEEDED", 200)


async def test_an_index_of_another_ledger_is_not_believed_but_built_anew() -> None:
    async with System() as old:
        for number in range(3):
            await old.memory.add(f"Berlin number {number}", user_id="u")
    restored = System()
    restored.memory = in_process(
        load(runtime={"apply_deadline_s": 0.1, "deadline_s": 5}, search={"leg_deadline_s": 0.2}),
        embedder=restored.embedder,
        recogniser=restored.recogniser,
        vector=old.vector,
    )
    old.vector.down = {"begin_rebuild"}
    async with restored:
        added = await restored.memory.add("Hamburg", user_id="u")
        assert added["degraded"] == ["vector"]
        for number in range(3):
            await restored.memory.add(f"Bremen number {number}", user_id="u")
        with pytest.raises(Unavailable):
            await restored.memory.search("number", user_id="u")
        assert "another" in (await restored.memory.status())["upkeep"]["vector"]["due"]
        old.vector.down = set()
        await restored.memory.indexes_at(4)
        found = await restored.memory.search("number", user_id="u", threshold=0.0)
        assert {one["memory"] for one in found["results"]} == {"Hamburg", *(f"Bremen number {n}" for n in range(3))}


async def test_an_update_with_a_time_that_cannot_be_shown_is_refused() -> None:
    async with System() as system:
        memory_id = (await system.memory.add("tea", user_id="u"))["results"][0]["id"]
        with pytest.raises(InvalidInput):
            await system.memory.update(memory_id, timestamp="9999-12-31T23:59:59-01:00")
        updated = await system.memory.update(memory_id, timestamp=0)
        assert updated["created_at"].startswith("1970-01-01")
        added = await system.memory.add("old news", user_id="u", timestamp=0)
        assert (await system.memory.get(added["results"][0]["id"]))["created_at"].startswith("1970-01-01")
