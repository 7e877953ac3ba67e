"""Which shard a handle takes a call to, and whom it asks when any can answer."""

from __future__ import annotations

from typing import Any

import pytest

from actors.choice import by_load
from actors.line import patience
from actors.routing import likely_shard
from engine import ids
from engine.types import Scope

SHARDS = 4


def home(project: str = "default", **scope: str) -> int:
    return ids.shard_of(ids.slot_of(ids.routing_key(project, Scope(**scope))), SHARDS)


@pytest.mark.parametrize("user", [f"user-{number}" for number in range(8)])
def test_an_add_goes_to_the_home_of_its_scope(user: str) -> None:
    fields = {"agent_id": "planner", "user_id": user}

    assert likely_shard("add", ("text",), fields, SHARDS) == home(user_id=user)
    assert likely_shard("add", ("text",), {"agent_id": user}, SHARDS) == home(agent_id=user)


def test_another_project_has_another_home() -> None:
    project = next(name for name in "abcdefgh" if home(name, user_id="ana") != home(user_id="ana"))

    assert likely_shard("add", ("text",), {"user_id": "ana", "project": project}, SHARDS) == home(
        project, user_id="ana"
    )


@pytest.mark.parametrize("verb", ["get", "update", "delete", "history", "operation", "retry"])
def test_an_id_names_its_shard(verb: str) -> None:
    for shard in range(SHARDS):
        some_id = ids.operation_id(ids.first_slot(shard, SHARDS), bytes(16))
        assert likely_shard(verb, (some_id,), {}, SHARDS) == shard
        assert likely_shard("purge", (), {"memory_id": some_id}, SHARDS) == shard


@pytest.mark.parametrize("verb", ["search", "list", "delete_all", "purge", "operations", "path"])
def test_what_is_asked_of_one_user_goes_to_the_home_of_that_user(verb: str) -> None:
    for fields in ({"user_id": "ana", "agent_id": "x"}, {"filters": {"user_id": "ana"}}):
        assert likely_shard(verb, (), fields, SHARDS) == home(user_id="ana")


def test_the_first_slot_counts_like_any_other() -> None:
    user = next(name for name in map(str, range(100_000)) if ids.slot_of(ids.routing_key("default", _user(name))) == 0)

    assert likely_shard("search", ("q",), {"user_id": user, "filters": {"user_id": "other"}}, SHARDS) == 0


@pytest.mark.parametrize(
    ("verb", "args", "fields"),
    [
        ("search", ("q",), {"agent_id": "planner"}),
        ("search", ("q",), {"user_id": "*"}),
        ("search", ("q",), {"user_id": 5}),
        ("search", ("q",), {"filters": ["user_id"]}),
        ("list", (), {"filters": {"OR": [{"user_id": "a"}, {"user_id": "b"}]}}),
        ("add", ("text",), {}),
        ("add", ("text",), {"user_id": "ana", "project": 7}),
        ("get", ("no id",), {}),
        ("get", (None,), {}),
        ("get", (), {}),
        ("entities", (), {}),
        ("add_batch", ([],), {}),
    ],
)
def test_what_names_no_single_shard_can_be_asked_of_any(
    verb: str, args: tuple[Any, ...], fields: dict[str, Any]
) -> None:
    assert likely_shard(verb, args, fields, SHARDS) is None


def test_one_shard_has_everything() -> None:
    assert likely_shard("entities", (), {}, 1) == 0


def test_those_with_the_least_to_do_come_first_and_equals_take_turns() -> None:
    nobody_down = [0.0, 0.0, 0.0]

    assert by_load([3, 1, 2], nobody_down, 10.0) == [1, 2, 0]
    assert by_load([0, 0, 0], nobody_down, 10.0, first=1) == [1, 2, 0]


def test_who_was_down_a_moment_ago_comes_last_until_that_is_over() -> None:
    assert by_load([0, 9, 9], [11.0, 0.0, 0.0], 10.0) == [1, 2, 0]
    assert by_load([0, 9, 9], [11.0, 0.0, 0.0], 12.0) == [0, 1, 2]


def _user(name: str) -> Scope:
    return Scope(user_id=name)


@pytest.mark.parametrize("fields", [{"user_id": "\udcff"}, {"user_id": "ana", "project": "\udcff"}])
def test_what_is_no_unicode_goes_to_any_orchestrator_which_refuses_it(fields: dict[str, str]) -> None:
    assert likely_shard("add", ("text",), fields, SHARDS) is None
    assert likely_shard("search", ("text",), fields, SHARDS) is None


@pytest.mark.parametrize(
    ("wanted", "waits_s"),
    [(None, 31.0), (2, 3.0), (90.0, 31.0), (-5, 1.0), (10**400, 31.0), ("2", 31.0), (float("nan"), 31.0)],
)
def test_a_caller_waits_as_long_as_it_wants_and_never_for_no_time_at_all(wanted: Any, waits_s: float) -> None:
    assert patience({"deadline_s": wanted}, 30.0, 1.0) == waits_s
