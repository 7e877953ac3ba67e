"""Routing, tokens and merging: what several shards are together, decided from values."""

from __future__ import annotations

import pytest

from engine import ids
from engine.filters import parse
from engine.ledger_port import Keys, ScopeCount
from engine.sharding import graph_merging, merging, routing
from engine.types import Json, Scope


@pytest.mark.parametrize("shards", [1, 2, 3, 4, 7, 256])
def test_every_slot_has_one_shard_and_shards_own_ranges_of_about_the_same_size(shards: int) -> None:
    owners = [ids.shard_of(slot, shards) for slot in range(ids.SLOTS)]
    assert owners == sorted(owners)
    sizes = [owners.count(shard) for shard in range(shards)]
    assert max(sizes) - min(sizes) <= 1
    assert [owners.index(shard) for shard in range(shards)] == [ids.first_slot(n, shards) for n in range(shards)]


def test_a_part_of_a_whole_lies_in_its_shard_and_is_always_the_same() -> None:
    whole = ids.operation_id(1234, bytes(16))
    parts = [ids.part_id(whole, shard, 4) for shard in range(4)]
    assert [routing.shard_in(part, 4) for part in parts] == [0, 1, 2, 3]
    assert parts == [ids.part_id(whole, shard, 4) for shard in range(4)]
    assert len({*parts, whole}) == 5


def test_the_home_of_a_key_is_no_routing_key() -> None:
    assert ids.key_home("p", "k") != ids.key_home("q", "k")
    assert ids.key_home("p", "user_id=x") != ids.routing_key("p", Scope(user_id="x"))
    assert ids.is_made_up(ids.made_up_key(bytes(16)))
    assert not ids.is_made_up("k")


@pytest.mark.parametrize(
    ("raw", "routed"),
    [
        ({"user_id": "ann"}, True),
        ({"AND": [{"user_id": "ann"}, {"agent_id": "x"}]}, True),
        ({"OR": [{"AND": [{"user_id": "ann"}, {"agent_id": "x"}]}, {"user_id": "ann"}]}, True),
        ({"user_id": {"in": ["ann"]}}, True),
        ({"user_id": {"in": ["ann", "bob"]}}, False),
        ({"OR": [{"user_id": "ann"}, {"agent_id": "x"}]}, False),
        ({"agent_id": "x"}, False),
        ({"user_id": "*"}, False),
        ({"agent_id": "x", "NOT": {"user_id": "ann"}}, False),
    ],
)
def test_only_a_filter_that_demands_one_user_names_a_shard(raw: Json, routed: bool) -> None:
    home = routing.home_of(ids.routing_key("p", Scope(user_id="ann")), 4)
    assert routing.sole_shard("p", parse(raw), 4) == (home if routed else None)


def test_a_token_names_its_shard_and_grows_with_its_position() -> None:
    tokens = [[routing.token(position, shard, 4) for position in range(3)] for shard in range(4)]
    assert len({token for row in tokens for token in row}) == 12
    assert all(row == sorted(row, key=lambda token: token or 0) for row in tokens)
    assert routing.token(17, 0, 1) == 17
    assert routing.token(None, 3, 4) is None


def test_a_token_makes_its_own_shard_wait_and_no_other() -> None:
    token = routing.token(17, 2, 4)
    assert [routing.local_position(token, shard, 4) for shard in range(4)] == [None, None, 17, None]
    assert routing.local_position(None, 2, 4) is None


def test_a_batch_is_split_by_shard_and_keeps_its_order() -> None:
    assert routing.by_shard([2, 0, None, 2, 1, 2]) == {2: [0, 3, 5], 0: [1], 1: [4]}


def test_pages_over_shards_are_newest_first_and_then_by_id_backwards() -> None:
    found = [Keys(3, ((9, "b"), (5, "a"), (1, "z"))), Keys(2, ((9, "c"), (5, "b")))]
    assert merging.page_of(found, 0, 3) == ("c", "b", "b")
    assert merging.page_of(found, 3, 3) == ("a", "z")
    assert merging.page_of(found, 9, 3) == ()


def test_who_has_memories_in_several_shards_is_counted_once() -> None:
    one = [ScopeCount("agent_id", "x", 2, 5, 9), ScopeCount("user_id", "ann", 1, 5, 5)]
    other = [ScopeCount("agent_id", "x", 3, 4, 6)]
    assert merging.summed_scopes([one, other]) == [ScopeCount("agent_id", "x", 5, 4, 9), one[1]]


def part(status: str, *, at: int = 1, done: int | None = None, count: int = 0) -> Json:
    return {
        "status": status,
        "message": f"it is {status}",
        "count": count,
        "degraded": ["graph"] if count else [],
        "results": [],
        "error": {"code": "internal"} if status == "FAILED" else None,
        "created_at": f"2026-01-01T00:00:0{at}.000000+00:00",
        "completed_at": None if done is None else f"2026-01-01T00:00:0{done}.000000+00:00",
    }


def test_a_deletion_over_shards_is_done_when_every_part_is() -> None:
    done = merging.whole_answer("w", [part("SUCCEEDED", count=2), part("SUCCEEDED"), part("SUCCEEDED", count=1)])
    assert (done["status"], done["count"], done["operation_id"], done["position"]) == ("SUCCEEDED", 3, "w", None)
    assert done["degraded"] == ["graph"]
    open_ = merging.whole_answer("w", [part("SUCCEEDED", count=2), part("PENDING")])
    assert (open_["status"], open_["message"], open_["results"]) == ("PENDING", "it is PENDING", [])


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        (["SUCCEEDED", "SUCCEEDED"], "SUCCEEDED"),
        (["SUCCEEDED", "PENDING"], "PENDING"),
        (["RUNNING", "SUCCEEDED"], "RUNNING"),
        (["PENDING", "FAILED"], "FAILED"),
    ],
)
def test_an_operation_over_shards_is_what_its_parts_are_together(states: list[str], whole: str) -> None:
    assert merging.whole_operation(part(states[0]), [part(state) for state in states[1:]])["status"] == whole


def test_an_operation_over_shards_lasts_from_its_first_part_to_its_last() -> None:
    found = merging.whole_operation(part("SUCCEEDED", at=3, done=4), [part("SUCCEEDED", at=2, done=6)])
    assert (found["created_at"][17:19], found["completed_at"][17:19], found["latency"]) == ("02", "06", 4000.0)
    unfinished = merging.whole_operation(part("SUCCEEDED", at=3, done=4), [part("PENDING", at=2)])
    assert (unfinished["completed_at"], unfinished["latency"]) == (None, None)


def entity(name: str, memories: int) -> Json:
    return {"name": name, "type": "person", "memories": memories}


def test_entities_of_several_shards_meet_under_their_folded_name() -> None:
    found = graph_merging.summed([[entity("Ann", 2), entity("Bob", 4)], [entity("ANN", 3), entity("Cy", 5)]])
    assert [(one["name"], one["memories"]) for one in found] == [("ANN", 5), ("Cy", 5), ("Bob", 4)]


def around(memories: list[tuple[str, str]], entities: list[Json], relations: list[Json]) -> Json:
    return {
        "entity": entity("Ann", len(memories)),
        "entities": entities,
        "relations": relations,
        "memories": [{"created_at": at, "id": name} for at, name in memories],
    }


def test_neighbourhoods_are_put_together_as_one_shard_would_tell_them() -> None:
    knows = {"source": "Ann", "relationship": "knows", "target": "Cy"}
    beside = {"source": "Ann", "relationship": "mentioned_with", "target": "Bob"}
    one = around([("2026", "b"), ("2024", "a")], [entity("Bob", 1)], [beside])
    other = around([("2025", "c")], [entity("Bob", 1), entity("Cy", 1)], [knows])
    found = graph_merging.neighbourhood([one, other], 10)
    assert found["entity"]["memories"] == 3
    assert [(entry["name"], entry["memories"]) for entry in found["entities"]] == [("Bob", 2), ("Cy", 1)]
    assert found["relations"] == [knows, beside]
    assert [memory["id"] for memory in found["memories"]] == ["b", "c", "a"]
    assert len(graph_merging.neighbourhood([one, other], 1)["memories"]) == 1


def test_all_shards_together_are_as_well_as_the_worst() -> None:
    ready: Json = {"state": "ready", "ready": True, "extractor": "verbatim"}
    gone: Json = {"error": {"code": "unavailable"}}
    assert merging.whole_status([ready, ready])["state"] == "ready"
    found = merging.whole_status([ready, gone])
    assert (found["state"], found["ready"], found["shards"][1]["shard"]) == ("unavailable", False, 1)


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (["ready"], "ready"),
        (["ready", "degraded"], "degraded"),
        (["starting", "degraded"], "starting"),
        (["starting", "unavailable"], "unavailable"),
        (["ready", "what?"], "what?"),
        ([], "unavailable"),
    ],
)
def test_the_worst_state_is_that_of_the_whole(states: list[str], state: str) -> None:
    assert merging.worst(states) == state
