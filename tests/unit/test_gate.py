"""How much may be under way, and what refused callers are told."""

from __future__ import annotations

import pytest

from engine.errors import Overloaded
from engine.gate import NOTHING, Gate, Load, Room, retry_after_s, token_guess
from engine.pace import Pace
from engine.shares import Shares


class Clock:
    """Seconds that pass when a test says so."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def a_gate(clock: Clock | None = None, *, items: int = 10, size_bytes: int = 1000, tokens: int = 1000) -> Gate:
    return Gate("adds", Room(items, size_bytes, tokens), clock or Clock(), longest_s=10.0, always=100, luck=lambda: 0.0)


def refusal_of(gate: Gate, load: Load = NOTHING, *, waited: bool = False) -> int:
    with pytest.raises(Overloaded) as refused:
        gate.enter(load, waited=waited)
    wait_s: int = refused.value.details["retry_after_s"]
    return wait_s


def test_a_full_gate_refuses_and_says_when_to_come_back() -> None:
    gate = a_gate(items=2)
    gate.enter()
    gate.enter()
    assert refusal_of(gate) == 1
    gate.leave()
    gate.enter()
    assert gate.figures()["refused"] == 1


@pytest.mark.parametrize("large", [Load(size_bytes=5000), Load(tokens=5000)])
def test_bytes_and_tokens_count_as_well_but_one_large_item_may_pass_alone(large: Load) -> None:
    gate = a_gate()
    gate.enter(large)
    refusal_of(gate, Load(1, 1))
    gate.leave(large)
    half = Load(600, 600)
    with gate.admit(half):
        refusal_of(gate, half)
    assert (gate.pending, gate.pending_bytes, gate.pending_tokens) == (0, 0, 0)


def test_what_an_earlier_life_admitted_counts_even_above_the_limit() -> None:
    gate = a_gate(items=1)
    gate.count()
    gate.count()
    assert gate.pending == 2
    refusal_of(gate)


def test_who_waits_is_refused_when_those_before_take_too_long_and_who_does_not_wait_is_taken() -> None:
    clock, load = Clock(), Load(tokens=84)
    gate = a_gate(clock, items=1000, tokens=100_000)
    for _ in range(20):
        gate.enter(load, waited=True)
        clock.now_s += 1.0
        gate.leave(load, waited=True)
    for _ in range(11):
        gate.enter(load, waited=True)
    assert 10.0 < gate.wait_s < 12.0
    assert 5 <= refusal_of(gate, load, waited=True) <= 6
    gate.enter(Load(), waited=True)
    gate.enter(load)
    for _ in range(12):
        gate.leave(load, waited=True)
    gate.enter(load, waited=True)


def test_while_others_want_the_models_half_as_much_is_let_in() -> None:
    clock, crowd, load = Clock(), [False], Load(tokens=34)
    room = Room(10, 1000, 1000)
    gate = Gate("reads", room, clock, longest_s=10.0, always=100, crowded=lambda: crowd[0], luck=lambda: 0.0)
    gate.enter(load, waited=True)
    clock.now_s += 30.0
    gate.leave(load, waited=True)
    gate.enter(load, waited=True)
    clock.now_s += 6.0
    assert 5.0 < gate.wait_s < 10.0
    crowd[0] = True
    refusal_of(gate, load, waited=True)
    crowd[0] = False
    gate.enter(load, waited=True)
    assert gate.pending == 2


def test_however_slow_it_is_a_little_is_always_taken() -> None:
    clock, load = Clock(), Load(tokens=34)
    gate = a_gate(clock)
    gate.enter(load, waited=True)
    clock.now_s += 30.0
    gate.leave(load, waited=True)
    gate.enter(load, waited=True)
    clock.now_s += 20.0
    gate.enter(load, waited=True)
    assert gate.wait_s > 10.0
    refusal_of(gate, load, waited=True)


def test_retry_after_follows_the_pace_and_is_spread() -> None:
    assert retry_after_s(2000, 100.0, luck=0.0) == 10
    assert retry_after_s(2000, 100.0, luck=1.0) == 20
    assert retry_after_s(1, 100.0, luck=0.5) == 1
    assert retry_after_s(10**9, 100.0, luck=0.5) == 60
    assert retry_after_s(10**9, None, luck=0.0) == 1


def test_the_pace_is_that_of_the_time_with_work() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.per_s is None
    for _ in range(20):
        pace.begin()
        clock.now_s += 0.5
        pace.note(50)
        pace.end()
        clock.now_s += 1000.0
    assert pace.per_s == pytest.approx(100.0, rel=0.1)


def test_a_standstill_slows_the_pace_until_nothing_is_known() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.begin()
    for _ in range(10):
        clock.now_s += 1.0
        pace.note(100)
    before = pace.per_s
    assert before is not None
    clock.now_s += 30.0
    assert pace.per_s is not None
    assert pace.per_s < before / 3
    clock.now_s += 60.0
    assert pace.per_s is None


def test_longer_texts_are_guessed_to_have_more_tokens() -> None:
    assert token_guess("") == 1
    assert token_guess("four words of text") == 5
    assert token_guess("记忆" * 100) > token_guess("ab" * 100)


def test_reads_find_places_while_changes_have_taken_theirs() -> None:
    shares = Shares("requests", 4, 1000, Clock())
    held = [shares.admit(changing=True, size_bytes=10) for _ in range(3)]
    for place in held:
        place.__enter__()
    with pytest.raises(Overloaded), shares.admit(changing=True, size_bytes=10):
        pass
    with (
        shares.admit(changing=False, size_bytes=10),
        pytest.raises(Overloaded),
        shares.admit(changing=False, size_bytes=10),
    ):
        pass
    for place in held:
        place.__exit__(None, None, None)
    assert {one["pending"] for one in shares.figures().values()} == {0}
