"""Calls become batches."""

import asyncio

import pytest

from engine.batch_queue import BatchQueue
from engine.errors import Overloaded, Unavailable
from engine.ports import Priority


class Recorder:
    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, items: list[int]) -> list[int | Exception]:
        self.batches.append(items)
        await self.gate.wait()
        return [ValueError(item) if item < 0 else item * 10 for item in items]


async def test_calls_that_arrive_together_travel_together() -> None:
    run = Recorder()
    queue = BatchQueue(run, name="q", max_items=64)
    assert await asyncio.gather(*[queue.submit(n) for n in range(5)]) == [0, 10, 20, 30, 40]
    assert run.batches == [[0, 1, 2, 3, 4]]


async def test_it_collects_while_a_batch_is_under_way() -> None:
    run = Recorder()
    run.gate.clear()
    queue = BatchQueue(run, name="q", max_items=3)
    first = asyncio.ensure_future(queue.submit(1))
    while not run.batches:
        await asyncio.sleep(0)
    rest = asyncio.gather(*[queue.submit(n) for n in (2, 3, 4, 5)])
    await asyncio.sleep(0)
    assert run.batches == [[1]]
    run.gate.set()
    assert await first == 10
    assert await rest == [20, 30, 40, 50]
    assert run.batches == [[1], [2, 3, 4], [5]]


async def test_reads_go_before_adds() -> None:
    run = Recorder()
    queue = BatchQueue(run, name="q", max_items=1)
    await asyncio.gather(queue.submit(1, priority=Priority.ADD), queue.submit(2, priority=Priority.READ))
    assert run.batches == [[2], [1]]


async def test_a_batch_keeps_to_the_cost_unless_one_item_is_above_it() -> None:
    run = Recorder()
    queue = BatchQueue(run, name="q", max_items=64, max_cost=10, cost=lambda item: item)
    await queue.submit_many([6, 4, 1, 99, 2])
    assert run.batches == [[6, 4], [1], [99], [2]]


async def test_one_item_may_fail_alone() -> None:
    queue = BatchQueue(Recorder(), name="q", max_items=64)
    outcomes = await asyncio.gather(queue.submit(1), queue.submit(-1), return_exceptions=True)
    assert outcomes[0] == 10
    assert isinstance(outcomes[1], ValueError)


async def test_a_failing_batch_fails_every_caller() -> None:
    async def broken(items: list[int]) -> list[int]:
        raise Unavailable("down")

    queue = BatchQueue(broken, name="q", max_items=64)
    outcomes = await asyncio.gather(queue.submit(1), queue.submit(2), return_exceptions=True)
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes)


async def test_who_left_costs_nothing() -> None:
    run = Recorder()
    run.gate.clear()
    queue = BatchQueue(run, name="q", max_items=64)
    first = asyncio.ensure_future(queue.submit(1))
    while not run.batches:
        await asyncio.sleep(0)
    gone, stays = asyncio.ensure_future(queue.submit(2)), asyncio.ensure_future(queue.submit(3))
    await asyncio.sleep(0)
    gone.cancel()
    run.gate.set()
    assert list(await asyncio.gather(first, stays)) == [10, 30]
    assert run.batches == [[1], [3]]


async def test_what_still_waits_can_be_taken_back_and_what_is_on_its_way_cannot() -> None:
    run = Recorder()
    run.gate.clear()
    queue = BatchQueue(run, name="q", max_items=64)
    on_its_way = queue.put(1)
    while not run.batches:
        await asyncio.sleep(0)
    waits = queue.put(2)
    assert not queue.take_back(on_its_way)
    assert queue.take_back(waits)
    assert not queue.take_back(waits)
    run.gate.set()
    assert await on_its_way == 10
    assert await queue.submit(3) == 30
    assert run.batches == [[1], [3]]
    assert not queue.take_back(on_its_way)


async def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    run = Recorder()
    queue = BatchQueue(run, name="q", max_items=1, capacity=1)
    waiting = asyncio.ensure_future(queue.submit(1))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as refused:
        await queue.submit(2)
    assert refused.value.details["retry_after_s"] >= 1
    assert await waiting == 10


async def test_after_close_nothing_is_taken() -> None:
    queue = BatchQueue(Recorder(), name="q", max_items=1)
    await queue.close()
    with pytest.raises(Unavailable):
        await queue.submit(1)


async def test_it_lingers_for_company_only_after_a_batch() -> None:
    run = Recorder()
    queue = BatchQueue(run, name="q", max_items=64, linger_s=0.5)
    loop = asyncio.get_running_loop()
    started = loop.time()
    await queue.submit(1)
    assert loop.time() - started < 0.5
    second = asyncio.ensure_future(queue.submit(2))
    await asyncio.sleep(0.01)
    assert run.batches == [[1]]
    assert list(await asyncio.gather(second, queue.submit(3))) == [20, 30]
    assert run.batches == [[1], [2, 3]]


async def test_several_items_are_taken_together_or_not_at_all() -> None:
    run = Recorder()
    queue = BatchQueue(run, name="q", max_items=64, capacity=3)
    with pytest.raises(Overloaded):
        await queue.submit_many([1, 2, 3, 4])
    assert await queue.submit_many([1, 2, 3]) == [10, 20, 30]
    assert run.batches == [[1, 2, 3]]


async def test_figures_tell_what_waits_and_what_runs() -> None:
    run = Recorder()
    run.gate.clear()
    queue = BatchQueue(run, name="q", max_items=2, capacity=3)
    first = asyncio.ensure_future(queue.submit(1))
    while not run.batches:
        await asyncio.sleep(0)
    rest = asyncio.gather(*[queue.submit(n) for n in (2, 3, 4)])
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await queue.submit(5)
    figures = queue.figures()
    assert (figures["waiting"], figures["running"], figures["refused"], figures["capacity"]) == (3, 1, 1, 3)
    assert figures["oldest_ms"] >= 0
    run.gate.set()
    await first
    await rest
    figures = queue.figures()
    assert (figures["waiting"], figures["running"], figures["oldest_ms"]) == (0, 0, 0)
    assert (figures["items"], figures["batches"], figures["largest"], figures["mean_batch"]) == (4, 3, 2, 1.333)
    assert figures["wait_ms"]["count"] == 4
    assert figures["batch"]["buckets"] == {"1": 2, "2": 1}
    assert figures["took_ms"]["count"] == 3


async def test_waiting_is_measured_until_an_item_is_taken() -> None:
    run = Recorder()
    run.gate.clear()
    queue = BatchQueue(run, name="q", max_items=1)
    first = asyncio.ensure_future(queue.submit(1))
    while not run.batches:
        await asyncio.sleep(0)
    second = asyncio.ensure_future(queue.submit(2))
    while queue.figures()["oldest_ms"] < 20:
        await asyncio.sleep(0)
    run.gate.set()
    await asyncio.gather(first, second)
    assert queue.figures()["wait_ms"]["max"] >= 20
    assert queue.figures()["took_ms"]["max"] >= 20


async def test_what_is_of_lower_priority_always_has_a_part_of_a_batch() -> None:
    run = Recorder()
    queue = BatchQueue(run, name="q", max_items=8)
    await asyncio.gather(
        queue.submit_many(list(range(100, 103)), priority=Priority.BULK),
        queue.submit_many(list(range(12)), priority=Priority.ADD),
    )
    assert run.batches == [[0, 1, 2, 3, 4, 5, 100, 101], [6, 7, 8, 9, 10, 11, 102]]


async def test_the_end_of_a_queue_is_kept_for_reads() -> None:
    run = Recorder()
    run.gate.clear()
    queue = BatchQueue(run, name="q", max_items=1, capacity=16)
    adds = [asyncio.ensure_future(queue.submit(n, priority=Priority.ADD)) for n in range(14)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await queue.submit_many([14, 15], priority=Priority.BULK)
    reads = asyncio.ensure_future(queue.submit_many([14, 15, 16], priority=Priority.READ))
    await asyncio.sleep(0)
    assert len(queue) == 16
    run.gate.set()
    assert await reads == [140, 150, 160]
    assert await asyncio.gather(*adds) == [n * 10 for n in range(14)]


async def test_long_items_of_lower_priority_leave_room_for_the_cost_of_higher_ones() -> None:
    run = Recorder()
    queue = BatchQueue(run, name="q", max_items=64, max_cost=100, cost=lambda item: item)
    await asyncio.gather(
        queue.submit_many([90, 90], priority=Priority.BULK), queue.submit_many([25] * 5, priority=Priority.ADD)
    )
    assert run.batches == [[25, 25, 25, 90], [25, 25, 90]]


async def test_batches_get_smaller_while_they_take_long_and_larger_again() -> None:
    took_s = 0.05

    async def run(items: list[int]) -> list[int | Exception]:
        await asyncio.sleep(took_s)
        sizes.append(len(items))
        return list(items)

    sizes: list[int] = []
    queue = BatchQueue(run, name="q", max_items=64, max_cost=64, longest_s=0.02)
    await queue.submit_many([1] * (64 + 128))
    assert sizes[0] == 64
    assert sizes[-3] == 16 == min(sizes[:-1])
    took_s = 0.001
    sizes.clear()
    await queue.submit_many([1] * 64 * 8)
    assert max(sizes) == 64
