"""The error tree."""

import pickle

import pytest

from engine.errors import BY_CODE, InvalidInput, NotFound, RemoraError, from_builtin, from_parts


@pytest.mark.parametrize("kind", BY_CODE.values(), ids=BY_CODE.keys())
def test_every_error_survives_pickling_and_the_way_through_a_builtin(kind: type[RemoraError]) -> None:
    error = kind("what is wrong", {"field": "x"})
    for copy in (pickle.loads(pickle.dumps(error)), from_builtin(pickle.loads(pickle.dumps(error.to_builtin())))):
        assert type(copy) is kind
        assert (copy.message, copy.details, str(copy)) == ("what is wrong", {"field": "x"}, "what is wrong")


def test_strangers_can_catch_builtin_types() -> None:
    assert isinstance(InvalidInput("x").to_builtin(), ValueError)
    assert isinstance(NotFound("x").to_builtin(), LookupError)
    assert InvalidInput("x", {"a": 1}).to_builtin().args == ("invalid_input", "x", {"a": 1})


def test_what_is_not_ours_is_not_translated() -> None:
    assert from_builtin(ValueError("x")) is None
    assert from_builtin(ValueError("no such code", "x", {})) is None
    assert type(from_parts("no such code", "x")) is RemoraError
