"""How much is asked of a language model, and when again: budgets and pauses."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.bucket import Bucket
from engine.llm.budget import Budgets
from engine.llm.retrying import may_pass, pause_s, told_s

NOW_S = 1_700_000_000.0


def test_a_minute_s_worth_may_be_spent_at_once_and_then_evenly() -> None:
    bucket = Bucket(60, 0.0)
    bucket.spend(60, 0.0)
    assert bucket.wait_s(1, 0.0) == pytest.approx(1.0)
    assert bucket.wait_s(1, 1.0) == pytest.approx(0.0)
    assert bucket.wait_s(30, 1.0) == pytest.approx(29.0)


def test_more_than_it_ever_holds_waits_until_it_is_full() -> None:
    bucket = Bucket(60, 0.0)
    assert bucket.wait_s(1000, 0.0) == 0.0
    bucket.spend(1000, 0.0)
    assert bucket.wait_s(1, 0.0) == pytest.approx(941.0)


def test_a_call_is_charged_what_it_cost_when_that_is_told() -> None:
    budgets = Budgets(None, 600, 0.0)
    budgets.spend(600, 0.0)
    assert budgets.wait_s(100, 0.0) == pytest.approx(10.0)
    budgets.correct(600, 400, 50, 0.0)
    assert budgets.wait_s(100, 0.0) == 0.0
    budgets.correct(0, 0, 150, 0.0)  # nobody tells what the prompt cost: the guess stays
    assert budgets.wait_s(100, 0.0) == pytest.approx(10.0)


def test_no_budget_is_no_wait() -> None:
    bucket = Bucket(None, 0.0)
    bucket.spend(1e9, 0.0)
    assert bucket.wait_s(1e9, 0.0) == 0.0


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 30)), min_size=1, max_size=50))
def test_whoever_waits_as_told_never_spends_more_than_the_budget(calls: list[tuple[float, float]]) -> None:
    bucket, now_s, spent = Bucket(60, 0.0), 0.0, 0.0
    for gap_s, cost in calls:
        now_s += gap_s
        now_s += bucket.wait_s(cost, now_s)
        bucket.spend(cost, now_s)
        spent += cost
        assert spent <= 60 + now_s * 1.0 + 1e-6


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": format_datetime(datetime.fromtimestamp(NOW_S + 30, UTC), usegmt=True)}, 30.0),
        ({"retry-after": format_datetime(datetime.fromtimestamp(NOW_S - 30, UTC), usegmt=True)}, 0.0),
        ({"retry-after": "99999999"}, 3600.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Mon, 01 Jan 2024 00:00:00 +99999999999999999"}, None),
        ({}, None),
    ],
)
def test_the_pause_that_a_server_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert told_s(headers, NOW_S) == (None if seconds is None else pytest.approx(seconds))


@given(st.integers(1, 1000), st.none() | st.floats(0, 3600), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_never_shorter_than_told_and_never_endless(attempt: int, told: float | None, chance: float) -> None:
    pause = pause_s(attempt, told, chance)
    assert max(told or 0.0, 0.25) <= pause <= max(30.0, (told or 0.0) + 1.0)


def test_what_may_pass_is_tried_again() -> None:
    assert all(may_pass(status) for status in (408, 409, 429, 500, 502, 503, 504, 529))
    assert not any(may_pass(status) for status in (400, 401, 403, 404, 413, 422))
