"""Remora in a Ray cluster of three nodes: where its parts are, how it is reached, what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from actors.options import Part

SCRIPT = Path(__file__).with_name("three_nodes.py")
ROOT = SCRIPT.parents[2]
SHARDS = 4

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the script saw: one cluster for all tests here."""
    directory = tmp_path_factory.mktemp("cluster")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "REMORA_"))}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(directory / "data")],
        cwd=directory,
        env=variables | {"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=540,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def node_of(told: dict[str, Any], part: Part) -> list[str]:
    """The nodes of the actors of that part, in their order."""
    return [one["node"] for one in told["described"]["actors"] if one["name"].startswith(f"{part}-")]


def test_the_cluster_has_three_nodes_and_nothing_of_remora_at_first(told: dict[str, Any]) -> None:
    assert len(told["before"]["nodes"]) == 3
    assert told["before"]["actors"] == []


def test_progress_counts_the_shards(told: dict[str, Any]) -> None:
    assert [step for step in told["progress"] if "shard" in step] == [f"shard {n} of 4 ready" for n in range(1, 5)]


def test_shards_are_spread_over_the_nodes_and_embedders_go_where_fewer_are(told: dict[str, Any]) -> None:
    ledgers = Counter(node_of(told, Part.LEDGER))

    assert set(ledgers) == set(told["before"]["nodes"])
    assert sorted(ledgers.values()) == [1, 1, 2]
    embedders = node_of(told, Part.EMBEDDER)
    assert len(set(embedders)) == 2
    assert all(ledgers[node] == 1 for node in embedders)


def test_the_parts_of_a_shard_are_together(told: dict[str, Any]) -> None:
    for part in (Part.VECTOR_STORE, Part.GRAPH_STORE, Part.EXTRACTOR, Part.ORCHESTRATOR):
        assert node_of(told, part) == node_of(told, Part.LEDGER)


def test_ray_says_the_same_of_each_actors_node_as_the_actor_itself(told: dict[str, Any]) -> None:
    assert {one["name"]: one["node"] for one in told["described"]["actors"]} == told["states"]


def test_everything_is_ready(told: dict[str, Any]) -> None:
    assert told["described"]["ready"] is True
    assert all(one["ready"] for one in told["described"]["actors"])
    assert len(told["described"]["shards"]) == SHARDS


def test_http_adds_and_finds(told: dict[str, Any]) -> None:
    assert told["http"] == {"status": "SUCCEEDED", "found": ["by-http came by HTTP"]}


def test_a_job_on_each_node_adds_and_finds_with_nothing_but_ray(told: dict[str, Any]) -> None:
    assert [one["node"] for one in told["jobs"]] == told["before"]["nodes"]
    for one in told["jobs"]:
        assert one["node"] == one["asked_of"]
        assert (one["status"], one["found"]) == ("SUCCEEDED", [f"{one['user']} came by Ray"])


def test_the_agent_alone_finds_what_all_of_them_said(told: dict[str, Any]) -> None:
    assert told["agent"] == ["by-http came by HTTP", *(f"job-{number} came by Ray" for number in range(3))]


def test_stopping_leaves_the_cluster_as_it_was(told: dict[str, Any]) -> None:
    assert told["after"] == told["before"]


def test_the_next_start_would_find_every_shard_where_its_files_are(told: dict[str, Any]) -> None:
    assert told["files"] == {str(shard): [0, 1, 2, 3] for shard in range(SHARDS)}
