"""Laws that every filter obeys."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.filters import And, Filter, Not, Or, conjunction, has_positive_scope, matches, parse, required_scope
from engine.types import SCOPE_FIELDS, MemoryVersion, Scope

_ids = st.sampled_from(["a", "b", "c"])
_values = st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.sampled_from(["x", "y"]))
_texts = st.sampled_from(["tea", "Tea", "straße", "no"])

versions = st.builds(
    lambda ids, text, metadata, categories, created, expires, role: MemoryVersion(
        memory_id="00000000-0000-8000-8000-000000000001",
        project="p",
        scope=Scope(**ids),
        text=text,
        version=1,
        live_from=1,
        created_at_us=created * 1_000_000,
        updated_at_us=created * 1_000_000,
        metadata=metadata,
        categories=tuple(categories),
        expiration_date=expires,
        role=role,
    ),
    st.dictionaries(st.sampled_from(SCOPE_FIELDS), _ids, min_size=1),
    _texts,
    st.dictionaries(st.sampled_from(["k", "l"]), _values),
    st.lists(st.sampled_from(["food", "work"]), max_size=2),
    st.integers(0, 4),
    st.one_of(st.none(), st.sampled_from(["1970-01-01", "1970-01-02"])),
    st.one_of(st.none(), st.sampled_from(["user", "assistant"])),
)

_leaves = st.one_of(
    st.builds(
        lambda field, condition: {field: condition},
        st.sampled_from(["user_id", "agent_id", "app_id", "run_id", "userId", "session_id"]),
        st.one_of(
            _ids,
            st.just("*"),
            st.builds(lambda v: {"ne": v}, st.one_of(_ids, st.just("*"))),
            st.builds(lambda v: {"in": v}, st.lists(_ids, max_size=2)),
        ),
    ),
    st.builds(lambda k, v: {"metadata": {k: v}}, st.sampled_from(["k", "l"]), _values),
    st.builds(lambda k, v: {"metadata": {k: {"ne": v}}}, st.sampled_from(["k", "l"]), _values),
    st.builds(
        lambda op, v: {"created_at": {op: v}},
        st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]),
        st.integers(0, 4),
    ),
    st.builds(
        lambda op, v: {"expiration_date": {op: v}},
        st.sampled_from(["eq", "ne", "gt", "lte"]),
        st.sampled_from(["1970-01-01", "1970-01-02"]),
    ),
    st.builds(lambda op, v: {"text": {op: v}}, st.sampled_from(["contains", "icontains"]), _texts),
    st.builds(lambda v: {"categories": {"contains": v}}, st.sampled_from(["FOO", "work"])),
    st.builds(lambda v: {"role": v}, st.sampled_from(["user", "*"])),
)

raw_filters = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.builds(
            lambda key, parts: {key: parts},
            st.sampled_from(["AND", "OR", "NOT"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(lambda one: {"NOT": one}, inner),
        st.builds(lambda one, other: {**one, **other}, inner, inner),
    ),
    max_leaves=6,
)
filters = raw_filters.map(lambda raw: parse(raw, max_depth=64))

_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("\ud800")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(
                st.sampled_from(
                    [
                        *("AND", "OR", "NOT", "user_id", "userId", "created_at", "expiration_date", "metadata"),
                        *(
                            "categories",
                            "keywords",
                            "memory_ids",
                            "role",
                            "eq",
                            "ne",
                            "in",
                            "contains",
                            "gt",
                            "lte",
                            "*",
                        ),
                    ]
                ),
                st.text(max_size=4),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=20,
)


@given(_json, versions)
def test_any_json_is_either_refused_politely_or_has_a_meaning(raw: Any, version: MemoryVersion) -> None:
    try:
        node = parse(raw)
    except InvalidInput as refused:
        refused.message.encode()
        return
    assert matches(node, version) in (True, False)


@given(filters, filters, versions)
def test_de_morgan_holds(left: Filter, right: Filter, version: MemoryVersion) -> None:
    assert matches(Not(And((left, right))), version) is matches(Or((Not(left), Not(right))), version)
    assert matches(Not(Or((left, right))), version) is matches(And((Not(left), Not(right))), version)


@given(filters, versions)
def test_not_not_is_nothing(node: Filter, version: MemoryVersion) -> None:
    assert matches(Not(Not(node)), version) is matches(node, version)


@given(raw_filters, versions)
def test_not_in_the_grammar_is_the_opposite(raw: dict[str, Any], version: MemoryVersion) -> None:
    assert matches(parse({"NOT": raw}, max_depth=64), version) is not matches(parse(raw, max_depth=64), version)


@given(filters, filters, versions)
def test_a_conjunction_is_what_both_select(left: Filter, right: Filter, version: MemoryVersion) -> None:
    assert matches(conjunction(left, right), version) is (matches(left, version) and matches(right, version))


@given(filters, versions)
def test_every_match_has_the_required_scope(node: Filter, version: MemoryVersion) -> None:
    required = required_scope(node)
    if required is not None and matches(node, version):
        name, value = required
        assert getattr(version.scope, name) == value


@given(filters)
def test_a_filter_that_requires_a_scope_names_one(node: Filter) -> None:
    if required_scope(node) is not None:
        assert has_positive_scope(node)
