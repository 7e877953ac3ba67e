"""What a copy still needs in the end, and the ids of a table that is walked."""

from __future__ import annotations

import bisect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.types import Change, EventKind, MemoryVersion, Scope
from engine.vector import id_window, journal
from engine.vector.block import Row
from engine.vector.id_window import IdWindow
from engine.vector.journal import Journal


def row(position: int, memory_id: str = "m", kind: EventKind = EventKind.ADD) -> Row:
    gone = kind in (EventKind.DELETE, EventKind.PURGE)
    version = None if gone else MemoryVersion(memory_id, "p", Scope("ann"), "text", 1, position, 1, 1)
    return Row(Change(position, kind, memory_id, "p", version), None)


def positions(rows: list[Row]) -> list[int]:
    return [one.change.position for one in rows]


def test_the_copy_needs_the_last_change_of_each_memory_after_its_position() -> None:
    noted = Journal()
    noted.note([row(4, "old"), row(5, "a"), row(6, "b")], 6)
    noted.note([row(7, "a", EventKind.DELETE)], 8)
    assert positions(noted.take(4)) == [7, 6]
    assert noted.take(4) == []
    noted.note([row(9, "b")], 9)
    assert positions(noted.take(4)) == [9]
    assert noted.reached(4) == 9


def test_a_copy_for_which_nothing_came_is_where_the_ledger_was() -> None:
    assert Journal().reached(7) == 7


def test_too_many_changes_are_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST_ROWS", 3)
    noted = Journal()
    noted.note([row(at) for at in (1, 2, 3)], 3)
    assert noted.reached(0) == 3
    noted.note([row(4, "secret", EventKind.PURGE)], 4)
    noted.note([row(5)], 5)
    assert noted.take(0) == []
    assert noted.reached(0) == 0
    assert noted.unerased(0) == 4, "a purge is never let go of"


def test_purges_up_to_the_copy_s_position_are_not_in_it() -> None:
    noted = Journal()
    noted.note([row(at, f"m{at}", EventKind.PURGE) for at in (3, 5, 8)], 8)
    assert [noted.unerased(position) for position in (2, 3, 5, 8)] == [3, 5, 8, 0]


def test_versions_from_after_the_copy_s_position_are_ahead() -> None:
    noted = Journal()
    noted.loaded([MemoryVersion(f"m{at}", "p", Scope("ann"), "", 1, at, 1, 1) for at in (1, 5, 9)], 2)
    assert noted.ahead(4) == {"m5": 5, "m9": 9}
    assert noted.ahead(9) == {}


IDS = st.text("abc", min_size=1, max_size=3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), IDS),
        st.tuples(st.just("drop"), IDS),
        st.tuples(st.just("forget"), IDS),
        st.tuples(st.just("ask"), st.text("abc", max_size=3)),
    ),
    max_size=60,
)


@given(first=st.sets(IDS), steps=STEPS, most=st.integers(1, 4))
def test_a_window_says_what_the_table_would(first: set[str], steps: list[tuple[str, str]], most: int) -> None:
    there = set(first)

    def fetch(after: str, limit: int) -> list[str]:
        return sorted(one for one in there if one > after)[:limit]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(id_window, "_AHEAD", 5)
        window = IdWindow(fetch)
        for step, one in steps:
            if step == "put":
                there.add(one)
                window.put([one])
            elif step == "drop":
                there.discard(one)
                window.drop([one])
            elif step == "forget":
                window.forget()
            else:
                assert window.after(one, most) == fetch(one, most)


def test_a_walk_asks_the_table_seldom() -> None:
    ids = [f"{at:06}" for at in range(25_000)]
    asked = []

    def fetch(after: str, most: int) -> list[str]:
        asked.append(after)
        return ids[bisect.bisect_right(ids, after) :][:most]

    window = IdWindow(fetch)
    after, walked = "", []
    while part := window.after(after, 500):
        walked += part
        after = part[-1]
    assert walked == ids
    assert len(asked) == 4
