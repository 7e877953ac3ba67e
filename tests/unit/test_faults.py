"""Fault points: off by default, named, counted, and a pause ends when somebody says so."""

from __future__ import annotations

import asyncio
import time

import pytest

from engine import faults
from engine.errors import DeadlineExceeded, Forbidden, InvalidInput, Unavailable
from engine.faults import WRITE_POINTS, Fault, FaultPoints, WritePoint

POINT = WritePoint.AFTER_ACCEPT
PATIENCE_S = 10.0


def armed(fault: Fault, point: str = POINT) -> FaultPoints:
    points = FaultPoints(enabled=True)
    points.arm(point, fault)
    return points


def test_arming_is_refused_unless_faults_are_switched_on() -> None:
    with pytest.raises(Forbidden):
        FaultPoints().arm("ledger.write", Fault(fail=True))


def test_arming_a_point_that_there_is_not_names_those_that_there_are() -> None:
    with pytest.raises(InvalidInput) as refused:
        FaultPoints(enabled=True).arm("after acept", Fault(fail=True))

    assert all(point in str(refused.value) for point in WRITE_POINTS)


@pytest.mark.parametrize("point", WRITE_POINTS)
def test_every_point_of_a_write_can_be_armed(point: str) -> None:
    assert armed(Fault(fail=True), point).is_armed(point)


async def test_a_point_that_is_not_armed_lets_everybody_pass() -> None:
    points = FaultPoints(enabled=True)

    await points.reach("ledger.write")

    assert points.reached("ledger.write") == 0


async def test_a_failing_point_fails_as_often_as_it_was_told() -> None:
    points = armed(Fault(fail=True, times=2), "vector.apply")

    for _ in range(2):
        with pytest.raises(Unavailable):
            await points.reach("vector.apply")
    await points.reach("vector.apply")

    assert points.reached("vector.apply") == 2


async def test_a_slow_point_waits() -> None:
    points = armed(Fault(delay_s=0.02))

    before = time.perf_counter()
    await points.reach(POINT)

    assert time.perf_counter() - before >= 0.02


async def test_disarming_forgets_one_point_or_all() -> None:
    points = FaultPoints(enabled=True)
    points.arm("a.verb", Fault(fail=True))
    points.arm("b.verb", Fault(fail=True))

    points.disarm("a.verb")
    await points.reach("a.verb")
    with pytest.raises(Unavailable):
        await points.reach("b.verb")
    points.disarm()
    await points.reach("b.verb")


async def test_a_pause_lasts_until_it_is_disarmed_and_its_arrival_is_heard_of() -> None:
    points = armed(Fault(pause=True))
    passing = asyncio.ensure_future(points.reach(POINT))

    assert await points.arrival(POINT, PATIENCE_S) == 1
    assert not passing.done()
    points.disarm(POINT)
    async with asyncio.timeout(PATIENCE_S):
        await passing


async def test_a_pause_can_be_heard_of_and_ended_from_another_thread() -> None:
    points = armed(Fault(pause=True))
    passing = asyncio.ensure_future(points.reach(POINT))

    def elsewhere() -> int:
        met = asyncio.run(points.arrival(POINT, PATIENCE_S))
        points.disarm()
        return met

    assert await asyncio.to_thread(elsewhere) == 1
    async with asyncio.timeout(PATIENCE_S):
        await passing


async def test_a_pause_that_nobody_ends_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "LONGEST_PAUSE_S", 0.02)
    points = armed(Fault(pause=True, fail=True))

    with pytest.raises(Unavailable):
        await points.reach(POINT)


async def test_who_gives_up_at_a_pause_leaves_it_to_the_others() -> None:
    points = armed(Fault(pause=True))
    first, second = (asyncio.ensure_future(points.reach(POINT)) for _ in range(2))
    await points.arrival(POINT, PATIENCE_S)

    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert not second.done()
    points.disarm()
    async with asyncio.timeout(PATIENCE_S):
        await second


async def test_waiting_for_an_arrival_has_an_end() -> None:
    with pytest.raises(DeadlineExceeded):
        await armed(Fault(fail=True)).arrival(POINT, 0.01)


async def test_nobody_arrives_at_a_point_that_was_never_armed() -> None:
    with pytest.raises(InvalidInput):
        await FaultPoints(enabled=True).arrival(POINT, PATIENCE_S)


async def test_arming_again_counts_from_nothing_and_lets_go_who_waits() -> None:
    points = armed(Fault(pause=True))
    passing = asyncio.ensure_future(points.reach(POINT))
    await points.arrival(POINT, PATIENCE_S)

    points.arm(POINT, Fault(fail=True))

    async with asyncio.timeout(PATIENCE_S):
        await passing
    assert points.reached(POINT) == 0
