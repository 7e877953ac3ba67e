"""Who comes in first goes in first."""

import asyncio

from engine.lanes import Lanes, Turn


class Log:
    def __init__(self) -> None:
        self.lanes = Lanes()
        self.entries: list[str] = []
        self.go: dict[str, asyncio.Event] = {}

    def enter(self, name: str, key: str | None) -> asyncio.Task[None]:
        turn = self.lanes.enter(key)
        self.go[name] = asyncio.Event()
        return asyncio.get_running_loop().create_task(self._work(name, turn))

    async def _work(self, name: str, turn: Turn) -> None:
        async with turn:
            self.entries.append(name)
            await self.go[name].wait()

    async def settle(self) -> list[str]:
        for _ in range(10):
            await asyncio.sleep(0)
        return self.entries


async def test_a_lane_goes_one_by_one_and_lanes_side_by_side() -> None:
    log = Log()
    log.enter("a1", "a"), log.enter("a2", "a"), log.enter("b1", "b")
    assert await log.settle() == ["a1", "b1"]
    log.go["a1"].set()
    assert await log.settle() == ["a1", "b1", "a2"]


async def test_a_barrier_waits_for_all_before_it_and_all_after_it_wait() -> None:
    log = Log()
    log.enter("a", "a"), log.enter("b", "b"), log.enter("all", None), log.enter("later a", "a"), log.enter("c", "c")
    assert await log.settle() == ["a", "b"]
    log.go["a"].set()
    assert await log.settle() == ["a", "b"]
    log.go["b"].set()
    assert await log.settle() == ["a", "b", "all"]
    log.go["all"].set()
    assert sorted((await log.settle())[3:]) == ["c", "later a"]


async def test_a_turn_given_up_early_does_not_let_others_overtake() -> None:
    log = Log()
    log.enter("first", "a")
    given_up = log.lanes.enter("a")
    log.enter("last", "a")
    given_up.leave()
    assert await log.settle() == ["first"]
    log.go["first"].set()
    assert await log.settle() == ["first", "last"]


async def test_a_lane_that_is_empty_is_forgotten() -> None:
    lanes = Lanes()
    turn = lanes.enter("a")
    assert turn.free
    async with turn:
        assert len(lanes) == 1
        assert not lanes.enter("a").free
    turn.leave()
    await asyncio.sleep(0)
    assert lanes.enter("b").free
