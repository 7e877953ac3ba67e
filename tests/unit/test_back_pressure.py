"""What is under way is bounded, and what nobody waits for any more costs nothing: a memory system in process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from engine import ledger
from engine.config import Settings, load
from engine.embed.hashing import HashingEmbedder
from engine.errors import DeadlineExceeded, Overloaded, RemoraError, Unavailable
from engine.in_process import in_process
from engine.ledger_port import Command, Ledger, WriteAnswer
from engine.memory import Memory
from engine.ports import Encoded

DIMENSIONS = 384


class HeldEmbedder(HashingEmbedder):
    """Counts the texts that it is given, and answers only while it may."""

    def __init__(self) -> None:
        super().__init__(DIMENSIONS)
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.texts: list[str] = []

    async def encode(self, windows: Sequence[str], *args: Any, **kwargs: Any) -> Encoded:
        self.texts += windows
        await self.go_on.wait()
        return await super().encode(windows, *args, **kwargs)


class HeldLedger:
    """A ledger that writes only while it may."""

    def __init__(self, real: Ledger) -> None:
        self._real = real
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def write(self, epoch: int, commands: Sequence[Command]) -> WriteAnswer:
        self.asked += 1
        await self.go_on.wait()
        return await self._real.write(epoch, commands)


class System:
    """A memory system whose embedder and ledger can be held; nothing asks the embedder in the background."""

    def __init__(self, **limits: Any) -> None:
        self.settings: Settings = load(
            limits=limits,
            runtime={"deadline_s": 5, "apply_deadline_s": 1},
            embed={"batch_texts": 4},
            signals={"enabled": False},
        )
        self.embedder = HeldEmbedder()
        self.truth = ledger.in_memory()
        self.ledger = HeldLedger(self.truth)
        self.memory = self.another_life()

    def another_life(self) -> Memory:
        return in_process(self.settings, embedder=self.embedder, ledger_=self.ledger)

    async def __aenter__(self) -> System:
        await self.memory.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.embedder.go_on.set()
        self.ledger.go_on.set()
        await self.memory.close()

    def add(self, text: str, **fields: Any) -> asyncio.Future[dict[str, Any]]:
        return asyncio.ensure_future(self.memory.add(text, user_id=fields.pop("user_id", text), **fields))

    def search(self, text: str) -> asyncio.Future[dict[str, Any]]:
        return asyncio.ensure_future(self.memory.search(text, user_id="u"))

    async def gate(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.memory.status())["gates"][name]
        return found

    async def stored(self) -> int:
        found = await self.memory.entities()
        return sum(one["total_memories"] for one in found["results"])


async def until(true: Callable[[], bool]) -> None:
    """Let the event loop go round until that is so."""
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0)


async def left(call: asyncio.Future[Any]) -> None:
    """The caller goes away."""
    call.cancel()
    await asyncio.wait([call])


async def test_searches_whose_callers_went_away_cost_no_model_time() -> None:
    async with System() as system:
        system.embedder.go_on.clear()
        first = system.search("first")
        await until(lambda: system.embedder.texts == ["first"])
        others = [system.search(f"other {n}") for n in range(10)]
        stays = system.search("stays")
        await asyncio.sleep(0)
        for one in others:
            await left(one)
        system.embedder.go_on.set()
        await asyncio.gather(first, stays)
        assert system.embedder.texts == ["first", "stays"]
        assert (await system.gate("reads"))["pending"] == 0


async def test_a_search_whose_time_is_up_before_it_begins_costs_no_model_time() -> None:
    async with System() as system:
        system.embedder.go_on.clear()
        first = system.search("first")
        await until(lambda: system.embedder.texts == ["first"])
        with pytest.raises(DeadlineExceeded):
            await system.memory.search("late", user_id="u", deadline_s=0.01)
        system.embedder.go_on.set()
        await first
        await system.memory.search("next", user_id="u")
        assert system.embedder.texts == ["first", "next"]


async def test_a_batch_whose_caller_went_away_ends_with_it() -> None:
    async with System() as system:
        system.embedder.go_on.clear()
        items = [{"query": f"query {n}", "user_id": "u"} for n in range(100)]
        batch = asyncio.ensure_future(system.memory.search_batch(items))
        await until(lambda: bool(system.embedder.texts))
        begun = list(system.embedder.texts)
        await left(batch)
        system.embedder.go_on.set()
        await system.memory.search("next", user_id="u")
        assert system.embedder.texts == [*begun, "next"]


async def test_an_add_that_is_not_yet_on_its_way_to_the_ledger_goes_away_with_its_caller() -> None:
    async with System() as system:
        system.ledger.go_on.clear()
        system.embedder.go_on.clear()
        first = system.add("first")
        await until(lambda: system.ledger.asked == 1 and system.embedder.texts == ["first"])
        others = [system.add(f"other {n}") for n in range(10)]
        await asyncio.sleep(0)
        for one in others:
            await left(one)
        assert (await system.gate("operations"))["pending"] == 1
        system.ledger.go_on.set()
        system.embedder.go_on.set()
        await first
        assert system.embedder.texts == ["first"]
        assert await system.stored() == 1


async def test_an_add_that_is_on_its_way_or_accepted_takes_effect_without_its_caller() -> None:
    async with System() as system:
        system.ledger.go_on.clear()
        on_its_way = system.add("on its way")
        await until(lambda: system.ledger.asked == 1)
        await left(on_its_way)
        system.embedder.go_on.clear()
        system.ledger.go_on.set()
        accepted = await system.memory.add("accepted", user_id="u", wait=False)
        assert accepted["status"] == "PENDING"
        system.embedder.go_on.set()
        await system.memory.indexes_at(2)
        assert await system.stored() == 2


async def test_an_add_that_could_not_be_accepted_in_time_is_not_there_later() -> None:
    async with System() as system:
        system.ledger.go_on.clear()
        first = system.add("first")
        await until(lambda: system.ledger.asked == 1)
        with pytest.raises(Unavailable, match="was not") as late:
            await system.memory.add("late", user_id="u", deadline_s=0.01)
        assert late.value.details["rolled_back"] is True
        assert late.value.details["retry_after_s"] >= 1
        system.ledger.go_on.set()
        await first
        await system.memory.add("next", user_id="u")
        assert await system.stored() == 2


async def test_one_of_two_callers_of_an_operation_may_go() -> None:
    async with System() as system:
        system.ledger.go_on.clear()
        first = system.add("first")
        await until(lambda: system.ledger.asked == 1)
        one, other = (
            asyncio.ensure_future(
                system.memory.delete_part("8" * 8 + "-0000-8000-8000-" + "1" * 12, 0, True, user_id="u")
            )
            for _ in range(2)
        )
        await asyncio.sleep(0)
        await left(one)
        system.ledger.go_on.set()
        await first
        assert (await other)["count"] == 0


async def test_searches_are_answered_while_the_gate_for_operations_is_full() -> None:
    async with System(pending_operations=3) as system:
        await system.memory.add("tea", user_id="u")
        system.ledger.go_on.clear()
        adds = [system.add(f"add {n}") for n in range(3)]
        await asyncio.sleep(0)
        for _ in range(5):
            with pytest.raises(Overloaded) as refused:
                await system.memory.add("one too many", user_id="u")
            assert refused.value.details["retry_after_s"] >= 1
        assert len((await system.memory.search("tea", user_id="u"))["results"]) == 1
        system.ledger.go_on.set()
        await asyncio.gather(*adds)
        gate = await system.gate("operations")
        assert (gate["pending"], gate["bytes"], gate["tokens"], gate["refused"]) == (0, 0, 0, 5)
        await system.memory.add("room again", user_id="u")


async def test_tokens_and_bytes_are_limited_too() -> None:
    async with System(pending_tokens=1000) as system:
        system.ledger.go_on.clear()
        adds = [system.add("word " * 300, user_id=str(n)) for n in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await system.memory.add("word " * 600, user_id="u")
        system.ledger.go_on.set()
        await asyncio.gather(*adds)
    async with System(pending_bytes=50_000) as system:
        system.ledger.go_on.clear()
        large = system.add("x", metadata={"note": "y" * 4000})
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await system.memory.add("x", user_id="u", metadata={"note": "y" * 4000})
        system.ledger.go_on.set()
        await large


async def test_what_is_accepted_and_not_done_counts_also_after_a_restart() -> None:
    system = System(pending_operations=3)
    await system.memory.start()
    system.embedder.go_on.clear()
    for n in range(3):
        assert (await system.memory.add(f"add {n}", user_id="u", wait=False))["status"] == "PENDING"
    assert (await system.gate("operations"))["pending"] == 3
    with pytest.raises(Overloaded):
        await system.memory.add("one too many", user_id="u", wait=False)
    await system.memory.close()
    system.memory = system.another_life()
    async with system:
        assert (await system.gate("operations"))["pending"] == 3
        with pytest.raises(Overloaded):
            await system.memory.add("one too many", user_id="u", wait=False)
        system.embedder.go_on.set()
        await system.memory.indexes_at(3)
        assert await system.stored() == 3
        assert (await system.gate("operations"))["pending"] == 0


async def test_after_a_flood_nothing_is_left() -> None:
    async with System(pending_operations=20, pending_reads=20) as system:
        calls = [system.add(f"add {n}") if n % 5 else system.search(f"search {n}") for n in range(500)]
        for gone in calls[::7]:
            gone.cancel()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        refused = [one for one in outcomes if isinstance(one, RemoraError)]
        assert {type(one) for one in refused} == {Overloaded}
        assert all(one.details["retry_after_s"] >= 1 for one in refused)
        good = [one for one in outcomes if isinstance(one, dict)]
        assert good
        status = await system.memory.status()
        assert {gate["pending"] for gate in status["gates"].values()} == {0}
        assert {queue["waiting"] for queue in status["queues"].values()} == {0}
        assert status["writes"]["lanes"] == 0
        assert await system.stored() == status["writes"]["finished"]
