"""Times in texts. Everything is said on Wednesday, 10 May 2023, at 13:56 UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest

from engine.temporal.mention import MOST_RANGES, mentioned
from engine.temporal.range import DAY_US, Grain
from engine.times import day_of, to_us

AMBIGUOUS = "3/5/2023"
SAID_US = to_us(datetime(2023, 5, 10, 13, 56, tzinfo=UTC))

ENGLISH = """
I went there yesterday.                                  | 2023-05-09 2023-05-10 day
We talked about it today.                                | 2023-05-10 2023-05-11 day
See you tomorrow!                                        | 2023-05-11 2023-05-12 day
the day before yesterday I was ill                       | 2023-05-08 2023-05-09 day
the day after tomorrow                                   | 2023-05-12 2023-05-13 day
We ate out last night                                    | 2023-05-09 2023-05-10 day
I ran this morning                                       | 2023-05-10 2023-05-11 day
Last week I met Ann                                      | 2023-05-01 2023-05-08 week
this week is full                                        | 2023-05-08 2023-05-15 week
It starts next week.                                     | 2023-05-15 2023-05-22 week
the week before last                                     | 2023-04-24 2023-05-01 week
last weekend                                             | 2023-05-06 2023-05-08 day
any plans for this weekend?                              | 2023-05-13 2023-05-15 day
two weekends ago                                         | 2023-04-29 2023-05-01 day
I moved last month                                       | 2023-04-01 2023-05-01 month
next month we'll fly                                     | 2023-06-01 2023-07-01 month
last year                                                | 2022-01-01 2023-01-01 year
This year is better                                      | 2023-01-01 2024-01-01 year
three days ago                                           | 2023-05-07 2023-05-08 day
A few days ago                                           | 2023-05-07 2023-05-08 day
it was a week ago                                        | 2023-04-30 2023-05-07 week
3 weeks ago                                              | 2023-04-16 2023-04-23 week
a couple of months ago                                   | 2023-03-01 2023-04-01 month
About two years ago                                      | 2021-01-01 2022-01-01 year
in three days                                            | 2023-05-13 2023-05-14 day
In two months we move                                    | 2023-07-01 2023-08-01 month
in the last two weeks                                    | 2023-04-26 2023-05-11 week
over the past month                                      | 2023-04-10 2023-05-11 month
We haven't talked in two weeks                           |
last Friday                                              | 2023-05-05 2023-05-06 day
last Wednesday                                           | 2023-05-03 2023-05-04 day
this Friday                                              | 2023-05-12 2023-05-13 day
next Tuesday                                             | 2023-05-16 2023-05-17 day
We met on Monday                                         | 2023-05-08 2023-05-09 day
We will meet on Monday                                   | 2023-05-15 2023-05-16 day
on Wednesday I am here                                   | 2023-05-10 2023-05-11 day
on 7 May 2023                                            | 2023-05-07 2023-05-08 day
May 7th, 2023                                            | 2023-05-07 2023-05-08 day
the 7th of May, 2023                                     | 2023-05-07 2023-05-08 day
8 May, 2023                                              | 2023-05-08 2023-05-09 day
Dec. 24                                                  | 2022-12-24 2022-12-25 day
She was born on 29 February 2020                         | 2020-02-29 2020-03-01 day
in May 2023                                              | 2023-05-01 2023-06-01 month
back in December last year                               | 2022-12-01 2023-01-01 month
We married in June                                       | 2023-06-01 2023-07-01 month
last March                                               | 2023-03-01 2023-04-01 month
last May                                                 | 2022-05-01 2022-06-01 month
next December                                            | 2023-12-01 2024-01-01 month
in 2022                                                  | 2022-01-01 2023-01-01 year
It was 2019.                                             | 2019-01-01 2020-01-01 year
since 2016 she paints                                    | 2016-01-01 2017-01-01 year
summer 2022                                              | 2022-06-01 2022-09-01 season
the winter of 2021                                       | 2021-12-01 2022-03-01 season
last summer                                              | 2022-06-01 2022-09-01 season
last winter                                              | 2022-12-01 2023-03-01 season
next fall                                                | 2023-09-01 2023-12-01 season
back in the 90s                                          | 1990-01-01 2000-01-01 decade
on the 3rd                                               | 2023-05-03 2023-05-04 day
I will pay on the 3rd.                                   | 2023-06-03 2023-06-04 day
2023-05-07                                               | 2023-05-07 2023-05-08 day
2023-05                                                  | 2023-05-01 2023-06-01 month
5/7/2023                                                 | 2023-05-07 2023-05-08 day
23/5/2023                                                | 2023-05-23 2023-05-24 day
7.5.2023                                                 | 2023-05-07 2023-05-08 day
2023-05-07T10:30:00Z                                     | 2023-05-07 2023-05-08 day
the Sunday before 25 May 2023                            | 2023-05-21 2023-05-22 day
the week before August 3, 2023                           | 2023-07-27 2023-08-03 week
the week of 8 May 2023                                   | 2023-05-08 2023-05-15 week
two weeks before August 11, 2023                         | 2023-07-25 2023-08-01 week
I may go and they march on                               |
He has 2000 apples, 3 dogs and version 1.2.3             |
How was your day?                                        |
on the 3rd floor                                         |
We meet every Friday                                     |
each other Monday                                        |
on February 30                                           |
call 555-2023 or 192.168.10.12                           |
in the year 99999                                        |
"""
GERMAN = """
Gestern war ich dort                                     | 2023-05-09 2023-05-10 day
vorgestern                                               | 2023-05-08 2023-05-09 day
Guten Morgen!                                            |
jeden Freitag                                            |
letzten Freitag                                          | 2023-05-05 2023-05-06 day
nächste Woche                                            | 2023-05-15 2023-05-22 week
vor zwei Jahren                                          | 2021-01-01 2022-01-01 year
vor einer Woche                                          | 2023-04-30 2023-05-07 week
am 3. Mai 2023                                           | 2023-05-03 2023-05-04 day
im März                                                  | 2023-03-01 2023-04-01 month
im Sommer 2022                                           | 2022-06-01 2022-09-01 season
letztes Wochenende                                       | 2023-05-06 2023-05-08 day
am 3.5.2023                                              | 2023-05-03 2023-05-04 day
in den 90ern                                             | 1990-01-01 2000-01-01 decade
"""
SPANISH = """
Ayer fui                                                 | 2023-05-09 2023-05-10 day
anoche                                                   | 2023-05-09 2023-05-10 day
por la mañana                                            |
todos los lunes                                          |
mañana                                                   | 2023-05-11 2023-05-12 day
el viernes pasado                                        | 2023-05-05 2023-05-06 day
la semana que viene                                      | 2023-05-15 2023-05-22 week
hace dos años                                            | 2021-01-01 2022-01-01 year
hace tres días                                           | 2023-05-07 2023-05-08 day
el 3 de mayo de 2023                                     | 2023-05-03 2023-05-04 day
en abril de 2022                                         | 2022-04-01 2022-05-01 month
el verano pasado                                         | 2022-06-01 2022-09-01 season
el mes pasado                                            | 2023-04-01 2023-05-01 month
3/5/2023                                                 | 2023-05-03 2023-05-04 day
"""
FRENCH = """
Hier soir                                                | 2023-05-09 2023-05-10 day
avant-hier                                               | 2023-05-08 2023-05-09 day
j’ai été malade                                          |
tous les mardis                                          |
vendredi dernier                                         | 2023-05-05 2023-05-06 day
la semaine prochaine                                     | 2023-05-15 2023-05-22 week
il y a deux ans                                          | 2021-01-01 2022-01-01 year
il y a trois jours                                       | 2023-05-07 2023-05-08 day
le 3 mai 2023                                            | 2023-05-03 2023-05-04 day
le 1er mai 2022                                          | 2022-05-01 2022-05-02 day
en avril 2022                                            | 2022-04-01 2022-05-01 month
l’été dernier                                            | 2022-06-01 2022-09-01 season
l’année dernière                                         | 2022-01-01 2023-01-01 year
dans trois jours                                         | 2023-05-13 2023-05-14 day
"""
CHINESE = """
昨天我去了                                               | 2023-05-09 2023-05-10 day
大前天                                                   | 2023-05-07 2023-05-08 day
上周                                                     | 2023-05-01 2023-05-08 week
上周五见面                                               | 2023-05-05 2023-05-06 day
下个月                                                   | 2023-06-01 2023-07-01 month
两年前                                                   | 2021-01-01 2022-01-01 year
三个星期前                                               | 2023-04-16 2023-04-23 week
2023年5月3日                                             | 2023-05-03 2023-05-04 day
二〇二二年十二月                                         | 2022-12-01 2023-01-01 month
去年夏天                                                 | 2022-06-01 2022-09-01 season
今年三月                                                 | 2023-03-01 2023-04-01 month
九十年代                                                 | 1990-01-01 2000-01-01 decade
我有三个苹果                                             |
每周五                                                   |
"""
OTHERS = """
it | ieri sera                                           | 2023-05-09 2023-05-10 day
it | il 3 maggio 2023                                    | 2023-05-03 2023-05-04 day
it | 2 settimane fa                                      | 2023-04-23 2023-04-30 week
portuguese | 7 de maio de 2023                           | 2023-05-07 2023-05-08 day
ru | вчера                                               | 2023-05-09 2023-05-10 day
ja | 先週                                                | 2023-05-01 2023-05-08 week
english+german | letzte Woche                           | 2023-05-01 2023-05-08 week
english+german | last week                              | 2023-05-01 2023-05-08 week
english | 昨天我去了                                    | 2023-05-09 2023-05-10 day
nobody-speaks-this | 2023-05-07 yesterday                | 2023-05-07 2023-05-08 day
"""


def _rows(table: str, language: str | None = None) -> list[tuple[str, ...]]:
    rows = [tuple(cell.strip() for cell in line.split("|")) for line in table.strip().splitlines()]
    return rows if language is None else [(language, *row) for row in rows]


CASES = [
    *_rows(ENGLISH, "english"),
    *_rows(GERMAN, "german"),
    *_rows(SPANISH, "spanish"),
    *_rows(FRENCH, "fr"),
    *_rows(CHINESE, "zh"),
    *_rows(OTHERS),
]


def _shown(text: str, language: str, said_us: int = SAID_US) -> str:
    return " ".join(
        f"{day_of(one.from_us)} {day_of(one.until_us)} {one.grain.name.lower()}"
        for one in mentioned(text, said_us, language)
    )


@pytest.mark.parametrize(("language", "text", "expected"), CASES)
def test_an_expression_means_its_range(language: str, text: str, expected: str) -> None:
    assert _shown(text, language) == expected


FOUR = [case for case in CASES if case[0] in {"german", "spanish", "fr", "zh"} and case[1] != AMBIGUOUS]


@pytest.mark.parametrize(("language", "text", "expected"), FOUR)
def test_five_languages_are_understood_at_once(language: str, text: str, expected: str) -> None:
    assert _shown(text, "auto") == expected


def test_in_several_languages_at_once_the_month_is_first_as_in_english() -> None:
    assert _shown(AMBIGUOUS, "auto") == "2023-03-05 2023-03-06 day"


def test_a_text_tells_each_time_once_and_in_order() -> None:
    told = _shown("Last week in Rome, since 2016 in Bern, and last week again; tomorrow home.", "en")
    assert told == "2023-05-01 2023-05-08 week 2016-01-01 2017-01-01 year 2023-05-11 2023-05-12 day"


def test_a_calendar_pasted_into_a_text_is_cut() -> None:
    text = " ".join(f"{day} May 2021" for day in range(1, 31))
    assert len(mentioned(text, SAID_US)) == MOST_RANGES


def test_the_day_of_a_text_is_that_of_utc() -> None:
    just_before_midnight = to_us(datetime(2023, 5, 10, 23, 59, 59, tzinfo=UTC))
    assert _shown("yesterday", "en", just_before_midnight) == "2023-05-09 2023-05-10 day"
    assert _shown("yesterday", "en", just_before_midnight + 1_000_000) == "2023-05-10 2023-05-11 day"


def test_what_lies_beyond_the_calendar_is_no_time() -> None:
    assert mentioned("a thousand years, 500 years ago", to_us(datetime(100, 1, 1, tzinfo=UTC))) == ()


def test_a_day_of_a_leap_year_comes_in_every_year() -> None:
    (told,) = mentioned("on 29 February", SAID_US)
    assert (day_of(told.from_us), told.grain) == ("2023-02-28", Grain.DAY)


_COUNTS = "一二三四五六七八九十两兩几幾"


def test_no_count_in_chinese_is_an_error() -> None:
    counts = ["".join(chars) for length in (1, 2, 3) for chars in product(_COUNTS, repeat=length)]
    for start in range(0, len(counts), 100):
        some = counts[start : start + 100]
        mentioned(" ".join(text for one in some for text in (f"{one}天前", f"{one}月", f"五月{one}日")), SAID_US)


@pytest.mark.parametrize(
    ("text", "days"),
    [("两三天前", 2), ("二三十天前", 20), ("十二三天前", 12), ("一两天前", 1), ("二十三天前", 23), ("十两天前", 12)],
)
def test_two_or_three_in_chinese_is_no_twenty_three(text: str, days: int) -> None:
    (told,) = mentioned(text, SAID_US)
    assert told.from_us == (SAID_US // DAY_US - days) * DAY_US


@pytest.mark.parametrize(("text", "language"), [("this winter", "english"), ("diesen Winter", "german")])
def test_this_winter_is_the_one_that_it_is(text: str, language: str) -> None:
    (told,) = mentioned(text, to_us(datetime(2023, 1, 15, tzinfo=UTC)), language)
    assert (day_of(told.from_us), day_of(told.until_us)) == ("2022-12-01", "2023-03-01")


@pytest.mark.parametrize("text", ["the weekend of 20 May 2022", "over the weekend of 20 May 2022"])
def test_a_weekend_with_a_date_is_not_the_one_to_come(text: str) -> None:
    (told,) = mentioned(text, SAID_US)
    assert (day_of(told.from_us), day_of(told.until_us)) == ("2022-05-21", "2022-05-23")


def test_french_writes_march_small() -> None:
    (told,) = mentioned("elle est née en mars", SAID_US, "french")
    assert (day_of(told.from_us), told.grain) == ("2023-03-01", Grain.MONTH)


def test_half_a_year_is_no_year() -> None:
    (told,) = mentioned("We met half a year ago", SAID_US)
    assert (day_of(told.from_us), told.grain) == ("2022-11-01", Grain.MONTH)
