"""What counts as said twice."""

from __future__ import annotations

import pytest

from engine.alike import leaders

LONG = "We are going to meet the whole marketing team in the big room on the second floor of the old office"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I live in Lisbon.", "i live in lisbon"),
        (LONG, f"{LONG}, yes!"),
        (LONG, LONG.replace("big room", "room big")),
        ("我住在里斯本", "我住在里斯本。"),
        ("...", " ..."),
    ],
)
def test_nearly_the_same_words_are_alike(one: str, other: str) -> None:
    assert leaders([("ann", one), ("ann", other)]) == [0, 0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I live in Lisbon.", "I live in Porto."),
        (f"{LONG} at 3", f"{LONG} at 5"),
        (LONG, LONG.replace("are going", "are not going")),
        (LONG, LONG.replace("We are going", "We aren't going")),
        ("我住在里斯本", "我不住在里斯本"),
        ("!", "?"),
    ],
)
def test_what_says_something_else_is_not(one: str, other: str) -> None:
    assert leaders([("ann", one), ("ann", other)]) == [0, 1]


def test_nor_is_what_somebody_else_says() -> None:
    assert leaders([("ann", LONG), ("bob", LONG), (None, LONG)]) == [0, 1, 2]


def test_the_first_one_stands_for_all_that_follow() -> None:
    said = ["tea is good", "coffee is bad", "Tea is good!", "tea IS good", "coffee is bad."]

    assert leaders([("ann", text) for text in said]) == [0, 1, 0, 0, 1]
