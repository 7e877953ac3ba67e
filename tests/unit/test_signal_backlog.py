"""Which conversations are due, how much of the models they get, and how what lacks signals is searched."""

from __future__ import annotations

import pytest

from engine.conversations import WINDOW_SIZE, Conversation
from engine.signals import backlog as backlogs
from engine.signals.backlog import Backlog
from engine.signals.pace import Pace
from engine.signals.progress import Progress
from engine.signals.search import Search
from engine.types import Scope

RUN = Conversation("p", Scope(user_id="ann", run_id="monday"))
OTHER = Conversation("p", Scope(user_id="ann", run_id="tuesday"))


def test_a_conversation_is_due_when_it_has_paused() -> None:
    waiting = Backlog(1.0)
    waiting.note(RUN, "a", (1, 1), 10, 0.0)
    waiting.note(RUN, "b", (2, 2), 10, 0.9)
    assert waiting.take(1.5, 8) == []
    assert waiting.wait_s(1.5) == pytest.approx(0.4)
    (due,) = waiting.take(1.9, 8)
    assert (due.memories, due.first, due.since_s) == ({"a", "b"}, (1, 1), 0.0)


def test_a_conversation_that_fills_a_window_or_never_pauses_is_due_all_the_same() -> None:
    waiting = Backlog(1.0)
    waiting.note(RUN, "a", (1, 1), WINDOW_SIZE, 5.0)
    assert [one.conversation for one in waiting.take(5.0, 8)] == [RUN]
    for second in range(11):
        waiting.note(OTHER, f"{second}", (second, 1), 1, second * 0.99)
    assert [one.conversation for one in waiting.take(10.0, 8)] == [OTHER]


def test_memories_count_until_they_are_done() -> None:
    waiting = Backlog(0.0)
    waiting.note(RUN, "a", (1, 1), 1, 0.0)
    waiting.note(RUN, "a", (1, 1), 1, 0.0)
    waiting.note(OTHER, "b", None, 1, 0.0)
    assert waiting.named == 2
    assert len(waiting.take(1.0, 1)) == 1
    assert waiting.named == 2
    waiting.done()
    assert (waiting.named, waiting.oldest_s()) == (1, 0.0)


def test_what_is_put_back_joins_what_has_come_meanwhile_and_goes_first() -> None:
    waiting = Backlog(0.0)
    waiting.note(RUN, "a", (5, 5), 1, 0.0)
    waiting.take(0.0, 8)
    waiting.note(OTHER, "c", (1, 1), 1, 1.0)
    waiting.note(RUN, "a", (5, 5), 1, 1.0)
    waiting.note(RUN, "b", (6, 6), 1, 1.0)
    waiting.put_back()
    assert waiting.named == 3
    first, _ = waiting.take(2.0, 8)
    assert (first.conversation, first.memories, first.first, first.since_s) == (RUN, {"a", "b"}, (5, 5), 0.0)


def test_too_many_memories_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlogs, "MOST_MEMORIES", 2)
    waiting = Backlog(0.0)
    for name in "abcd":
        waiting.note(RUN, name, (1, 1), 1, 0.0)
    assert (waiting.named, waiting.missed) == (2, 2)


def test_a_small_share_of_the_models_means_long_rests() -> None:
    assert Pace(0.1).rest_s(0.5) == pytest.approx(4.5)
    assert Pace(1.0).rest_s(0.5) == 0


def test_models_are_wanted_for_a_moment_after_others_used_them() -> None:
    pace = Pace(0.1)
    assert not pace.look(0, 0.0)
    assert pace.look(3, 1.0)
    assert pace.look(3, 1.4)
    assert not pace.look(3, 2.0)


def test_a_search_goes_page_by_page_and_again_when_something_came_behind_it() -> None:
    search = Search()
    search.want(0.0)
    full = [f"{number:04}" for number in range(search.page)]
    search.found(full, search.page + 1, 1.0, 0.5)
    assert (search.after, search.left, search.is_due(1.0, 0)) == (full[-1], 1, True)
    search.want(1.0)
    search.found(["x"], None, 2.0, 0.5)
    assert (search.wanted, search.after, search.left) == (True, "", 0)
    assert not search.is_due(2.0, 0)
    assert search.is_due(22.1, 0)
    search.found([], 0, 22.0, 0.1)
    assert (search.wanted, search.wait_s(30.0, 0)) == (False, None)


def test_a_search_waits_while_much_is_known_to_lack_signals() -> None:
    search = Search()
    search.want(0.0)
    assert not search.is_due(0.0, 10_000)
    assert search.wait_s(0.0, 10_000) is None


def test_the_rate_is_that_of_the_last_minute() -> None:
    progress = Progress()
    progress.note(600, 0.0)
    progress.note(60, 100.0)
    progress.note(60, 110.0)
    assert progress.rate(120.0) == 6.0
    assert progress.rate(500.0) == 0.0
    assert (progress.memories, progress.calls) == (720, 3)
