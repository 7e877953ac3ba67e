"""Where actors go in a cluster, decided from what the nodes say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from actors.options import Address, Part, actor_options, every_address
from actors.placement import Node, Spot, held_parts, place, shard_file
from engine.config import Settings, load
from engine.errors import Conflict, Unavailable

SERVERS: dict[str, Any] = {"ledger": {"url": "postgresql://db/remora"}, "vector": {"uri": "http://milvus:19530"}}
LOCAL: dict[str, Any] = {"local": "/models/one.gguf"}
ASKED: dict[str, Any] = {"base_url": "http://127.0.0.1:1/v1", "model": "m"}


def settings(shards: int = 4, embedders: int = 2, **more: Any) -> Settings:
    return load(shards=shards, embedders=embedders, data_dir=Path("/data"), **more)


def node(name: str, cpus: float = 4, **more: Any) -> Node:
    return Node(id=f"id-{name}", name=name, cpus=cpus, **more)


def where(spots: dict[Address, Spot], part: Part) -> list[str]:
    return [spots[one].node.name for one in sorted(spots, key=lambda one: one.index) if one.part is part]


def test_every_actor_gets_a_spot() -> None:
    chosen = settings()

    assert set(place(chosen, [node("a"), node("b")], {})) == set(every_address(chosen))


def test_the_language_model_has_a_spot_where_one_is_set_and_may_run_anywhere() -> None:
    chosen = settings(llm=ASKED)
    spots = place(chosen, [node("a"), node("b")], {})
    assert set(spots) == set(every_address(chosen))
    assert [spot.held for one, spot in spots.items() if one.part is Part.LANGUAGE_MODEL] == [False]


def test_new_shards_and_embedders_are_spread_over_equal_nodes() -> None:
    spots = place(settings(), [node("a"), node("b"), node("c")], {})

    assert Counter(where(spots, Part.LEDGER)) == {"a": 2, "b": 1, "c": 1}
    assert where(spots, Part.EMBEDDER) == ["b", "c"]


def test_the_parts_of_a_shard_stay_together() -> None:
    spots = place(settings(), [node("a"), node("b"), node("c")], {})

    for part in (Part.VECTOR_STORE, Part.GRAPH_STORE, Part.EXTRACTOR, Part.ORCHESTRATOR):
        assert where(spots, part) == where(spots, Part.LEDGER)


def test_a_shard_stays_with_its_files_and_new_ones_go_round_it() -> None:
    nodes = [node("a", files={1: "x", 3: "y"}), node("b")]

    spots = place(settings(embedders=1), nodes, {})

    assert where(spots, Part.LEDGER) == ["b", "a", "b", "a"]


def test_what_has_files_may_run_nowhere_else_and_what_has_none_anywhere() -> None:
    spots = place(settings(shards=1, embedders=1), [node("a")], {})

    held = {address.part for address, spot in spots.items() if spot.held}
    assert held == {Part.LEDGER, Part.VECTOR_STORE, Part.GRAPH_STORE}


def test_with_servers_everything_may_run_anywhere() -> None:
    spots = place(settings(**SERVERS), [node("a"), node("b")], {0: "gone"})

    assert not any(spot.held for spot in spots.values())


def test_with_a_ledger_server_and_vector_files_the_vectors_are_held() -> None:
    chosen = settings(ledger=SERVERS["ledger"])

    assert held_parts(chosen) == {Part.VECTOR_STORE}
    assert shard_file(chosen, 2) == Path("/data/vector-2.db")


def test_files_are_looked_for_where_the_settings_say(tmp_path: Path) -> None:
    assert shard_file(settings(), 3) == Path("/data/ledger-3.db")
    assert shard_file(settings(ledger={"url": "sqlite:////disk/remora.db"}), 0) == Path("/disk/remora.db")
    assert shard_file(settings(ledger=SERVERS["ledger"], vector={"uri": f"{tmp_path}/v.db"}), 1) == tmp_path / "v-1.db"
    assert shard_file(settings(**SERVERS), 0) is None


def test_a_shard_whose_files_are_missing_is_not_started_empty() -> None:
    with pytest.raises(Unavailable) as missing:
        place(settings(), [node("a", files={0: "x"})], {0: "a", 2: "lost"})

    assert missing.value.details == {"shard": 2, "node": "lost"}


def test_a_shard_that_never_ran_may_start_beside_those_that_did() -> None:
    spots = place(settings(shards=2), [node("a", files={0: "x"}), node("b")], {0: "a"})

    assert where(spots, Part.LEDGER) == ["a", "b"]


def test_two_nodes_with_different_files_of_one_shard_are_a_conflict() -> None:
    with pytest.raises(Conflict) as conflict:
        place(settings(shards=1), [node("a", files={0: "x"}), node("b", files={0: "y"})], {})

    assert conflict.value.details == {"shard": 0, "nodes": ["a", "b"]}


def test_files_on_a_shared_disk_leave_the_choice_to_load() -> None:
    shared = dict.fromkeys(range(4), "same")

    spots = place(settings(), [node("a", files=shared), node("b", files=shared)], {})

    assert Counter(where(spots, Part.LEDGER)) == {"a": 2, "b": 2}


def test_a_busy_node_gets_less() -> None:
    spots = place(settings(), [node("a", busy_cpus=4), node("b")], {})

    assert where(spots, Part.LEDGER) == ["b", "b", "b", "b"]


def test_a_node_without_cpus_gets_nothing_unless_files_are_there() -> None:
    spots = place(settings(shards=2), [node("head", cpus=0, files={1: "x"}), node("a")], {})

    assert where(spots, Part.LEDGER) == ["a", "head"]
    assert where(spots, Part.EMBEDDER) == ["a", "a"]


def test_embedders_go_where_gpus_are() -> None:
    spots = place(settings(), [node("a"), node("b", gpus=2)], {})

    assert where(spots, Part.EMBEDDER) == ["b", "b"]


def test_a_language_model_that_runs_here_goes_where_gpus_are() -> None:
    nodes = [node("a"), node("b", gpus=1)]

    assert where(place(settings(llm=LOCAL), nodes, {}), Part.LANGUAGE_MODEL) == ["b"]
    assert where(place(settings(llm=LOCAL | {"device": "cpu"}), nodes, {}), Part.LANGUAGE_MODEL) == ["a"]
    assert where(place(settings(llm=ASKED), nodes, {}), Part.LANGUAGE_MODEL) == ["a"]


def shares(chosen: Settings, gpus: float) -> tuple[float, float]:
    """Of a GPU, for an embedder and for the language model."""
    asked = (Address(part, "remora") for part in (Part.EMBEDDER, Part.LANGUAGE_MODEL))
    first, second = (actor_options(one, chosen, gpus=gpus)["num_gpus"] for one in asked)
    return first, second


def test_gpus_are_shared_by_all_that_want_them() -> None:
    local, asked = settings(embedders=1, llm=LOCAL), settings(embedders=1, llm=ASKED)

    assert [shares(local, gpus) for gpus in (0, 1, 2)] == [(0, 0), (0.5, 0.5), (1, 1)]
    assert [shares(asked, gpus) for gpus in (0, 1, 2)] == [(0, 0), (1, 0), (1, 0)]
    assert shares(settings(embedders=3, llm=LOCAL), 2) == (0.5, 0.5)
    assert shares(settings(embedders=2, llm=LOCAL, embed={"device": "cpu"}), 1) == (0, 1)
    assert shares(settings(embedders=2, llm=LOCAL | {"device": "cpu"}), 1) == (0.5, 0)


def test_a_model_that_runs_here_is_asked_one_question_at_a_time() -> None:
    places = [
        actor_options(Address(Part.LANGUAGE_MODEL, "remora"), settings(llm=told | {"queue_calls": 10}))
        for told in (LOCAL, ASKED)
    ]
    assert [one["max_concurrency"] for one in places] == [1 + 10 + 8, 8 + 10 + 8]
