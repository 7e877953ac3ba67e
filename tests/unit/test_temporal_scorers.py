"""How memories are scored by time."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from engine.temporal.columns import TimeColumns
from engine.temporal.mention import mentioned
from engine.temporal.range import DAY_US
from engine.temporal.scorers import NEAR_US, date_match, recency, when_match
from engine.temporal.told import DATED, NO_TIME, VAGUE, Told, told
from engine.times import to_us


def at_us(month: int, day: int, year: int = 2023) -> int:
    return to_us(datetime(year, month, day, 12, tzinfo=UTC))


def columns(*said: tuple[str, int]) -> TimeColumns:
    return TimeColumns.of([when for _, when in said], [told(text, when) for text, when in said])


MAY_7 = mentioned("on 7 May 2023", at_us(1, 1))


def test_what_was_said_on_the_day_matches_and_so_does_what_tells_of_it() -> None:
    scores = date_match(MAY_7, columns(("Hello", at_us(5, 7)), ("I was there yesterday", at_us(5, 8))))
    assert scores.dtype == np.float32
    assert scores.tolist() == [1.0, 1.0]


def test_a_match_fades_with_the_distance() -> None:
    near, nearer, far = date_match(
        MAY_7, columns(("Hello", at_us(5, 12)), ("Hello", at_us(5, 9)), ("Hello", at_us(9, 7)))
    )
    assert 1 > nearer > near > far
    assert far == pytest.approx(0, abs=1e-6)


def test_half_of_a_match_is_left_three_days_off() -> None:
    (day,) = MAY_7
    off = TimeColumns.of([day.until_us - 1 + NEAR_US, day.from_us - NEAR_US], [Told(), Told()])
    assert date_match(MAY_7, off) == pytest.approx([0.5, 0.5])


def test_a_wider_range_reaches_farther() -> None:
    a_month_off = columns(("Hello", at_us(6, 30)))
    (day,) = date_match(mentioned("31 May 2023", 0), a_month_off)
    (month,) = date_match(mentioned("in May 2023", 0), a_month_off)
    assert day < 0.01
    assert month > 0.4


def test_a_memory_of_a_whole_year_half_matches_one_of_its_days() -> None:
    said = columns(("We met in 2023", at_us(1, 1, 2020)), ("In May 2023 we met", at_us(1, 1, 2020)))
    assert date_match(MAY_7, said).tolist() == [0.5, 0.5]
    assert date_match(mentioned("in 2023", 0), said).tolist() == [1.0, 1.0]


def test_the_best_of_several_ranges_counts() -> None:
    both = mentioned("on 7 May 2023 or on 9 August 2022", 0)
    assert date_match(both, columns(("Hi", at_us(5, 7)), ("Hi", at_us(8, 9, 2022)))).tolist() == [1.0, 1.0]


def test_a_memory_whose_times_nobody_has_looked_for_matches_by_when_it_was_said() -> None:
    unknown = TimeColumns.of([at_us(5, 7), at_us(1, 1, 2020)], [None, None])
    assert date_match(MAY_7, unknown) == pytest.approx([1.0, 0.0], abs=1e-6)
    assert np.isnan(when_match(unknown)).all()


def test_a_question_for_a_time_prefers_memories_that_tell_one() -> None:
    said = columns(("I went yesterday", at_us(5, 7)), ("I went recently", at_us(5, 7)), ("I went", at_us(5, 7)))
    assert when_match(said).tolist() == [DATED, VAGUE, NO_TIME]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "lately"),
        ("en", "for three years"),
        ("en", "at 5 pm"),
        ("en", "we meet at 14."),
        ("en", "since I was ill"),
        ("en", "every Friday"),
        ("en", "the club is open on Thursdays"),
        ("de", "um 17 Uhr"),
        ("de", "jeden Freitag"),
        ("es", "todos los lunes"),
        ("fr", "tous les mardis"),
        ("zh", "每周五见面"),
        ("auto", "dienstags"),
    ],
)
def test_some_times_are_told_without_a_date(language: str, text: str) -> None:
    assert told(text, at_us(5, 7), language) == Told((), VAGUE)


def test_recency_halves_with_every_half_life() -> None:
    now_us = at_us(5, 7)
    said = np.array([now_us, now_us - DAY_US, now_us - 2 * DAY_US, now_us + DAY_US])
    assert recency(said, now_us, DAY_US / 1e6) == pytest.approx([1, 0.5, 0.25, 1])


def test_no_memories_have_no_scores() -> None:
    nobody = TimeColumns.of([], [])
    assert [len(scores) for scores in (date_match(MAY_7, nobody), when_match(nobody))] == [0, 0]


def test_some_rows_can_be_taken_in_another_order() -> None:
    said = columns(("on 7 May 2023 and in 2021", 0), ("Hello", at_us(5, 7)), ("in 2022", 0))
    taken = said.take(np.array([2, 0]))
    assert taken.row.tolist() == [0, 1, 1]
    assert date_match(MAY_7, taken).tolist() == date_match(MAY_7, said)[[2, 0]].tolist()
