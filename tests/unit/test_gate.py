"""How much may be under way."""

from collections import deque

import pytest

from engine.errors import Overloaded
from engine.gate import Gate, retry_after_s


def test_a_full_gate_refuses_and_says_when_to_come_back() -> None:
    gate = Gate("adds", most=2, most_bytes=1000, clock=lambda: 0.0)
    gate.enter(10)
    gate.enter(10)
    with pytest.raises(Overloaded) as refused:
        gate.enter(10)
    assert refused.value.details["retry_after_s"] >= 1
    gate.leave(10)
    gate.enter(10)


def test_bytes_count_as_well_but_one_large_item_may_pass_alone() -> None:
    gate = Gate("adds", most=10, most_bytes=100, clock=lambda: 0.0)
    gate.enter(500)
    with pytest.raises(Overloaded):
        gate.enter(1)
    gate.leave(500)
    with gate.admit(60), pytest.raises(Overloaded):
        gate.enter(60)
    assert (gate.pending, gate.pending_bytes) == (0, 0)


def test_retry_after_follows_the_rate_of_completions() -> None:
    ten_a_second = deque(n / 10 for n in range(11))
    assert retry_after_s(200, ten_a_second) == 10
    assert retry_after_s(1, ten_a_second) == 1
    assert retry_after_s(10**6, ten_a_second) == 60
    assert retry_after_s(5, deque()) == 1
