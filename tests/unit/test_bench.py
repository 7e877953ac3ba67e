"""What the benchmark's pure parts promise: texts that can be repeated, honest numbers, tables that read."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable

import pytest

from bench.closed_loop import Answer, Window, run
from bench.results import HANDLE, MEM0, Comparison, Limit, Point, Results, Stored, percentile, point, stored
from bench.sentences import COUNT, USERS, sentence
from bench.tables import BEGIN, END, markdown, number, ratios, replaced, section, tables


def a_point(system: str, round_number: int, per_s: float, **more: object) -> Point:
    values: dict[str, object] = {
        "system": system,
        "verb": "search",
        "concurrency": 32,
        "round": round_number,
        "calls": 100,
        "per_s": per_s,
        "p50_ms": 10.0,
        "p95_ms": 20.0,
        "errors": {},
        "found": 1.0,
    }
    return Point.model_validate(values | more)


def a_comparison(*points: Point) -> Comparison:
    return Comparison(
        dtype="float32",
        versions={"mem0ai": "2.2.1"},
        points=points,
        limits=(Limit(system=MEM0, batch=32, round=0, per_s=200.0), Limit(system="Remora", batch=1, round=0, per_s=60)),
        stored=(Stored(system=MEM0, acknowledged=10, stored=9, lost=1, unacknowledged=0),),
    )


class TestSentences:
    def test_the_same_number_and_seed_give_the_same_text(self) -> None:
        assert [sentence(n, 7) for n in range(50)] == [sentence(n, 7) for n in range(50)]

    def test_another_seed_gives_other_texts(self) -> None:
        assert {sentence(n, 1).text for n in range(50)}.isdisjoint(sentence(n, 2).text for n in range(50))

    def test_no_text_comes_twice(self) -> None:
        assert len({sentence(n).text for n in range(100_000)}) == 100_000

    def test_the_numbers_last_for_long_runs(self) -> None:
        assert COUNT > 10_000_000
        assert sentence(COUNT - 1).text not in {sentence(n).text for n in range(10_000)}

    def test_users_share_the_memories_evenly(self) -> None:
        owners = [sentence(n).user_id for n in range(10 * USERS)]
        assert {owners.count(user) for user in set(owners)} == {10}
        assert len(set(owners)) == USERS

    def test_a_question_names_who_what_and_where(self) -> None:
        one = sentence(3)
        words = one.question.removesuffix("?").split()
        assert {words[1], words[3], words[-2], words[-1]} <= set(one.text.replace(".", "").split())


class TestClosedLoop:
    async def test_never_more_calls_at_once_than_callers(self) -> None:
        under_way = most = 0

        async def call(_: int) -> list[str]:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            return []

        window = await run(call, range(100), concurrency=7, limit_s=60)
        assert most == 7
        assert sorted(answer.number for answer in window.answers) == list(range(100))

    async def test_ends_when_its_time_is_over(self) -> None:
        async def call(_: int) -> list[str]:
            await asyncio.sleep(0)
            return []

        window = await run(call, range(10**9), concurrency=2, limit_s=0.05)
        assert 0.05 <= window.seconds < 5

    async def test_errors_are_counted_and_do_not_end_it(self) -> None:
        def call(n: int) -> Awaitable[list[str]]:
            async def answer() -> list[str]:
                if n % 2:
                    raise ValueError("odd")
                return [str(n)]

            return answer()

        window = await run(call, range(10), concurrency=3, limit_s=60)
        assert window.errors == {"ValueError: odd": 5}
        assert sorted(answer.ids for answer in window.answers) == [["0"], ["2"], ["4"], ["6"], ["8"]]

    def test_a_window_survives_the_way_out_of_a_process(self) -> None:
        window = Window(1.5, [Answer(3, 0.25, ["a"])], {"ValueError: odd": 2})
        assert Window.from_json(window.as_json()) == window


class TestNumbers:
    @pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.95, 95), (1.0, 100), (0.001, 1)])
    def test_percentile_of_a_hundred(self, share: float, expected: float) -> None:
        assert percentile([float(n) for n in range(100, 0, -1)], share) == expected

    def test_percentile_of_one_and_of_none(self) -> None:
        assert percentile([4.0], 0.95) == 4.0
        assert math.isnan(percentile([], 0.5))

    def test_a_search_is_found_when_the_memory_asked_for_is_in_the_answer(self) -> None:
        window = Window(2.0, [Answer(0, 0.010, ["x", "a"]), Answer(3, 0.030, ["a"])], {"E": 1})
        made = point(window, system=MEM0, verb="search", concurrency=2, round_number=0, wanted={0: "a", 1: "b"})
        assert (made.found, made.per_s, made.p50_ms, made.calls) == (0.5, 1.0, 10.0, 2)

    def test_lost_and_unacknowledged_are_counted_by_id(self) -> None:
        made = stored(MEM0, ["a", "b", "c"], ["b", "c", "d", "e"])
        assert (made.acknowledged, made.stored, made.lost, made.unacknowledged) == (3, 4, 1, 2)

    def test_ratios_are_taken_inside_a_round(self) -> None:
        points = [a_point(MEM0, 0, 10), a_point(HANDLE, 0, 50), a_point(MEM0, 1, 20), a_point(HANDLE, 1, 60)]
        assert ratios(points, HANDLE, "search", 32) == [5.0, 3.0]

    def test_a_round_in_which_mem0_answered_nothing_has_no_ratio(self) -> None:
        points = [a_point(MEM0, 0, 0), a_point(HANDLE, 0, 50)]
        assert ratios(points, HANDLE, "search", 32) == []

    @pytest.mark.parametrize(("value", "shown"), [(1234.6, "1235"), (99.96, "100.0"), (4.04, "4.0"), (math.nan, "nan")])
    def test_numbers_are_shown_with_digits_that_mean_something(self, value: float, shown: str) -> None:
        assert number(value) == shown


class TestTables:
    def test_rows_hold_medians_and_ratio_with_range(self) -> None:
        points = [a_point(MEM0, n, 10) for n in range(3)] + [
            a_point(HANDLE, n, rate) for n, rate in enumerate((40, 50, 90))
        ]
        shown = markdown(tables(a_comparison(*points))[0])
        assert "| search | 32 | Remora, handle | 50.0 | 10.0 | 20.0 | 5.0 (4.0–9.0) | 0 | 100% |" in shown
        assert "| search | 32 | mem0 | 10.0 | 10.0 | 20.0 |  | 0 | 100% |" in shown

    def test_every_row_is_as_wide_as_the_header(self) -> None:
        comparison = a_comparison(a_point(MEM0, 0, 10), a_point(HANDLE, 0, 20, errors={"E": 3}, calls=0, found=None))
        for table in tables(comparison):
            assert {len(row) for row in table.rows} == {len(table.header)}

    def test_what_was_not_measured_is_a_dash(self) -> None:
        assert "| mem0 | – | 200 |" in markdown(tables(a_comparison())[1])

    def test_the_page_keeps_what_is_outside_the_markers(self) -> None:
        page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
        once = replaced(page, "new\n")
        assert once == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
        assert replaced(once, "new\n") == once

    @pytest.mark.parametrize("page", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}"])
    def test_a_page_without_its_markers_is_refused(self, page: str) -> None:
        with pytest.raises(ValueError, match="the page needs"):
            replaced(page, "new")

    def test_a_run_goes_to_json_and_back_and_into_the_page(self) -> None:
        results = Results(
            started="2026-01-01 10:00 UTC",
            machine={"cores": "2"},
            versions={"ray": "2.60.0"},
            options={"rounds": 3},
            comparisons=(a_comparison(a_point(MEM0, 0, 10, p95_ms=math.nan, calls=0)),),
        )
        again = Results.model_validate_json(results.model_dump_json())
        assert again.model_dump_json() == results.model_dump_json()
        text = section(results, "img/x.svg")
        assert "![Adds and searches, Remora and mem0](img/x.svg)" in text
        assert "**After a restart**" in text
