"""What a tool's arguments mean: whose memory, which conditions, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.errors import InvalidInput
from serve_app.mcp.answers import as_text
from serve_app.mcp.arguments import asked, checked, owned
from serve_app.mcp.openmemory import ALIASES, BOUND
from serve_app.mcp.tools import MEM0

KNOWN = ("text", "filters", "metadata", "limit", "page", "user_id")


def test_null_is_as_good_as_nothing_and_what_mem0s_clients_add_is_left_out() -> None:
    given = {"text": "a", "user_id": None, "enable_graph": True, "output_format": "v1.1"}
    assert checked(given, KNOWN, ("text",)) == {"text": "a"}


@pytest.mark.parametrize("name", ["userId", "filter", "metadat", "\ud800", ""])
def test_an_unknown_argument_is_refused_since_without_it_more_could_be_meant(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"unknown argument .*this tool takes filters, limit"):
        checked({"text": "a", name: "x"}, KNOWN, ("text",))


@pytest.mark.parametrize("given", [None, {}, {"text": None}])
def test_a_required_argument_has_to_be_there(given: dict[str, Any] | None) -> None:
    with pytest.raises(InvalidInput, match="text is needed"):
        checked(given, KNOWN, ("text",))


def test_objects_and_numbers_may_be_written_as_text() -> None:
    given = {"filters": '{"user_id": "ana"}', "metadata": '{"a": [1]}', "limit": "5", "page": 2.0}
    assert checked(given, KNOWN, ()) == {
        "filters": {"user_id": "ana"},
        "metadata": {"a": [1]},
        "limit": 5,
        "page": 2,
    }


def test_what_is_no_number_is_left_for_the_engine_to_refuse() -> None:
    assert checked({"limit": "many", "page": 1.5}, KNOWN, ()) == {"limit": "many", "page": 1.5}


def test_text_that_is_no_json_is_no_filter() -> None:
    with pytest.raises(InvalidInput, match="filters is not valid JSON"):
        checked({"filters": "user_id = ana"}, KNOWN, ())


def test_something_new_is_the_default_users_only_when_no_id_is_given() -> None:
    assert owned({"text": "a"}, "mcp") == {"user_id": "mcp"}
    assert owned({"agent_id": "a"}, "mcp") == {"agent_id": "a"}
    assert owned({"user_id": "ana", "run_id": "r"}, "mcp") == {"user_id": "ana", "run_id": "r"}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({}, {"user_id": "mcp"}),
        ({"filters": {}}, {"user_id": "mcp"}),
        ({"user_id": "ana"}, {"user_id": "ana"}),
        ({"run_id": "r"}, {"run_id": "r"}),
        ({"filters": {"user_id": "ana"}}, {"filters": {"user_id": "ana"}}),
        ({"filters": {"AND": [{"OR": [{"run_id": "r"}]}]}}, {"filters": {"AND": [{"OR": [{"run_id": "r"}]}]}}),
        ({"filters": {"metadata": {"k": "v"}}}, {"filters": {"metadata": {"k": "v"}}, "user_id": "mcp"}),
        ({"filters": {"NOT": {"user_id": "ana"}}}, {"filters": {"NOT": {"user_id": "ana"}}, "user_id": "mcp"}),
        ({"filters": {"metadata": {"k": 1}}, "app_id": "p"}, {"filters": {"metadata": {"k": 1}}, "app_id": "p"}),
    ],
)  # fmt: skip
def test_a_question_is_about_the_default_user_where_nothing_names_an_id(
    given: dict[str, Any], meant: dict[str, Any]
) -> None:
    assert asked(given, "mcp") == meant


@pytest.mark.parametrize("filters", [["user_id"], 5, {"nonsense": 1}, {"AND": {"user_id": "a"}}])
def test_a_filter_that_cant_be_read_is_refused(filters: Any) -> None:
    with pytest.raises(InvalidInput):
        asked({"filters": filters}, "mcp")


def test_an_answer_leaves_out_what_is_null_but_not_in_what_somebody_wrote() -> None:
    answer = {"results": [{"id": "1", "agent_id": None, "metadata": {"k": None}}], "next": None, "degraded": []}
    assert json.loads(as_text(answer)) == {"results": [{"id": "1", "metadata": {"k": None}}], "degraded": []}


def test_an_answer_that_quotes_what_isnt_unicode_can_still_be_sent() -> None:
    as_text({"error": "no such field \ud800"}).encode()


@pytest.mark.parametrize("tool", [*MEM0, *ALIASES, *BOUND], ids=lambda tool: tool.name)
def test_a_tool_tells_a_model_what_it_takes(tool: Any) -> None:
    described = tool.described()
    assert set(tool.required) <= set(tool.takes)
    assert described.input_schema["properties"].keys() == tool.takes.keys()
    assert 20 < len(described.description) < 250
    assert described.annotations.read_only_hint is tool.reads


def test_what_deletes_never_looks_harmless() -> None:
    for tool in (*MEM0, *ALIASES, *BOUND):
        assert tool.destroys == tool.name.startswith(("delete", "update")), tool.name
