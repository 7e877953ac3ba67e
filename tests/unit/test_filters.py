"""What each piece of the filter grammar selects, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.errors import InvalidInput
from engine.filters import (
    And,
    Compare,
    Everything,
    Not,
    Op,
    Or,
    conjunction,
    entity_id,
    has_positive_scope,
    matches,
    parse,
    required_scope,
    scope_filter,
)
from engine.types import MemoryVersion, Scope

ID = "0f0e0d0c-0b0a-8908-8706-050403020100"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


VERSION = MemoryVersion(
    memory_id=ID,
    project="p",
    scope=Scope(user_id="anna", run_id="5"),
    text="Anna likes Straße and Tea",
    version=1,
    live_from=1,
    created_at_us=at("2025-03-10T12:00:00"),
    updated_at_us=at("2025-03-11T23:59:59"),
    role="user",
    metadata={"kind": "note", "count": 1, "open": True, "tags": ["red", 2], "place": {"city": "Bonn", "zip": [1, 2]}},
    categories=("Food", "Home life"),
    expiration_date="2025-12-31",
)


def selects(raw: dict[str, Any], version: MemoryVersion = VERSION) -> bool:
    return matches(parse(raw), version)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, True),
        ({"user_id": "anna"}, True),
        ({"user_id": "ann"}, False),
        ({"user_id": "anna", "run_id": "6"}, False),
        ({"run_id": 5}, True),
        ({"run_id": {"in": [4, 5]}}, True),
        ({"session_id": "5"}, True),
        ({"userId": "anna", "runId": "5"}, True),
        ({"userId": "berta"}, False),
        ({"user_id": "anna", "userId": "berta"}, False),
        ({"user_id": "*"}, True),
        ({"agent_id": "*"}, False),
        ({"agent_id": {"ne": "bot"}}, True),
        ({"agent_id": {"ne": "*"}}, True),
        ({"user_id": {"ne": "*"}}, False),
        ({"user_id": {"ne": "anna"}}, False),
        ({"user_id": {"in": []}}, False),
        ({"user_id": {"eq": "anna", "ne": "berta"}}, True),
        ({"AND": [{"user_id": "anna"}, {"run_id": "5"}]}, True),
        ({"AND": [{"user_id": "anna"}, {"run_id": "6"}]}, False),
        ({"OR": [{"user_id": "berta"}, {"run_id": "5"}]}, True),
        ({"AND": [{"user_id": "anna"}], "OR": [{"run_id": "6"}, {"run_id": "7"}]}, False),
        ({"NOT": {"user_id": "anna"}}, False),
        ({"NOT": [{"user_id": "berta"}, {"run_id": "5"}]}, False),
        ({"NOT": [{"user_id": "berta"}, {"run_id": "6"}]}, True),
        ({"metadata": {"kind": "note"}}, True),
        ({"metadata": {"kind": "note", "count": 2}}, False),
        ({"metadata": {"count": 1.0}}, True),
        ({"metadata": {"count": True}}, False),
        ({"metadata": {"open": 1}}, False),
        ({"metadata": {"open": {"eq": True}}}, True),
        ({"metadata": {"kind": {"ne": "task"}}}, True),
        ({"metadata": {"missing": {"ne": "task"}}}, True),
        ({"metadata": {"missing": None}}, True),
        ({"metadata": {"kind": {"contains": "ot"}}}, True),
        ({"metadata": {"kind": {"contains": "OT"}}}, False),
        ({"metadata": {"tags": {"contains": "red"}}}, True),
        ({"metadata": {"tags": {"contains": "re"}}}, False),
        ({"metadata": {"count": {"contains": 1}}}, False),
        ({"metadata": {"tags": ["red", 2]}}, True),
        ({"metadata": {"tags": ["red", 2, 3]}}, False),
        ({"metadata": {"place": {"zip": [1, 2], "city": "Bonn"}}}, True),
        ({"metadata": {"place": {"city": "Bonn"}}}, False),
        ({"metadata": {"place": {"eq": {"city": "Bonn", "zip": [1, 2]}}}}, True),
        ({"metadata": {"place": {"city": "Bonn", "zip": [True, 2]}}}, False),
        ({"categories": {"in": ["Food", "Work"]}}, True),
        ({"categories": {"in": ["food"]}}, False),
        ({"categories": {"contains": "LIFE"}}, True),
        ({"text": {"contains": "Tea"}}, True),
        ({"keywords": {"contains": "tea"}}, False),
        ({"keywords": {"icontains": "STRASSE"}}, True),
        ({"memory_ids": [ID.upper()]}, True),
        ({"memory_ids": {"in": [ID]}}, True),
        ({"memory_ids": []}, False),
        ({"role": "user"}, True),
        ({"role": {"in": ["assistant"]}}, False),
        ({"name": "*"}, False),
        ({"name": {"ne": "Anna"}}, True),
        ({"expiration_date": "2025-12-31"}, True),
        ({"expiration_date": {"gt": "2025-12-30T10:00:00Z", "lte": "2025-12-31"}}, True),
        ({"expiration_date": {"in": ["2026-01-01"]}}, False),
    ],
)
def test_a_filter_selects_what_it_says(raw: dict[str, Any], expected: bool) -> None:
    assert selects(raw) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("2025-03-10", True),
        ("2025-03-11", False),
        ("2025-03-10T12:00:00Z", True),
        ("2025-03-10T14:00:00+02:00", True),
        ("2025-03-10T12:00:00", True),
        (at("2025-03-10T12:00:00") // 1_000_000, True),
        (at("2025-03-10T12:00:00") / 1e6 + 0.5, False),
        ({"lte": "2025-03-10"}, True),
        ({"lte": "2025-03-09"}, False),
        ({"lt": "2025-03-10"}, False),
        ({"lt": "2025-03-10T12:00:01Z"}, True),
        ({"gte": "2025-03-10"}, True),
        ({"gt": "2025-03-10"}, False),
        ({"gt": "2025-03-10T11:59:59Z"}, True),
        ({"gte": "2025-03-01", "lt": "2025-03-10"}, False),
        ({"ne": "2025-03-10"}, False),
        ({"in": ["2025-03-09", "2025-03-10"]}, True),
        ({"in": []}, False),
    ],
)
@pytest.mark.parametrize("field", ["created_at", "timestamp"])
def test_a_date_means_its_whole_day_and_a_timestamp_its_moment(field: str, condition: Any, expected: bool) -> None:
    assert selects({field: condition}) is expected


def test_updated_at_is_its_own_time() -> None:
    assert selects({"updated_at": {"lte": "2025-03-11"}, "created_at": {"lt": "2025-03-11"}})


def test_a_memory_that_never_expires_is_in_no_range_but_differs_from_every_date() -> None:
    forever = replace(VERSION, expiration_date=None)
    assert not selects({"expiration_date": {"gte": "1970-01-01"}}, forever)
    assert not selects({"expiration_date": {"lte": "2999-01-01"}}, forever)
    assert selects({"expiration_date": {"ne": "2025-12-31"}}, forever)


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({"colour": "red"}, "colour"),
        ({"AND": [{"colour": "red"}]}, "colour"),
        ({"project": "other"}, "project"),
        ({"and": []}, "and"),
        ({"AND": {"user_id": "a"}}, "AND"),
        ({"OR": "x"}, "OR"),
        ({"OR": []}, "OR"),
        ({"OR": [{}]}, "OR"),
        ({"NOT": []}, "NOT"),
        ({"NOT": {}}, "NOT"),
        ({"NOT": "x"}, "NOT"),
        ({"AND": [3]}, "AND"),
        ({"user_id": {"nin": ["a"]}}, "nin"),
        ({"user_id": {">=": "a"}}, ">="),
        ({"user_id": {"gt": "a"}}, "gt"),
        ({"user_id": {"*": "a"}}, "*"),
        ({"user_id": {"in": "anna"}}, "user_id"),
        ({"user_id": {"in": {"a": 1}}}, "user_id"),
        ({"user_id": {"in": ["*"]}}, "user_id"),
        ({"user_id": {}}, "user_id"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "  "}, "user_id"),
        ({"user_id": None}, "user_id"),
        ({"user_id": True}, "user_id"),
        ({"user_id": 1.5}, "user_id"),
        ({"user_id": ["anna"]}, "user_id"),
        ({"user_id": 10**40}, "user_id"),
        ({"userId": ""}, "user_id"),
        ({"categories": "Food"}, "categories"),
        ({"categories": {"eq": "Food"}}, "eq"),
        ({"categories": {"ne": "Food"}}, "ne"),
        ({"categories": {"in": "Food"}}, "categories"),
        ({"categories": {"contains": ""}}, "categories"),
        ({"text": "tea"}, "text"),
        ({"keywords": {"eq": "tea"}}, "eq"),
        ({"text": {"contains": 5}}, "text"),
        ({"memory_ids": "x"}, "memory_ids"),
        ({"memory_ids": ["not-a-uuid"]}, "memory_ids"),
        ({"memory_ids": {"eq": ID}}, "eq"),
        ({"metadata": "x"}, "metadata"),
        ({"metadata": {}}, "metadata"),
        ({"metadata": {"a": {"in": [1]}}}, "in"),
        ({"metadata": {"a": {"gt": 1}}}, "gt"),
        ({"metadata": {"a": {"eq": 1, "b": 2}}}, "b"),
        ({"metadata": {"a": {"nin": [1]}}}, "nin"),
        ({"metadata": {"a": {"contains": None}}}, "metadata.a"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"created_at": "2025-13-01"}, "created_at"),
        ({"created_at": True}, "created_at"),
        ({"created_at": "20250310"}, "created_at"),
        ({"created_at": 10**400}, "created_at"),
        ({"expiration_date": "0001-01-01T00:00:00+14:00"}, "expiration_date"),
        ({"created_at": None}, "created_at"),
        ({"created_at": 1_700_000_000_000}, "created_at"),
        ({"created_at": {"contains": "2025"}}, "contains"),
        ({"created_at": {"in": "2025-01-01"}}, "created_at"),
        ({"expiration_date": "*"}, "expiration_date"),
        ({"expiration_date": None}, "expiration_date"),
        ({"role": 5}, "role"),
    ],
)
def test_what_the_grammar_does_not_know_is_refused_by_name(raw: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(raw)
    assert named in caught.value.message


@pytest.mark.parametrize("raw", [None, [], "user_id", 5, [{"user_id": "a"}]])
def test_filters_that_are_no_object_are_refused(raw: Any) -> None:
    with pytest.raises(InvalidInput, match="object"):
        parse(raw)


@pytest.mark.parametrize("poison", ["\ud800", "a\x00b", "x\udfff"])
def test_poison_text_is_refused_wherever_it_stands(poison: str) -> None:
    for raw in (
        {"user_id": poison},
        {poison: "a"},
        {"metadata": {poison: 1}},
        {"metadata": {"a": [{"b": poison}]}},
        {"text": {"icontains": poison}},
        {"created_at": poison},
    ):
        with pytest.raises(InvalidInput) as caught:
            parse(raw)
        caught.value.message.encode()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_has_not_are_refused(number: float) -> None:
    for raw in ({"metadata": {"a": number}}, {"created_at": number}):
        with pytest.raises(InvalidInput):
            parse(raw)


def test_values_that_json_has_not_are_refused() -> None:
    with pytest.raises(InvalidInput, match="bytes"):
        parse({"metadata": {"a": b"x"}})
    with pytest.raises(InvalidInput, match="key"):
        parse({5: "a"})  # type: ignore[dict-item]


def test_deep_filters_are_refused_without_a_recursion_error() -> None:
    raw: dict[str, Any] = {"user_id": "a"}
    for _ in range(50_000):
        raw = {"NOT": raw}
    with pytest.raises(InvalidInput, match="deeper than 16"):
        parse(raw)


def test_wide_filters_are_refused() -> None:
    with pytest.raises(InvalidInput, match="1000"):
        parse({"user_id": {"in": [str(i) for i in range(1001)]}})
    assert selects({"user_id": {"in": [*(str(i) for i in range(900)), "anna"]}})
    with pytest.raises(InvalidInput, match="2 parts"):
        parse({"user_id": "a", "agent_id": "b", "run_id": "c"}, max_nodes=2)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, None),
        ({"user_id": "a"}, ("user_id", "a")),
        ({"user_id": {"in": ["a", "a"]}}, ("user_id", "a")),
        ({"user_id": {"in": ["a", "b"]}}, None),
        ({"agent_id": "b", "user_id": "a"}, ("user_id", "a")),
        ({"run_id": "r", "app_id": "x"}, ("app_id", "x")),
        ({"user_id": "*"}, None),
        ({"user_id": {"ne": "a"}}, None),
        ({"NOT": {"user_id": "a"}}, None),
        ({"NOT": {"user_id": {"ne": "a"}}}, ("user_id", "a")),
        ({"NOT": {"OR": [{"user_id": {"ne": "a"}}, {"role": "user"}]}}, ("user_id", "a")),
        ({"OR": [{"user_id": "a"}, {"user_id": "b"}]}, None),
        ({"OR": [{"user_id": "a"}, {"role": "user"}]}, None),
        ({"OR": [{"user_id": "a", "agent_id": "b"}, {"agent_id": "b"}]}, ("agent_id", "b")),
        ({"AND": [{"OR": [{"user_id": "a"}, {"run_id": "r"}]}, {"agent_id": "b"}]}, ("agent_id", "b")),
        ({"metadata": {"user_id": "a"}}, None),
    ],
)
def test_the_required_scope_is_the_id_that_every_match_has(raw: dict[str, Any], expected: Any) -> None:
    assert required_scope(parse(raw)) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, False),
        ({"metadata": {"user_id": "a"}}, False),
        ({"created_at": {"gt": 5}}, False),
        ({"NOT": {"user_id": "a"}}, False),
        ({"user_id": {"ne": "a"}}, False),
        ({"user_id": {"ne": "*"}}, False),
        ({"user_id": "*"}, True),
        ({"user_id": {"in": ["a"]}}, True),
        ({"NOT": {"NOT": {"user_id": "a"}}}, True),
        ({"NOT": {"user_id": "a"}, "run_id": "r"}, True),
        ({"OR": [{"role": "user"}, {"agent_id": "b"}]}, True),
    ],
)
def test_a_scope_counts_only_when_it_is_named_positively(raw: dict[str, Any], expected: bool) -> None:
    assert has_positive_scope(parse(raw)) is expected


def test_a_scope_becomes_the_and_of_its_ids() -> None:
    node = scope_filter({"user_id": "anna", "agent_id": None, "run_id": 5})
    assert node == And((Compare("user_id", Op.EQ, "anna"), Compare("run_id", Op.EQ, "5")))
    assert scope_filter({}) == Everything()
    assert scope_filter({"agent_id": "*"}) == Compare("agent_id", Op.PRESENT, None)


@pytest.mark.parametrize("scope", [{"user": "a"}, {"user_id": ""}, {"user_id": 1.0}, {"user_id": "\ud800"}])
def test_a_wrong_scope_is_refused(scope: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        scope_filter(scope)


def test_an_id_is_kept_letter_by_letter() -> None:
    assert entity_id("a/b c@x ", "user_id") == "a/b c@x "
    assert entity_id(7, "user_id") == "7"
    with pytest.raises(InvalidInput, match="user_id"):
        entity_id("*", "user_id")


def test_a_conjunction_is_flat_and_leaves_out_what_says_nothing() -> None:
    one, two = Compare("user_id", Op.EQ, "a"), Compare("role", Op.EQ, "user")
    assert conjunction() == Everything()
    assert conjunction(Everything(), one) == one
    assert conjunction(And((one, two)), Everything(), Not(one)) == And((one, two, Not(one)))
    assert not matches(conjunction(Or(())), VERSION)


def test_a_comparison_that_no_memory_has_is_refused() -> None:
    with pytest.raises(InvalidInput):
        matches(Compare("project", Op.EQ, "p"), VERSION)
    with pytest.raises(InvalidInput):
        matches(Compare("categories", Op.EQ, "Food"), VERSION)
