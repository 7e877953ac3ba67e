"""What `remora demo` and `remora doctor` do where no server runs: none yet, or one that was killed."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from actors.processes import ProcessId, alive
from tests.acceptance.place import START_DEADLINE_S, STOP_DEADLINE_S, Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def doctor(place: Place, *flags: str) -> tuple[int, dict[str, Any]]:
    done = place.run("doctor", "--json", *flags)
    return done.returncode, json.loads(done.stdout)


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {one["check"]: one["verdict"] for one in report["findings"] if one["verdict"] != "ok"}


def test_the_demo_starts_a_runtime_of_its_own_and_leaves_nothing(place: Place, tmp_path: Path) -> None:
    place.environment["TMPDIR"] = str(tmp_path)
    told = place.run("demo", "--json", timeout_s=START_DEADLINE_S + STOP_DEADLINE_S)
    assert told.returncode == 0, told.stderr
    story = json.loads(told.stdout)
    assert (story["server"]["own"], story["kept"]) == (True, False)
    asked = [one for one in story["chapters"] if one["chapter"] == "asked"]
    assert all(one["results"] for one in asked)
    assert "walnuts" in asked[0]["results"][0]["memory"]
    assert story["took_s"] < 60
    assert "starting Ray" in told.stderr
    assert place.leftovers() == {}
    assert not list(tmp_path.glob("remora-demo-*"))
    assert not (place.directory / "data").exists()


def test_a_named_server_that_is_not_there_is_an_error(place: Place) -> None:
    told = place.run("demo", "--url", place.url)
    assert told.returncode == 4
    assert place.url in told.stderr


def test_what_a_killed_runtime_left_is_found_and_mended(place: Place) -> None:
    assert place.run("up", timeout_s=START_DEADLINE_S).returncode == 0
    assert place.run("add", "The cat is called Momo.", "--user-id", "ana").returncode == 0
    record = json.loads((place.directory / "data" / "run" / "runtime.json").read_text())
    os.kill(record["pid"], signal.SIGKILL)
    place.wait_until_unlocked()

    code, report = doctor(place)
    assert verdicts(report)["leftovers"] == "warning"
    assert [one["mendable"] for one in report["findings"] if one["check"] == "leftovers"] == [True]

    code, report = doctor(place, "--fix")
    assert (code, verdicts(report)) == (0, {})
    assert [text for text in report["mended"] if "its record" in text]
    assert not [one for one in record["processes"] if alive(ProcessId(*one))]
    told = {one["check"]: one["text"] for one in report["findings"]}
    assert told["ledger"] == "shard 0: 1 memory, position 1"

    assert place.run("up", timeout_s=START_DEADLINE_S).returncode == 0
    found = json.loads(place.run("search", "cat", "--user-id", "ana", "--json").stdout)
    assert found["results"][0]["memory"] == "The cat is called Momo."
    assert place.run("down", timeout_s=STOP_DEADLINE_S).returncode == 0
    assert place.leftovers() == {}
