"""Mem0's filter grammar, held against a predicate that reads the filter as it is written and the memory as it is shown.

The predicate knows nothing of Remora's parser or tree.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.answers import memory_object
from engine.config import LimitSettings
from engine.errors import InvalidInput
from engine.filters import matches
from engine.requests.filter import filter_of
from engine.types import SCOPE_FIELDS, MemoryVersion, Scope
from serve_app.mem0.queries import filters_of

LIMITS = LimitSettings(filter_depth=64)
START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = ["2025-12-31", "2026-01-01", "2026-01-02", "2026-01-03"]
WORDS = ["red", "Red", "tea", "green tea"]
MEMORIES = [f"00000000-0000-8000-8000-00000000000{number}" for number in range(3)]

# --- what there is to select from ------------------------------------------------------------------------------------

_ids = st.sampled_from(["a", "b", "7"])
_hours = st.integers(0, 48)
_values = st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.sampled_from(["x", "y"]), st.just(["x", 1]))


def version_of(scope: dict[str, str], made: int, changed: int, text: str, **more: Any) -> MemoryVersion:
    at_us = [int((START + timedelta(hours=hours)).timestamp()) * 1_000_000 for hours in (made, changed)]
    more["categories"] = tuple(more["categories"])
    return MemoryVersion(
        project="p", scope=Scope(**scope), text=text, version=1, live_from=1, created_at_us=at_us[0],
        updated_at_us=at_us[1], **more,
    )  # fmt: skip


versions = st.builds(
    version_of,
    scope=st.dictionaries(st.sampled_from(SCOPE_FIELDS), _ids, min_size=1),
    made=_hours,
    changed=_hours,
    text=st.sampled_from(WORDS),
    memory_id=st.sampled_from(MEMORIES),
    metadata=st.dictionaries(st.sampled_from(["k", "l"]), _values),
    categories=st.lists(st.sampled_from(["Food", "work"]), max_size=2),
    expiration_date=st.one_of(st.none(), st.sampled_from(DAYS)),
)

# --- what may be asked -----------------------------------------------------------------------------------------------

_times = st.one_of(
    st.sampled_from(DAYS),
    _hours.map(lambda hours: (START + timedelta(hours=hours)).isoformat()),
    _hours.map(lambda hours: (START + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")),
    _hours.map(lambda hours: int((START + timedelta(hours=hours)).timestamp())),
)


def _compared(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A bare value, or an object of one or two operators."""
    operators = dict.fromkeys(("gt", "gte", "lt", "lte", "ne"), values) | {"in": st.lists(values, max_size=2)}
    return st.one_of(
        values,
        st.lists(st.sampled_from(sorted(operators)), min_size=1, max_size=2, unique=True).flatmap(
            lambda names: st.fixed_dictionaries({name: operators[name] for name in names})
        ),
    )


_some_id = st.one_of(_ids, st.just(7))
_scopes = st.one_of(
    _some_id,
    st.just("*"),
    st.fixed_dictionaries({"eq": _some_id}),
    st.fixed_dictionaries({"ne": _some_id}),
    st.fixed_dictionaries({"in": st.lists(_some_id, max_size=2)}),
)
_scalar = st.one_of(st.booleans(), st.integers(0, 2), st.sampled_from(["x", "y"]))
_metadata = st.dictionaries(
    st.sampled_from(["k", "l"]),
    st.one_of(
        _values,
        st.fixed_dictionaries({"eq": _values}),
        st.fixed_dictionaries({"ne": _values}),
        st.fixed_dictionaries({"contains": _scalar}),
    ),
    min_size=1,
)
_said = st.one_of(
    st.fixed_dictionaries({"contains": st.sampled_from(["re", "RE", "tea"])}),
    st.fixed_dictionaries({"icontains": st.sampled_from(["re", "RE", "tea"])}),
)
_named = st.lists(st.sampled_from(MEMORIES), max_size=2)
CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys([*SCOPE_FIELDS, "userId", "agentId", "appId", "runId"], _scopes),
    **dict.fromkeys(["created_at", "updated_at", "timestamp"], _compared(_times)),
    "expiration_date": _compared(st.sampled_from(DAYS)),
    "metadata": _metadata,
    "categories": st.one_of(
        st.fixed_dictionaries({"in": st.lists(st.sampled_from(["Food", "food", "work"]), max_size=2)}),
        st.fixed_dictionaries({"contains": st.sampled_from(["FOO", "or", "x"])}),
    ),
    "keywords": _said,
    "text": _said,
    "memory_ids": st.one_of(_named, st.fixed_dictionaries({"in": _named})),
}
_leaves = st.sampled_from(sorted(CONDITIONS)).flatmap(lambda name: st.fixed_dictionaries({name: CONDITIONS[name]}))
grammar = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["AND", "OR", "NOT"]), st.lists(inner, min_size=1, max_size=3)).map(
            lambda pair: {pair[0]: pair[1]}
        ),
        inner.map(lambda one: {"NOT": one}),
        st.tuples(inner, inner).map(lambda pair: {**pair[0], **pair[1]}),
    ),
    max_leaves=6,
)

# --- what it means ---------------------------------------------------------------------------------------------------

_CAMEL = {"userId": "user_id", "agentId": "agent_id", "appId": "app_id", "runId": "run_id"}


def selects(raw: dict[str, Any], memory: dict[str, Any]) -> bool:
    """Whether a filter, as it is written, selects a memory, as it is shown: siblings are ANDed."""
    return all(_member(key, condition, memory) for key, condition in raw.items())


def _member(key: str, condition: Any, memory: dict[str, Any]) -> bool:
    name = _CAMEL.get(key, key)
    if name in _READ:
        return _READ[name](condition, memory)
    return _each(condition, memory[name], lambda raw: (str(raw), str(raw)))


def _none_of(condition: Any, memory: dict[str, Any]) -> bool:
    return not any(selects(one, memory) for one in (condition if isinstance(condition, list) else [condition]))


def _metadata_holds(condition: Any, memory: dict[str, Any]) -> bool:
    values = memory["metadata"] or {}
    return all(_metadata_value(values.get(name), said) for name, said in condition.items())


def _text_holds(condition: Any, memory: dict[str, Any]) -> bool:
    [(operator, part)] = condition.items()
    text = memory["memory"]
    return part in text if operator == "contains" else part.lower() in text.lower()


def _time_holds(name: str) -> Callable[[Any, dict[str, Any]], bool]:
    return lambda condition, memory: _each(condition, datetime.fromisoformat(memory[name]), _stretch)


def _each(condition: Any, value: Any, stretch: Callable[[Any], tuple[Any, Any]]) -> bool:
    """All operators of a condition. `stretch`: the first and the last moment that a value stands for."""
    said = condition if isinstance(condition, dict) else {"eq": condition}
    return all(_operator(operator, raw, value, stretch) for operator, raw in said.items())


def _operator(operator: str, raw: Any, value: Any, stretch: Callable[[Any], tuple[Any, Any]]) -> bool:
    if operator == "in":
        return any(_operator("eq", one, value, stretch) for one in raw)
    if operator == "ne":
        return not _operator("eq", raw, value, stretch)
    if value is None:
        return False
    if raw == "*":
        return True
    first, last = stretch(raw)
    return bool(
        {
            "eq": lambda: first <= value <= last,
            "gt": lambda: value > last,
            "gte": lambda: value >= first,
            "lt": lambda: value < first,
            "lte": lambda: value <= last,
        }[operator]()
    )


def _stretch(raw: Any) -> tuple[datetime, datetime]:
    if isinstance(raw, int):
        moment = datetime.fromtimestamp(raw, UTC)
    elif len(raw) == len("2026-01-01"):
        day = date.fromisoformat(raw)
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return begin, begin + timedelta(days=1) - timedelta(microseconds=1)
    else:
        moment = datetime.fromisoformat(raw)
    return moment, moment


def _metadata_value(value: Any, said: Any) -> bool:
    if not isinstance(said, dict):
        return _alike(value, said)
    [(operator, other)] = said.items()
    if operator == "contains":
        if isinstance(value, str) and isinstance(other, str):
            return other in value
        return isinstance(value, list) and any(_alike(one, other) for one in value)
    return _alike(value, other) is (operator == "eq")


def _alike(value: Any, other: Any) -> bool:
    """As JSON has it: true is not 1."""
    return type(value) is type(other) and bool(value == other)


def _category(categories: list[str], condition: dict[str, Any]) -> bool:
    [(operator, said)] = condition.items()
    if operator == "in":
        return any(one in said for one in categories)
    return any(said.lower() in one.lower() for one in categories)


_READ: dict[str, Callable[[Any, dict[str, Any]], bool]] = {
    "AND": lambda condition, memory: all(selects(one, memory) for one in condition),
    "OR": lambda condition, memory: any(selects(one, memory) for one in condition),
    "NOT": _none_of,
    "metadata": _metadata_holds,
    "categories": lambda condition, memory: _category(memory["categories"] or [], condition),
    "keywords": _text_holds,
    "text": _text_holds,
    "memory_ids": lambda condition, memory: (
        memory["id"] in (condition["in"] if isinstance(condition, dict) else condition)
    ),
    "created_at": _time_holds("created_at"),
    "updated_at": _time_holds("updated_at"),
    "timestamp": _time_holds("created_at"),
}

# --- that they agree -------------------------------------------------------------------------------------------------


def meant(body: dict[str, Any], version: MemoryVersion) -> bool:
    """Whether Remora takes a memory for one that a body of Mem0's means."""
    return matches(filter_of({"filters": filters_of(body)}, LIMITS), version)


@given(grammar, versions)
def test_a_filter_selects_what_it_says(raw: dict[str, Any], version: MemoryVersion) -> None:
    anybody = {"OR": [{name: "*"} for name in SCOPE_FIELDS]}
    body = {"filters": {"AND": [anybody, raw]}}
    assert meant(body, version) is selects(raw, memory_object(version))


@given(versions, st.sampled_from(DAYS), st.sampled_from(DAYS), _metadata, st.sampled_from(["RE", "tea"]))
def test_what_stands_beside_a_filter_is_anded_to_it(
    version: MemoryVersion, first: str, last: str, metadata: dict[str, Any], word: str
) -> None:
    filters = {"OR": [{"user_id": "*"}, {"run_id": "a"}]}
    beside = {"start_date": first, "end_date": last, "metadata": metadata, "keywords": word, "categories": ["Food"]}
    said = {
        "AND": [
            filters,
            {"created_at": {"gte": first, "lte": last}},
            {"metadata": metadata},
            {"keywords": {"icontains": word}},
            {"categories": {"in": ["Food"]}},
        ]
    }
    assert meant({"filters": filters, **beside}, version) is selects(said, memory_object(version))


@given(grammar, st.lists(st.sampled_from(["AND", "OR", "NOT"]), max_size=4), st.data())
def test_what_the_grammar_does_not_know_is_refused_by_name_however_deep(
    raw: dict[str, Any], way: list[str], data: st.DataObject
) -> None:
    known = {*CONDITIONS, "AND", "OR", "NOT", "session_id", "sessionId", "role", "name"}
    key = data.draw(st.text("abcdefgh_IN>=", min_size=1, max_size=8).filter(lambda name: name not in known))
    wrong: dict[str, Any] = {**raw, key: data.draw(_values)}
    for step in way:
        wrong = {step: [raw, wrong]}
    with pytest.raises(InvalidInput) as refused:
        filter_of({"filters": filters_of({"filters": {"AND": [{"user_id": "a"}, wrong]}})}, LIMITS)
    assert key in refused.value.message
