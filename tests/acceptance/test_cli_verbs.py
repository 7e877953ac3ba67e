"""The real `remora` against one running server: every verb with --json, the demo, the doctor."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.place import START_DEADLINE_S, STOP_DEADLINE_S, Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("served"))
    up = place.run("up", timeout_s=START_DEADLINE_S)
    assert up.returncode == 0, up.stderr
    yield place
    down = place.run("down", timeout_s=STOP_DEADLINE_S)
    left = place.leftovers()
    place.close()
    assert (down.returncode, left) == (0, {}), down.stderr


def answer(place: Place, *arguments: str) -> Any:
    done = place.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_verb_answers_json(served: Place) -> None:
    added = answer(served, "add", "Ana met Bruno in Lisbon.", "--user-id", "ana", "--name", "Ana")
    memory_id = added["results"][0]["id"]
    assert answer(served, "search", "Who was in Lisbon?", "--user-id", "ana")["results"][0]["id"] == memory_id
    assert answer(served, "list", "--user-id", "ana")["count"] == 1
    assert answer(served, "get", memory_id)["memory"] == "Ana met Bruno in Lisbon."
    assert answer(served, "operations", added["operation_id"])["status"] == "SUCCEEDED"
    assert answer(served, "operations", "retry", added["operation_id"])["results"][0]["id"] == memory_id
    listed = answer(served, "operations", "--user-id", "ana", "--state", "SUCCEEDED")
    assert [one["id"] for one in listed["results"]] == [added["operation_id"]]
    assert {"ana"} <= {one["name"] for one in answer(served, "entities")["results"]}
    names = {one["name"] for one in answer(served, "graph", "entities", "--user-id", "ana")["results"]}
    assert {"Ana", "Bruno", "Lisbon"} <= names
    around = answer(served, "graph", "neighbours", "lisbon", "--user-id", "ana")
    assert around["entity"]["name"] == "Lisbon"
    assert around["memories"][0]["id"] == memory_id
    assert answer(served, "graph", "path", "Bruno", "Lisbon", "--user-id", "ana")["found"] is True
    assert answer(served, "update", memory_id, "Ana met Bruno in Porto.")["version"] == 2
    assert [event["event"] for event in answer(served, "history", memory_id)] == ["ADD", "UPDATE"]
    assert answer(served, "delete", memory_id)["operation_id"]
    answer(served, "add", "Ana likes tea.", "--user-id", "ana")
    assert answer(served, "delete", "--all", "--user-id", "ana", "--yes")["count"] == 1
    assert answer(served, "config")["port"] == served.port


def test_what_is_purged_is_gone_and_the_indexes_agree(served: Place) -> None:
    kept = answer(served, "add", "Berta plays the viola.", "--user-id", "berta")["results"][0]["id"]
    gone = answer(served, "add", "Berta is allergic to rosin.", "--user-id", "berta")["results"][0]["id"]
    asked = served.run("purge", gone)
    assert (asked.returncode, asked.stdout) == (2, ""), "nobody can be asked without a terminal"
    assert answer(served, "purge", gone, "--yes")["count"] == 1
    refused = served.run("get", gone, "--json")
    assert (refused.returncode, json.loads(refused.stderr)["code"]) == (3, "purged")
    assert [one["id"] for one in answer(served, "list", "--user-id", "berta")["results"]] == [kept]
    assert answer(served, "verify")["clean"] is True
    assert answer(served, "purge", "--user-id", "berta", "--yes")["count"] == 1


@pytest.mark.parametrize("index", ["vector", "graph"])
def test_an_index_is_built_anew_and_answers_as_before(served: Place, index: str) -> None:
    added = answer(served, "add", f"Dora tunes the {index} harp in Oslo.", "--user-id", "dora")
    told = served.run("rebuild", index, timeout_s=120)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(f"Done: the {index} index has ")
    found = answer(served, "search", f"Who tunes the {index} harp?", "--user-id", "dora")
    assert found["results"][0]["id"] == added["results"][0]["id"]
    compared = served.run("verify")
    assert (compared.returncode, "agree" in compared.stdout) == (0, True), compared.stdout


def test_the_graph_is_shown_to_people(served: Place) -> None:
    served.run("add", "Carla works with Dimitri in Athens.", "--user-id", "carla")
    around = served.run("graph", "neighbours", "athens", "--user-id", "carla")
    assert "Athens (place), in 1 memory" in around.stdout, around.stderr
    assert "1\tperson\tDimitri" in around.stdout
    way = served.run("graph", "path", "Carla", "Athens", "--user-id", "carla").stdout
    assert way.startswith("Carla – Athens\n")
    unknown = served.run("graph", "neighbours", "Nobody", "--user-id", "carla")
    assert (unknown.returncode, unknown.stdout) == (3, "")


def test_the_demo_tells_its_story_and_leaves_nothing(served: Place) -> None:
    told = served.run("demo", timeout_s=120)
    assert told.returncode == 0, told.stderr
    assert "Which food is dangerous for Priya?" in told.stdout
    assert re.search(r"0\.\d{3}  2026-02-04  Priya: .*walnuts", told.stdout)
    assert "meaning █" in told.stdout
    assert "nothing of it is left" in told.stdout
    assert not [one for one in answer(served, "entities")["results"] if one["name"].startswith("demo-")]


def test_the_demo_in_json_has_the_right_memory_on_top_and_can_be_kept(served: Place) -> None:
    told = answer(served, "demo", "--keep")
    assert (told["server"], told["kept"]) == ({"url": served.url, "own": False}, True)
    asked = {one["question"]: one["results"][0]["memory"] for one in told["chapters"] if one["chapter"] == "asked"}
    assert "11 April" in asked["When is the opening party?"]
    assert "1,240 degrees" in asked["How hot does the kiln get?"]
    assert all(one["ms"] > 0 for one in told["chapters"])
    assert answer(served, "list", "--user-id", told["user_id"])["count"] == 20


def test_the_doctor_finds_a_running_server_healthy(served: Place) -> None:
    report = answer(served, "doctor")
    assert [one for one in report["findings"] if one["verdict"] != "ok"] == []
    told = {one["check"]: one["text"] for one in report["findings"]}
    assert told["server"] == f"ready at {served.url}"
    assert told["port"] == f"{served.port} is held by the Remora of this data directory"


def test_the_doctor_tells_of_a_stranger_on_the_port(served: Place, place: Place) -> None:
    place.environment["REMORA_PORT"] = str(served.port)
    done = place.run("doctor", "--json")
    port = next(one for one in json.loads(done.stdout)["findings"] if one["check"] == "port")
    assert (done.returncode, port["verdict"]) == (1, "failure")
    assert "process " in port["text"]
