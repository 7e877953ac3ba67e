"""Values come out of a pickle as they went in, whatever their fields hold."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, field

import pytest

from engine.pickling import by_fields
from engine.ports import VectorHit
from engine.ranking.signals import Signal
from engine.types import Entity, MemoryVersion, Relation, Scope


@by_fields
@dataclass(frozen=True, slots=True)
class Alone:
    value: tuple[int, ...]


VERSION = MemoryVersion(
    memory_id="m",
    project="p",
    scope=Scope(user_id="ana", run_id="r"),
    text="Ana moved to Lisbon.",
    version=2,
    live_from=5,
    created_at_us=1,
    updated_at_us=2,
    metadata={"a": [1, {"b": None}]},
    categories=("home",),
    entities=(Entity("Ana", "person"), Entity("Lisbon")),
    relations=(Relation("Ana", "moved to", "Lisbon", valid_at_us=3),),
    live_to=9,
)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", [VERSION, VectorHit(VERSION, {Signal.DENSE: 0.5}), Alone((1, 2)), Alone(()), Scope()])
def test_a_value_survives_every_protocol(value: object, protocol: int) -> None:
    again = pickle.loads(pickle.dumps(value, protocol))
    assert again == value
    assert type(again) is type(value)


def test_copies_are_equal() -> None:
    assert copy.copy(VERSION) == copy.deepcopy(VERSION) == VERSION


def test_what_two_values_share_is_written_once() -> None:
    hits = [VectorHit(VERSION), VectorHit(VERSION)]
    first, second = pickle.loads(pickle.dumps(hits))
    assert first.version is second.version


def test_a_field_that_is_no_positional_argument_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Keyword:
        value: int = field(kw_only=True)

    with pytest.raises(TypeError, match="positional"):
        by_fields(Keyword)
