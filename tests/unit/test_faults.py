"""Fault points: off by default, named, counted."""

from __future__ import annotations

import time

import pytest

from engine.errors import Forbidden, Unavailable
from engine.faults import Fault, FaultPoints


def test_arming_is_refused_unless_faults_are_switched_on() -> None:
    with pytest.raises(Forbidden):
        FaultPoints().arm("ledger.write", Fault(fail=True))


async def test_a_point_that_is_not_armed_lets_everybody_pass() -> None:
    await FaultPoints(enabled=True).reach("ledger.write")


async def test_a_failing_point_fails_as_often_as_it_was_told() -> None:
    points = FaultPoints(enabled=True)
    points.arm("vector.apply", Fault(fail=True, times=2))

    for _ in range(2):
        with pytest.raises(Unavailable):
            await points.reach("vector.apply")
    await points.reach("vector.apply")


async def test_a_slow_point_waits() -> None:
    points = FaultPoints(enabled=True)
    points.arm("vector.apply", Fault(delay_s=0.02))

    before = time.perf_counter()
    await points.reach("vector.apply")

    assert time.perf_counter() - before >= 0.02


async def test_disarming_forgets_one_point_or_all() -> None:
    points = FaultPoints(enabled=True)
    points.arm("a", Fault(fail=True))
    points.arm("b", Fault(fail=True))

    points.disarm("a")
    await points.reach("a")
    points.disarm()
    await points.reach("b")
