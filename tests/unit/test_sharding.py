"""Routing, tokens and merging: what several shards are together, decided from values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine import ids, requests
from engine.config import LimitSettings
from engine.errors import InvalidInput
from engine.filters import parse
from engine.ledger_port import Keys, ScopeCount
from engine.sharding import graph_merging, merging, routing
from engine.sharding.asking import Until
from engine.sharding.everywhere import part_ids
from engine.sharding.operations import OperationsOverShards
from engine.sharding.verifying import verify
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


def stated(relationship: str, target: str, valid_at: str, memory_id: str) -> Json:
    times = {"valid_at": valid_at, "invalid_at": None}
    return {"source": "Ann", "relationship": relationship, "target": target, **times, "memory_id": memory_id}


def test_of_what_shards_say_of_a_functional_relation_the_newest_is_true() -> None:
    says = [
        [stated("lives_in", "Bonn", "2024", "a"), stated("likes", "Tea", "2025", "b")],
        [stated("Lives in", "Rome", "2025", "c"), stated("likes", "Tea", "2024", "d")],
        [stated("likes", "Cake", "2023", "e")],
    ]
    parts = [around([("2025", str(number))], [], relations) for number, relations in enumerate(says)]
    found = graph_merging.neighbourhood(parts, 10, frozenset({"lives_in"}))["relations"]
    shown = [(one["target"], one["valid_at"], one["memory_id"]) for one in found]
    assert shown == [("Rome", "2025", "c"), ("Tea", "2024", "b"), ("Cake", "2023", "e")]


def test_neighbourhoods_are_put_together_as_one_shard_would_tell_them() -> None:
    knows = stated("knows", "Cy", "2025", "c")
    beside = {"source": "Ann", "relationship": "mentioned_with", "target": "Bob"}
    one = around([("2026", "b"), ("2024", "a")], [entity("Bob", 1)], [beside])
    other = around([("2025", "c")], [entity("Bob", 1), entity("Cy", 1)], [knows])
    found = graph_merging.neighbourhood([one, other], 10, frozenset())
    assert found["entity"]["memories"] == 3
    assert [(entry["name"], entry["memories"]) for entry in found["entities"]] == [("Bob", 2), ("Cy", 1)]
    assert found["relations"] == [knows, beside]
    assert [memory["id"] for memory in found["memories"]] == ["b", "c", "a"]
    assert len(graph_merging.neighbourhood([one, other], 1, frozenset())["memories"]) == 1


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


class Told:
    """A shard with so many memories that are verified one after the other."""

    def __init__(self, memories: int) -> None:
        self.memories = memories

    async def status(self) -> Json:
        return {"ledger": {"memories": self.memories}}

    async def verify(self, *, cursor: str | None = None, limit: int = 2, repair: bool = False) -> Json:
        first = 0 if cursor is None else int(cursor)
        last = min(self.memories, first + limit)
        found = [{"memory_id": str(number), "problem": "missing"} for number in range(first, last)]
        return {
            "checked": last - first,
            "total": self.memories,
            "differences": found,
            "problems": ["odd"] if cursor is None else [],
            "repaired": len(found) if repair else 0,
            "next": str(last) if last < self.memories else None,
        }


async def test_shards_are_verified_one_after_the_other() -> None:
    shards: Any = [Told(3), Told(0), Told(4)]
    answers: list[Json] = []
    cursor: str | None = None
    while not answers or cursor is not None:
        answers.append(await verify(shards, {"cursor": cursor, "repair": True}))
        cursor = answers[-1]["next"]
    assert [answer["next"] for answer in answers] == ["0:2", "1:", "2:", "2:2", None]
    assert {answer["total"] for answer in answers} == {7}
    differences = [(one["shard"], one["memory_id"]) for answer in answers for one in answer["differences"]]
    assert differences == [(0, "0"), (0, "1"), (0, "2"), (2, "0"), (2, "1"), (2, "2"), (2, "3")]
    assert sum(answer["repaired"] for answer in answers) == 7
    assert [problem for answer in answers for problem in answer["problems"]] == [f"shard {n}: odd" for n in range(3)]


@pytest.mark.parametrize("cursor", ["", "x", "3:", "-1:", "0", ":", "1²:", "02:", 5, "9" * 400 + ":"])
async def test_a_cursor_that_nobody_gave_is_refused(cursor: Any) -> None:
    shards: Any = [Told(1)] * 3
    with pytest.raises(InvalidInput):
        await verify(shards, {"cursor": cursor})


def rebuild(state: str, done: int, error: str | None = None) -> Json:
    return {"index": "graph", "state": state, "done": done, "total": 10, "error": error, "shards": []}


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        (["DONE", "DONE"], "DONE"),
        (["DONE", "RUNNING"], "RUNNING"),
        (["DONE", "NONE"], "NONE"),
        (["NONE", "RUNNING"], "RUNNING"),
        (["RUNNING", "FAILED"], "FAILED"),
    ],
)
def test_a_rebuild_is_as_far_as_all_shards_are(states: list[str], whole: str) -> None:
    answers = [rebuild(state, 3, "broken" if state == "FAILED" else None) for state in states]
    found = merging.rebuilt("graph", answers)
    assert (found["state"], found["done"], found["total"]) == (whole, 6, 20)
    assert [(one["shard"], one["state"]) for one in found["shards"]] == list(enumerate(states))
    assert found["error"] == ("broken" if "FAILED" in states else None)


class Listing:
    """A shard with operations of these times, newest first; counts how often it is asked."""

    def __init__(self, shard: int, times: Sequence[int]) -> None:
        rows = [{"id": f"{shard}-{at:03}", "created_at": f"{at:03}"} for at in times]
        self.rows: list[Json] = sorted(rows, key=lambda row: row["created_at"], reverse=True)
        self.asked = 0

    async def operations(self, *, page: int, page_size: int, **_: Any) -> Json:
        self.asked += 1
        return {"count": len(self.rows), "results": self.rows[(page - 1) * page_size : page * page_size]}


@pytest.mark.parametrize("page_size", [1, 3, 7, 10])
async def test_pages_of_operations_are_merged_however_the_shards_share_them(page_size: int) -> None:
    limits = LimitSettings(page_size=10)
    shards: Any = [Listing(0, range(25)), Listing(1, []), Listing(2, range(10, 90, 2))]
    every = sorted((row for one in shards for row in one.rows), key=lambda r: (r["created_at"], r["id"]), reverse=True)
    found = OperationsOverShards(shards, limits)
    pages = -(-len(every) // page_size)
    walked = []
    for page in range(1, pages + 2):
        request = requests.parse_operations({"page": page, "page_size": page_size}, limits)
        answer = await found.page(request, shards, Until(5))
        assert (answer["count"], answer["page"], answer["page_size"]) == (65, page, page_size)
        walked.append(answer["results"])
    assert [row for rows in walked[:pages] for row in rows] == every
    assert walked[pages] == []


async def test_a_page_far_beyond_the_last_asks_each_shard_once() -> None:
    limits = LimitSettings(page_size=10)
    shards: Any = [Listing(0, range(50)), Listing(1, range(50))]
    request = requests.parse_operations({"page": 2**31, "page_size": 10}, limits)
    assert (await OperationsOverShards(shards, limits).page(request, shards, Until(5)))["results"] == []
    assert [one.asked for one in shards] == [1, 1]


def test_the_part_of_the_home_of_a_whole_is_the_whole() -> None:
    whole = ids.operation_id(ids.first_slot(2, 4), bytes(16))
    parts = part_ids(whole, 4)
    assert parts[2] == whole
    assert [routing.shard_in(one, 4) for one in parts] == [0, 1, 2, 3]
