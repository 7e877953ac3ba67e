"""Filters as Milvus expressions: what is pushed down, what isn't, and that nothing breaks out of a literal."""

from __future__ import annotations

import pytest

from engine.filters import And, Compare, Everything, Filter, Not, Op, Or
from engine.vector.expressions import Pushed, pushed, quoted

ANN = Compare("user_id", Op.EQ, "ann")
METADATA = Compare("metadata", Op.EQ, 1, "n")


@pytest.mark.parametrize(
    ("node", "expression", "exact"),
    [
        (Everything(), None, True),
        (ANN, 'user_id == "ann"', True),
        (Compare("user_id", Op.NE, "ann"), 'user_id != "ann"', True),
        (Compare("agent_id", Op.PRESENT, None), 'agent_id != ""', True),
        (Compare("run_id", Op.IN, ("a", "b")), 'run_id in ["a", "b"]', True),
        (Compare("run_id", Op.IN, ()), 'memory_id == ""', True),
        (Compare("created_at", Op.LTE, 5), "created_at_us <= 5", True),
        (Compare("updated_at", Op.IN, (5, 6)), "updated_at_us in [5, 6]", True),
        (METADATA, None, False),
        (Compare("text", Op.ICONTAINS, "x"), None, False),
        (And((ANN, METADATA)), '(user_id == "ann")', False),
        (Or((ANN, METADATA)), None, False),
        (Or((ANN, Compare("app_id", Op.EQ, "x"))), '(user_id == "ann") or (app_id == "x")', True),
        (Or((METADATA, Everything())), None, True),
        (Or(()), 'memory_id == ""', True),
        (And(()), None, True),
        (Not(ANN), 'not (user_id == "ann")', True),
        (Not(METADATA), None, False),
        (Not(And((ANN, METADATA))), None, False),
        (Not(Everything()), 'memory_id == ""', True),
    ],
)
def test_a_filter_is_pushed_as_far_as_it_is_exact(node: Filter, expression: str | None, exact: bool) -> None:
    within = 'project == "p"'
    assert pushed("p", node) == Pushed(within if expression is None else f"{within} and ({expression})", exact)


@pytest.mark.parametrize("value", ["", None, 5, True, ["ann"], "half \ud800 a pair"])
def test_a_value_that_no_column_can_hold_is_left_to_the_predicate(value: object) -> None:
    for op in (Op.EQ, Op.NE):
        assert pushed("p", Compare("user_id", op, value)) == Pushed('project == "p"', False)
    assert pushed("p", Compare("user_id", Op.IN, ("ann", value))) == Pushed('project == "p"', False)


@pytest.mark.parametrize("value", ["5", None, True, 1.5, 1 << 63, -(1 << 70)])
def test_a_time_that_is_no_integer_is_left_to_the_predicate(value: object) -> None:
    assert pushed("p", Compare("created_at", Op.GT, value)) == Pushed('project == "p"', False)


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ('" or 1==1', r'"\" or 1==1"'),
        ("back\\", r'"back\\"'),
        ('\\"', r'"\\\""'),
        ("a\nb\rc\td", r'"a\nb\rc\td"'),
        ("it's 🐟", '"it\'s 🐟"'),
    ],
)
def test_a_literal_cannot_be_left(text: str, literal: str) -> None:
    assert quoted(text) == literal
    assert pushed(text, Everything()).expression == f"project == {literal}"
