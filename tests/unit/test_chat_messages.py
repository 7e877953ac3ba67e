"""The messages of a chat: what is looked for, what is new, where memories go; and whose memory a request is about."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from starlette.datastructures import Headers

from engine.config import ChatSettings, LimitSettings, SearchSettings, Settings
from engine.errors import InvalidInput, TooLarge
from serve_app.chat.messages import clean, new_in, query_of, said_by, text_in, with_memories
from serve_app.chat.request import ChatRequest, parse_chat
from serve_app.chat.said import Said

LIMITS = LimitSettings()
Message = dict[str, Any]


def said(role: str, content: Any, **more: Any) -> Message:
    return {"role": role, "content": content, **more}


def part(text: str) -> Message:
    return {"type": "text", "text": text}


def parsed(body: Message, *headers: tuple[str, str], model: str | None = None) -> ChatRequest:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return parse_chat(body, orjson.dumps(body), Headers(raw=raw), model, LIMITS, SearchSettings())


# --- messages --------------------------------------------------------------------------------------------------------


def test_the_text_of_a_list_is_that_of_its_text_parts() -> None:
    image: Message = {"type": "image_url", "image_url": {"url": "data:,"}}
    assert text_in([part("a"), image, part("b"), 7, {"type": "text"}]) == "a\nb"
    odd: list[Any] = [None, 7, {}, []]
    assert [text_in(one) for one in odd] == [""] * len(odd)


def test_what_is_looked_for_is_what_the_user_said_last() -> None:
    long = "Which of the three flats in Lisbon that we saw in May has a balcony to the south?"
    messages = [said("user", "I paint."), said("assistant", "Nice."), said("user", long)]
    assert query_of(messages) == long


def test_a_short_question_leans_on_what_was_said_before_it() -> None:
    messages = [said("user", f"number {n}") for n in range(9)] + [said("assistant", "x"), said("user", "And she?")]
    assert query_of(messages) == "number 7\nnumber 8\nAnd she?"


def test_of_a_long_text_beginning_and_end_are_looked_for() -> None:
    query = query_of([said("user", "Summarise: " + "x" * 9000 + " What is it?")])
    assert query.startswith("Summarise: ")
    assert query.endswith("What is it?")
    assert len(query) <= 1001


@pytest.mark.parametrize("messages", [[], [7, None, "x"], [said("user", "  ")], [{"role": ["user"], "content": "x"}]])
def test_where_nothing_is_asked_nothing_is_looked_for(messages: list[Any]) -> None:
    assert query_of(messages) == ""
    assert new_in(messages, message_chars=10, name_chars=10) == []


def test_new_is_what_the_user_said_since_the_model_last_did() -> None:
    messages = [
        said("system", "Be brief."),
        said("user", "old"),
        said("assistant", "answer"),
        said("user", "one", name="Ana"),
        said("developer", "no"),
        said("user", [part("two")], name=" "),
        said("user", None),
    ]
    assert new_in(messages, message_chars=100, name_chars=10) == [said("user", "one", name="Ana"), said("user", "two")]


def test_the_question_behind_a_tool_call_is_not_new_again() -> None:
    call = said("assistant", None, tool_calls=[{"id": "1"}])
    messages = [said("user", "How warm is it?"), call, said("tool", "20 degrees", tool_call_id="1")]
    assert new_in(messages, message_chars=100, name_chars=10) == []
    assert query_of(messages) == "How warm is it?"


def test_a_text_over_the_limit_is_remembered_in_pieces() -> None:
    assert said_by("user", "abcde     fg", 5) == [said("user", "abcde"), said("user", "fg")]


def test_no_text_is_remembered_that_no_store_can_hold() -> None:
    assert (
        clean("caf\u00e9 \ud83d\ude00 \ud83d x\0")
        == "caf\u00e9 \U0001f600 \N{REPLACEMENT CHARACTER} x\N{REPLACEMENT CHARACTER}"
    )


# --- memories in the prompt ------------------------------------------------------------------------------------------

HELLO = said("user", "Hello")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([HELLO], [said("system", "M"), HELLO]),
        ([], [said("system", "M")]),
        ([said("system", "Be brief."), HELLO], [said("system", "Be brief.\n\nM"), HELLO]),
        ([said("developer", "Be brief."), HELLO], [said("developer", "Be brief.\n\nM"), HELLO]),
        ([said("system", "A"), said("system", "B"), HELLO], [said("system", "A"), said("system", "B\n\nM"), HELLO]),
        ([said("system", [part("A")]), HELLO], [said("system", [part("A"), part("M")]), HELLO]),
        ([said("system", ""), HELLO], [said("system", "M"), HELLO]),
        ([said("system", None), HELLO], [said("system", None), said("system", "M"), HELLO]),
        ([HELLO, said("system", "later")], [said("system", "M"), HELLO, said("system", "later")]),
        ([7, HELLO], [said("system", "M"), 7, HELLO]),
    ],
)
def test_memories_stand_at_the_end_of_the_leading_instructions(before: list[Any], after: list[Any]) -> None:
    unchanged = orjson.dumps(before)
    assert with_memories(before, "M") == after
    assert orjson.dumps(before) == unchanged


def test_the_template_needs_room_for_memories() -> None:
    with pytest.raises(ValueError, match="memories"):
        ChatSettings(template="nothing")
    assert "{memories}" in Settings().chat.template


# --- whose memory ----------------------------------------------------------------------------------------------------

BODY: Message = {"model": "m", "messages": [HELLO], "seed": 7, "x": {"y": [1.5, None]}}


def test_without_a_scope_the_body_goes_on_as_it_came() -> None:
    body = {**BODY, "metadata": {"for": "openai"}, "top_k": 40}
    request = parsed(body)
    assert (request.scope, request.encoded()) == ({}, orjson.dumps(body))
    assert request.encoded() is request.raw


def test_memory_fields_stay_here_and_all_others_go_on() -> None:
    mine = {"user_id": "u", "agent_id": "a", "app_id": None, "filters": {"metadata": {"k": 1}}, "top_k": 3}
    request = parsed({**BODY, **mine, "metadata": {"k": 1}, "infer": False, "user": "other"})
    assert request.scope == {"user_id": "u", "agent_id": "a"}
    assert request.recalling == {"filters": {"metadata": {"k": 1}}, "top_k": 3}
    assert request.remembering == {"metadata": {"k": 1}, "infer": False}
    assert orjson.loads(request.encoded()) == {**BODY, "user": "other"}


def test_the_body_wins_over_headers_and_headers_over_the_user() -> None:
    header = ("x-remora-user-id", "header"), ("x-remora-run-id", "réunion")
    assert parsed({**BODY, "user": "field"}).scope == {"user_id": "field"}
    assert parsed({**BODY, "user": "field"}, *header).scope == {"user_id": "header", "run_id": "réunion"}
    assert parsed({**BODY, "user_id": "body"}, *header).scope == {"user_id": "body", "run_id": "réunion"}


def test_only_what_has_to_change_is_written_anew() -> None:
    assert parsed({**BODY, "user": "u"}).raw is not None
    assert parsed({**BODY, "user_id": "u"}).raw is None
    assert parsed({"messages": []}, model="own").body == {"messages": [], "model": "own"}
    assert parsed({"messages": [], "model": "theirs"}, model="own").raw is not None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"user_id": ""}, "user_id"),
        ({"user_id": "*"}, "user_id"),
        ({"user_id": "u", "top_k": "many"}, "top_k"),
        ({"user_id": "u", "filters": {"colour": "red"}}, None),
        ({"user_id": "u", "metadata": "x"}, "metadata"),
        ({"user_id": "u", "infer": "x"}, "infer"),
        ({"filters": {"user_id": "u"}}, "filters"),
        ({"infer": True}, "infer"),
    ],
)
def test_what_is_wrong_about_memory_is_refused_by_name(wrong: Message, field: str | None) -> None:
    with pytest.raises(InvalidInput) as refused:
        parsed({**BODY, **wrong})
    assert field is None or refused.value.details["field"] == field


def test_an_id_over_the_limit_is_refused() -> None:
    with pytest.raises(TooLarge):
        parsed({**BODY, "user": "u" * 1000})


def test_a_header_twice_or_in_no_encoding_is_refused() -> None:
    with pytest.raises(InvalidInput, match="more than once"):
        parsed(BODY, ("x-remora-user-id", "a"), ("x-remora-user-id", "b"))
    with pytest.raises(InvalidInput, match="UTF-8"):
        parse_chat(BODY, b"", Headers(raw=[(b"x-remora-user-id", b"\xff")]), None, LIMITS, SearchSettings())


@pytest.mark.parametrize("messages", [None, 7, "x", {}])
def test_messages_that_are_no_list_are_for_the_model_to_refuse(messages: Any) -> None:
    assert parsed({"messages": messages, "user": "u"}).messages == []


# --- what the model says ---------------------------------------------------------------------------------------------


def test_of_several_choices_the_first_is_heard() -> None:
    heard = Said()
    heard.read(b'{"choices": [{"index": 1, "message": {"content": "b"}}, {"index": 0, "message": {"content": "a"}}]}')
    assert heard.text == "a"


def test_a_character_that_is_cut_in_two_is_put_together() -> None:
    heard = Said()
    heard.hear(
        [b'{"choices": [{"delta": {"content": "\\ud83d"}}]}', b'{"choices": [{"delta": {"content": "\\ude00"}}]}']
    )
    assert heard.text == "\U0001f600"


ODD = [
    b"",
    b"[",
    b"7",
    b"[]",
    b'{"error": {"message": "x"}}',
    b'{"choices": 7}',
    b'{"choices": [7]}',
    b'{"choices": [{"delta": 7, "message": 7}]}',
    b'{"choices": [{"delta": {"content": 7}, "message": {"content": {}}}]}',
]


@pytest.mark.parametrize("odd", ODD)
def test_odd_answers_say_nothing(odd: bytes) -> None:
    heard = Said()
    heard.hear([odd])
    heard.read(odd)
    assert heard.text == ""
