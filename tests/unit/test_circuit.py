"""A part that does not answer is left alone, and asked again in the background until it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.circuit import Circuit
from engine.concurrency import TaskSet
from engine.errors import InvalidInput, Unavailable

DEADLINE_S = 0.05


class Part:
    """Answers, fails or hangs."""

    def __init__(self) -> None:
        self.calls = 0
        self.under_way = 0
        self.most_under_way = 0
        self.well = asyncio.Event()
        self.well.set()
        self.error: Exception | None = None

    async def ask(self) -> str:
        self.calls += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.error is not None:
                raise self.error
            await self.well.wait()
        finally:
            self.under_way -= 1
        return "well"


@pytest.fixture
def part() -> Part:
    return Part()


@pytest.fixture
async def circuit() -> AsyncIterator[Circuit]:
    tasks = TaskSet()
    yield Circuit("part", tasks, deadline_s=DEADLINE_S)
    await tasks.close()


async def closed(circuit: Circuit) -> None:
    async with asyncio.timeout(10):
        while circuit.is_open:
            await asyncio.sleep(0.01)


async def test_a_part_that_hangs_costs_one_deadline_and_then_nothing(circuit: Circuit, part: Part) -> None:
    part.well.clear()
    with pytest.raises(Unavailable):
        await circuit.call(part.ask)
    for _ in range(1000):
        calls = part.calls
        with pytest.raises(Unavailable):
            await circuit.call(part.ask)
        assert part.calls == calls


async def test_it_is_asked_one_call_at_a_time_until_it_answers(circuit: Circuit, part: Part) -> None:
    part.well.clear()
    outcomes = await asyncio.gather(*[circuit.call(part.ask) for _ in range(5)], return_exceptions=True)
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
    part.most_under_way = 0
    async with asyncio.timeout(10):
        while part.calls < 7:
            await asyncio.sleep(0.01)
    assert part.most_under_way == 1
    assert circuit.is_open
    part.well.set()
    await closed(circuit)
    assert await circuit.call(part.ask) == "well"


async def test_a_part_that_fails_at_once_is_asked_each_time(circuit: Circuit, part: Part) -> None:
    for error in (Unavailable("away"), InvalidInput("no such thing")):
        part.error = error
        for _ in range(5):
            with pytest.raises(type(error)):
                await circuit.call(part.ask)
        assert not circuit.is_open
    part.error = None
    assert await circuit.call(part.ask) == "well"


async def test_a_part_that_fails_after_it_hung_is_still_left_alone_and_one_that_objects_is_there(
    circuit: Circuit, part: Part
) -> None:
    part.well.clear()
    with pytest.raises(Unavailable):
        await circuit.call(part.ask)
    part.error = Unavailable("away")
    calls = part.calls
    async with asyncio.timeout(10):
        while part.calls < calls + 2:
            await asyncio.sleep(0.01)
    assert circuit.is_open
    part.error = InvalidInput("no such thing")
    await closed(circuit)


async def test_a_part_that_fails_in_an_unknown_way_is_not_left_alone_for_good(circuit: Circuit, part: Part) -> None:
    part.well.clear()
    with pytest.raises(Unavailable):
        await circuit.call(part.ask)
    part.error = KeyError("nobody thought of this")
    await closed(circuit)


async def test_a_caller_that_goes_away_says_nothing_about_the_part(circuit: Circuit, part: Part) -> None:
    part.well.clear()
    asking = asyncio.ensure_future(circuit.call(part.ask))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not circuit.is_open
