"""The verbs by name: complete, and writes that may be sent twice."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from actors.verbs import MEMORY_VERBS, SHARD_VERBS, MemoryVerbs, ShardVerbs, keyed, named
from engine.api import MemoryApi
from engine.shard_api import ShardApi


def verbs_of(api: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(api, inspect.iscoroutinefunction) if not name.startswith("_")}


class Named(ShardVerbs):
    """Answers with what it was asked, and remembers it."""

    asked: Any = None

    async def _read(self, verb: str, args: tuple[Any, ...], fields: dict[str, Any]) -> Any:
        self.asked = verb, args, fields
        return self.asked


def test_every_verb_can_be_called_by_its_name() -> None:
    assert verbs_of(MemoryApi) == MEMORY_VERBS | {"status"}
    assert verbs_of(ShardApi) == SHARD_VERBS


@pytest.mark.parametrize("verb", sorted(SHARD_VERBS))
async def test_each_verb_is_one_call_by_its_name_with_all_that_was_given(verb: str) -> None:
    assert verb in vars(MemoryVerbs) or verb in vars(ShardVerbs), "the protocol's own body answers None"
    called = Named()
    method = getattr(called, verb)
    positional = [p.name for p in inspect.signature(method).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    fields = {} if verb == "status" else {"project": "p"}

    answer: Any = await method(*positional, **fields)

    args = (keyed(positional[0]),) if verb == "add_batch" else tuple(positional)
    assert called.asked == (verb, args, fields)
    assert answer == (None if verb == "forget" else called.asked)


def test_each_item_of_a_batch_gets_a_key_of_its_own() -> None:
    first, second, given = keyed([{"messages": "a"}, {"messages": "b"}, {"messages": "c", "idempotency_key": "k"}])

    assert first["idempotency_key"] != second["idempotency_key"]
    assert given["idempotency_key"] == "k"
    assert keyed([{"messages": "a", "idempotency_key": None}])[0]["idempotency_key"]


def test_a_callers_own_name_for_an_operation_is_its_key() -> None:
    assert named({"operation_id": "mine"})["idempotency_key"] == "mine"
    assert named({"operation_id": "mine", "idempotency_key": "k"})["idempotency_key"] == "k"
    assert named({"operation_id": None})["idempotency_key"] != named({})["idempotency_key"]
    assert keyed([{"messages": "a", "operation_id": "mine"}])[0]["idempotency_key"] == "mine"


@pytest.mark.parametrize("given", [{"idempotency_key": ""}, {"operation_id": ""}, {"idempotency_key": 0}])
def test_a_key_that_is_none_is_not_taken_for_no_key(given: Any) -> None:
    (item,) = keyed([{"messages": "a", **given}])
    assert item["idempotency_key"] == next(iter(given.values()))


@pytest.mark.parametrize("items", ["text", None, 5, {"messages": "a"}, b"bytes"])
def test_a_batch_that_is_none_is_left_to_the_engine(items: Any) -> None:
    assert keyed(items) == items


def test_an_item_that_is_none_is_left_to_the_engine() -> None:
    assert keyed(["text", None, 5]) == ["text", None, 5]
