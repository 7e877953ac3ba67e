"""Filters as Mem0's library spells them, held against a predicate that reads them as they are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.filters import matches
from engine.requests.filter import filter_of
from serve_app.mem0_oss.filters import platform_filter
from tests.property.test_mem0_filters import LIMITS, MEMORIES, version_of

_keys = st.sampled_from(["k", "l"])
_values = st.sampled_from(["x", "y", 0, 1, 2])
_ids = st.sampled_from(["a", "b"])


def _conditions(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A value, `"*"`, a list, or an object of operators."""
    some = st.lists(values, min_size=1, max_size=2)
    operators = st.fixed_dictionaries({}, optional={"eq": values, "ne": values, "in": some, "nin": some})
    return st.one_of(values, st.just("*"), some, operators.filter(bool))


_leaves = st.one_of(
    st.dictionaries(_keys, _conditions(_values), min_size=1, max_size=2),
    st.dictionaries(st.sampled_from(["user_id", "run_id"]), _conditions(_ids), min_size=1),
)
_JOINING = ["AND", "OR", "NOT", "$and", "$or", "$not"]
_filters = st.recursive(
    _leaves,
    lambda some: st.builds(
        lambda leaf, joined: {**leaf, **joined},
        _leaves,
        st.dictionaries(st.sampled_from(_JOINING), st.lists(some, min_size=1, max_size=2), min_size=1, max_size=2),
    ),
    max_leaves=6,
)


def says(written: dict[str, Any], memory: dict[str, Any]) -> bool:
    """Whether the memory is one that the filter means."""
    return all(_member(key, value, memory) for key, value in written.items())


def _member(key: str, value: Any, memory: dict[str, Any]) -> bool:
    match key.strip("$").upper():
        case "AND":
            return all(says(one, memory) for one in value)
        case "OR":
            return any(says(one, memory) for one in value)
        case "NOT":
            return not any(says(one, memory) for one in value)
    held = memory[key] if key.endswith("_id") else memory["metadata"].get(key)
    if value == "*":
        return held is not None
    if isinstance(value, list):
        return held in value
    asked: dict[str, Callable[[Any], bool]] = {
        "eq": lambda operand: held == operand,
        "ne": lambda operand: held != operand,
        "in": lambda operand: held in operand,
        "nin": lambda operand: held not in operand,
    }
    return all(
        asked[operator](operand) for operator, operand in (value if isinstance(value, dict) else {"eq": value}).items()
    )


@given(_filters, _ids, st.none() | _ids, st.dictionaries(_keys, _values))
def test_a_filter_of_the_library_selects_what_it_says(
    written: dict[str, Any], user: str, run: str | None, metadata: dict[str, Any]
) -> None:
    scope = {"user_id": user} | ({"run_id": run} if run else {})
    memory = version_of(scope, 0, 0, "tea", metadata=metadata, categories=[], memory_id=MEMORIES[0])
    # The scope is demanded beside the filter, as the ids of a search are.
    asked = filter_of({"filters": {"AND": [{"user_id": user}, platform_filter(written)]}}, LIMITS)
    assert matches(asked, memory) == says(written, {"user_id": user, "run_id": run, "metadata": metadata})
