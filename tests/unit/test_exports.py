"""Schemas that callers send, and objects of memories that follow them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from engine.errors import InvalidInput, TooLarge
from engine.exports import filled, shape_of


class Fact(BaseModel):
    """What somebody's model may look like."""

    memory: str
    user_id: str | None = None
    mood: str | None
    categories: list[str] | None = None
    source: str = "unknown"


class Profile(BaseModel):
    """One with definitions."""

    facts: list[Fact]
    notes: list[str]
    count: int
    nickname: str | None = None


def memory(text: str, **more: Any) -> dict[str, Any]:
    return {"id": "1", "memory": text, "user_id": "ana", "categories": None, "metadata": None, **more}


MEMORIES = [memory("I like tea", categories=["food"], metadata={"mood": "glad"}), memory("I live in Rome")]


def test_properties_are_filled_by_their_names_and_the_rest_is_default_or_null() -> None:
    made = filled(shape_of(Profile.model_json_schema()), MEMORIES)
    profile = Profile.model_validate(made)
    assert profile.notes == ["I like tea", "I live in Rome"]
    assert (profile.count, profile.nickname) == (2, None)
    assert profile.facts == [
        Fact(memory="I like tea", user_id="ana", mood="glad", categories=["food"]),
        Fact(memory="I live in Rome", user_id="ana", mood=None),
    ]


def test_nothing_is_an_object_too() -> None:
    assert filled(shape_of(Profile.model_json_schema()), [])["facts"] == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "required": ["conclusion"], "properties": {"conclusion": {"type": "string"}}},
        {"type": "object", "properties": {"facts": {"type": "array", "minItems": 3, "items": {"type": "string"}}}},
        {"type": "array", "items": {"type": "object", "required": ["age"], "properties": {"age": {"type": "integer"}}}},
        {"type": "object", "properties": {"mood": {"type": "string", "default": 7}}},
        False,
    ],
)
def test_what_cannot_be_filled_so_is_refused_never_made_up(schema: Any) -> None:
    with pytest.raises(InvalidInput, match="schema"):
        filled(shape_of(schema), MEMORIES)


def doubled(levels: int) -> dict[str, Any]:
    """A small schema that is large when it is written out."""
    parts: dict[str, Any] = {"p0": {"type": "string"}}
    for level in range(1, levels):
        parts[f"p{level}"] = {"allOf": [{"$ref": f"#/$defs/p{level - 1}"}] * 2}
    return {"$defs": parts, "$ref": f"#/$defs/p{levels - 1}"}


@pytest.mark.parametrize(
    ("schema", "error", "says"),
    [
        ("no json", InvalidInput, "JSON Schema"),
        ([], InvalidInput, "JSON Schema"),
        ({"type": "horse"}, InvalidInput, "no JSON Schema"),
        ({"$ref": "https://example.com/x.json"}, InvalidInput, "outside"),
        ({"$ref": "file:///etc/passwd"}, InvalidInput, "outside"),
        ({"$ref": "#/$defs/nobody"}, InvalidInput, "hasn't"),
        ({"properties": {"a": {"$ref": "#/properties/a"}}}, InvalidInput, "itself"),
        ({"$defs": {"n": {"properties": {"n": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"}, InvalidInput, "itself"),
        ({"type": "string", "pattern": "(a+)+$"}, InvalidInput, "pattern"),
        ({"patternProperties": {"(a+)+$": {}}}, InvalidInput, "pattern"),
        ({"$id": "https://example.com/"}, InvalidInput, r"\$id"),
        ({"enum": ["x" * 40_000]}, TooLarge, "bytes"),
        ({"enum": list(range(2000))}, TooLarge, "parts"),
        (doubled(30), TooLarge, "nests deeper|parts"),
        (doubled(12), TooLarge, "parts"),
    ],
)
def test_a_schema_without_bounds_is_refused(schema: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        shape_of(schema)


def test_a_property_may_have_any_name() -> None:
    names = {name: {"type": ["string", "null"]} for name in ("pattern", "$id", "patternProperties", "$ref")}
    assert filled(shape_of({"type": "object", "properties": names}), MEMORIES) == dict.fromkeys(names)


_types = st.sampled_from(["string", "integer", "number", "boolean", "null", "array", "object"])
_names = st.sampled_from(["memory", "user_id", "categories", "metadata", "mood", "count", "other"])
_schemas: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.fixed_dictionaries({"type": _types}),
        st.fixed_dictionaries({"type": st.lists(_types, min_size=1, max_size=2, unique=True)}),
        st.just({}),
    ),
    lambda some: st.one_of(
        st.fixed_dictionaries({"type": st.just("array"), "items": some}),
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(_names, some, max_size=3)},
            optional={"required": st.lists(_names, max_size=2, unique=True), "additionalProperties": st.just(False)},
        ),
        st.fixed_dictionaries({"anyOf": st.lists(some, min_size=1, max_size=2)}, optional={"default": st.just(1)}),
    ),
    max_leaves=8,
)


@given(_schemas)
def test_what_is_made_follows_the_schema_whatever_it_says(schema: Any) -> None:
    try:
        made = filled(shape_of(schema), MEMORIES)
    except InvalidInput:
        return
    assert Draft202012Validator(schema).is_valid(made)
