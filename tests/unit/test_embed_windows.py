"""Windows and spans as embedders take them."""

from __future__ import annotations

import pytest

from engine.embed.windows import Window, tokens_in, windows_of
from engine.errors import InvalidInput


def test_without_spans_each_window_has_one_which_is_all_of_it() -> None:
    assert windows_of(["abc", ""], None) == [Window("abc", ((0, 3),)), Window("", ((0, 0),))]


def test_spans_go_with_their_windows() -> None:
    assert windows_of(["abc", "de"], [[(0, 1), (1, 3)], []]) == [Window("abc", ((0, 1), (1, 3))), Window("de", ())]


def test_spans_for_another_number_of_windows_are_refused() -> None:
    with pytest.raises(InvalidInput, match="2 windows but spans for 1"):
        windows_of(["a", "b"], [[(0, 1)]])


@pytest.mark.parametrize("span", [(-1, 2), (2, 1), (0, 4), (4, 4)])
def test_a_span_outside_its_window_is_refused(span: tuple[int, int]) -> None:
    with pytest.raises(InvalidInput, match="window 1"):
        windows_of(["fine", "abc"], [[], [span]])


def test_a_lone_surrogate_is_refused_and_the_window_named() -> None:
    with pytest.raises(InvalidInput, match="window 1 isn't valid Unicode") as caught:
        windows_of(["fine", "bad \ud800"], None)
    assert caught.value.details == {"window": 1}


def test_a_span_holds_the_tokens_that_it_touches() -> None:
    offsets = [(0, 0), (0, 5), (6, 11), (11, 12), (0, 0)]
    assert tokens_in(offsets, (0, 12)) == [1, 2, 3]
    assert tokens_in(offsets, (6, 11)) == [2]
    assert tokens_in(offsets, (4, 7)) == [1, 2]


def test_special_tokens_and_gaps_are_in_no_span() -> None:
    assert tokens_in([(0, 0), (0, 5), (6, 11)], (5, 6)) == []
    assert tokens_in([(0, 0)], (0, 0)) == []
