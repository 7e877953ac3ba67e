"""Times of any text: never a crash, always whole ranges, the same on every machine."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.temporal.columns import TimeColumns
from engine.temporal.mention import MOST_RANGES, mentioned
from engine.temporal.question import asked
from engine.temporal.range import Grain, TimeRange
from engine.temporal.scorers import date_match, recency, when_match
from engine.temporal.told import Told, told
from engine.times import iso, to_us

LANGUAGES = ("english", "german", "spanish", "french", "zh", "auto", "it", "ja", "ar", "klingon", "")
WORDS = (
    *("last", "next", "this", "the", "in", "on", "of", "a", "ago", "before", "after", "and", "week", "year", "day"),
    *("month", "Friday", "May", "march", "summer", "2023", "1999", "3", "31", "3rd", "30.", "5/7/2023", "2023-05-07"),
    *("yesterday", "two", "few", "hundred", "99999", "0", "weekend", "90s", "letzten", "Woche", "vor", "am", "im"),
    *("Mai", "Jahren", "hace", "años", "mayo", "de", "el", "pasado", "il", "y", "dernier", "mois", "上", "周五", "年"),
    *("月", "3日", "两", "前", "去年", "夏天", "十", "二", "三", "天", "几", ".", ",", "'", "-", "/"),
)

moments = st.integers(to_us(datetime(1, 1, 1, tzinfo=UTC)), to_us(datetime(9999, 12, 31, tzinfo=UTC)))
sentences = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join) | st.lists(
    st.sampled_from(WORDS), max_size=14
).map("".join)
texts = sentences | st.text(max_size=80)
languages = st.sampled_from(LANGUAGES)
ranges = st.builds(
    lambda start, length, grain: TimeRange(start, start + length, grain),
    moments,
    st.integers(1, 10**15),
    st.sampled_from(list(Grain)),
)
times = st.builds(Told, st.lists(ranges, max_size=4).map(tuple), st.sampled_from([0.0, 0.5, 1.0]))


@settings(max_examples=400)
@given(texts, moments, languages)
def test_ranges_of_any_text_are_whole_and_on_the_calendar(text: str, at_us: int, language: str) -> None:
    found = mentioned(text, at_us, language)
    assert len(found) <= MOST_RANGES
    assert len(set(found)) == len(found)
    for one in found:
        assert one.from_us < one.until_us
        assert iso(one.from_us)
        assert one.from_us % 86_400_000_000 == one.until_us % 86_400_000_000 == 0


@settings(max_examples=200)
@given(texts, moments, languages)
def test_any_text_can_be_asked_and_told(text: str, at_us: int, language: str) -> None:
    question = asked(text, at_us, language)
    assert set(mentioned(text, at_us, language)) == set() or question.ranges
    known = told(text, at_us, language)
    assert (known.strength == 1.0) == bool(known.ranges)


@given(sentences, moments)
def test_the_machine_s_time_zone_changes_nothing(text: str, at_us: int) -> None:
    before = os.environ.get("TZ")
    answers = []
    try:
        for zone in ("UTC", "Pacific/Kiritimati", "America/Anchorage"):
            os.environ["TZ"] = zone
            time.tzset()
            answers.append(asked(text, at_us, "auto"))
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()
    assert answers[0] == answers[1] == answers[2]


@settings(max_examples=200)
@given(st.lists(ranges, max_size=3), st.lists(st.tuples(moments, st.none() | times), max_size=6), moments)
def test_scores_are_shares(named: list[TimeRange], rows: list[tuple[int, Told | None]], now_us: int) -> None:
    columns = TimeColumns.of([said for said, _ in rows], [known for _, known in rows])
    each = (date_match(named, columns), when_match(columns), recency(columns.said_at_us, now_us, 3600.0))
    for scores in each:
        assert scores.shape == (len(rows),)
        assert scores.dtype == np.float32
        assert np.all(np.isnan(scores) | ((scores >= 0) & (scores <= 1)))


@given(
    st.lists(ranges, min_size=1, max_size=3), st.lists(st.tuples(moments, st.none() | times), min_size=1, max_size=6)
)
def test_a_memory_s_score_does_not_hang_on_the_others(
    named: list[TimeRange], rows: list[tuple[int, Told | None]]
) -> None:
    columns = TimeColumns.of([said for said, _ in rows], [known for _, known in rows])
    alone = [date_match(named, TimeColumns.of([said], [known]))[0] for said, known in rows]
    assert date_match(named, columns).tolist() == alone
    turned = np.arange(len(rows))[::-1]
    assert date_match(named, columns.take(turned)).tolist() == alone[::-1]


@pytest.mark.parametrize(
    "text", ["last " * 4000, "1 " * 10_000, "in the " * 3000 + "May", "一" * 20_000, "2023-" * 4000]
)
def test_long_repetitions_are_read_in_bounded_time(text: str) -> None:
    started = time.process_time()
    mentioned(text, 0, "auto")
    assert time.process_time() - started < 2
