"""Conversations: who belongs to one, in which order, and the windows that they are cut into."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np

from engine.conversations import WINDOW_SIZE, Window, conversation_of, order_of, size_of, windows
from engine.packed import rounded
from engine.types import Derived, MemoryVersion, Scope
from engine.vector import payload

RUN = Scope(user_id="ann", run_id="monday")
ANN = Scope(user_id="ann")


def said(text: str, at: int = 1, scope: Scope = RUN, operation_id: str = "add-1") -> MemoryVersion:
    return MemoryVersion(
        memory_id=f"m{at}",
        project="p",
        scope=scope,
        text=text,
        version=1,
        live_from=at,
        created_at_us=7,
        updated_at_us=7,
        operation_id=operation_id,
    )


def cut(*texts: str, made_by: str = "model") -> list[Window]:
    versions = [said(text, at) for at, text in enumerate(texts, 1)]
    return list(windows(conversation_of(versions[0]), versions, made_by))


def test_a_run_is_one_conversation_whatever_add_its_memories_came_with() -> None:
    assert conversation_of(said("a")) == conversation_of(said("b", operation_id="add-2"))
    assert conversation_of(said("a")) != conversation_of(said("a", scope=replace(RUN, user_id="bob")))


def test_without_a_run_the_memories_of_one_add_belong_together() -> None:
    first, same = said("a", scope=ANN), said("b", 2, scope=ANN)
    assert conversation_of(first) == conversation_of(same)
    assert conversation_of(first) != conversation_of(said("b", scope=ANN, operation_id="add-2"))


def test_an_update_neither_moves_a_memory_nor_takes_it_out_of_its_conversation() -> None:
    old = said("a", 3, scope=ANN)
    new = replace(old, version=2, live_from=9, operation_id="update-1", origin=(3, "add-1"))
    assert conversation_of(new) == conversation_of(old)
    assert order_of(new) == order_of(old)
    assert payload.unpack(payload.pack(new)) == new


def test_spans_are_the_memories_texts() -> None:
    (window,) = cut("good morning", "", "and to you")
    assert [window.text[start:end] for start, end in window.spans] == ["good morning", "", "and to you"]


def test_windows_hold_as_much_as_a_model_sees_and_memories_whole() -> None:
    found = cut(*["x" * 300] * 8)
    assert [len(window.versions) for window in found] == [3, 3, 2]
    assert [window.full for window in found] == [True, True, False]
    assert all(len(window.text) <= WINDOW_SIZE for window in found)


def test_a_memory_longer_than_a_window_has_one_of_its_own() -> None:
    assert [len(window.versions) for window in cut("a", "b" * 3000, "c", "d")] == [1, 1, 2]


def test_a_full_window_stays_what_it_is_when_the_conversation_goes_on() -> None:
    before, after = cut(*["x" * 300] * 4), cut(*["x" * 300] * 6)
    assert before[0].full
    assert [after[0].key_of(0), after[0].key_of(2)] == [before[0].key_of(0), before[0].key_of(2)]
    assert after[1].key != before[1].key


def test_keys_tell_models_texts_and_places_apart() -> None:
    (one,), (other_model,), (other_text,) = cut("a", "b"), cut("a", "b", made_by="another"), cut("a", "c")
    assert len({one.key, other_model.key, other_text.key}) == 3
    assert one.key_of(0) != one.key_of(1)


def test_a_word_of_its_own_counts_more_than_a_letter() -> None:
    assert size_of("猫が") == 8
    assert size_of("cat") == 3


def test_derived_signals_travel_as_they_are() -> None:
    context = rounded(np.array([0.5, -0.25], dtype=np.float32))
    derived = Derived("m", 2, b"key", context, np.arange(6, dtype=np.int8).reshape(2, 3))
    back = pickle.loads(pickle.dumps(derived))
    assert (back.memory_id, back.version, back.key) == ("m", 2, b"key")
    assert back.context.tolist() == context.tolist()
    assert back.tokens.tolist() == derived.tokens.tolist()
