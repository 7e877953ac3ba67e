"""What questions ask of time. They are asked on 1 June 2024."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.temporal.question import MOST_ASKED, asked, asks_when
from engine.times import day_of, to_us

AT_US = to_us(datetime(2024, 6, 1, tzinfo=UTC))

WHEN = """
en | When did Ann move?
en | when's her birthday
en | So, when was that?
en | Since when does she paint?
en | Do you remember when we met?
en | After the trip, when did he call?
en | What date is the party?
en | Which year did she graduate?
en | What day was it?
en | In what month did they fly?
en | How long ago was that?
en | How long has she been painting?
en | How many weeks did it take?
de | Wann ist Anna umgezogen?
de | Seit wann malt sie?
de | In welchem Jahr war das?
de | Wie lange ist das her?
es | ¿Cuándo se mudó Ana?
es | ¿Desde cuándo pinta?
es | ¿En qué año fue?
es | ¿Hace cuánto tiempo?
fr | Quand est-ce qu'Anne a déménagé ?
fr | Depuis quand peint-elle ?
fr | En quelle année était-ce ?
fr | Il y a combien de temps ?
zh | 安娜什么时候搬家的?
zh | 那是哪一年?
zh | 她的生日是几月几号?
zh | 多久以前?
auto | Wann war das?
auto | 何时?
"""
OTHER = """
en | What did Ann say when she moved?
en | Where does Ann live?
en | Whenever it rains, what does he do?
en | What does Ann do every year?
de | Was macht Anna in der Woche?
de | Wohin ist sie gezogen?
es | ¿Qué dijo cuando llegó?
es | ¿Dónde vive Ana?
fr | Où habite Anne ?
fr | Que dit-elle quand il pleut ?
zh | 安娜住在哪里?
xx | When?
"""


def _cases(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


@pytest.mark.parametrize(("language", "query"), _cases(WHEN))
def test_a_question_for_a_time_asks_when(language: str, query: str) -> None:
    assert asks_when(query, language)
    assert asked(query, AT_US, language).when


@pytest.mark.parametrize(("language", "query"), _cases(OTHER))
def test_any_other_question_does_not(language: str, query: str) -> None:
    assert not asks_when(query, language)


def _days(query: str) -> list[str]:
    return [day_of(one.from_us) for one in asked(query, AT_US, "en").ranges]


def test_a_question_counts_from_the_time_when_it_is_asked() -> None:
    assert _days("What did Ann do yesterday?") == ["2024-05-31"]


def test_a_question_counts_from_the_day_that_it_names() -> None:
    assert _days("What did Ann do last week, as she said on November 6, 2023?") == ["2023-10-30", "2023-11-06"]
    assert _days("Where was Ann between August 11 and August 15, 2023?") == ["2023-08-11", "2023-08-15"]


def test_a_month_without_a_year_is_that_of_any_year_not_long_ago() -> None:
    days = _days("Where did Ann camp in June?")
    assert days == [f"{year}-06-01" for year in range(2024, 2013, -1)]


def test_a_leap_day_without_a_year_is_the_last_of_february_in_other_years() -> None:
    assert _days("What happened on 29 February?")[:2] == ["2024-02-29", "2023-02-28"]


def test_a_calendar_pasted_into_a_question_is_cut() -> None:
    assert len(_days(" ".join(f"{day} May, {day} June" for day in range(1, 29)))) == MOST_ASKED


def test_a_question_that_names_no_time_asks_for_none() -> None:
    assert asked("Where does Ann live?", AT_US, "en").ranges == ()
