"""A Remora that had joined a Ray, and whose own process was killed: its actors go on there until `down` ends them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("killed_head.py")
ROOT = SCRIPT.parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the script saw: one Ray for all tests here."""
    directory = tmp_path_factory.mktemp("killed")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "REMORA_"))}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(directory)],
        cwd=directory,
        env=variables | {"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def test_a_runtime_of_another_data_directory_does_not_take_the_actors_over(told: dict[str, Any]) -> None:
    assert "belongs to the Remora on" in told["another_start"]
    assert told["after_that"] == told["started"] != []


def test_the_actors_outlive_the_process(told: dict[str, Any]) -> None:
    assert told["head_lives"] is False
    assert told["after_the_kill"] == told["started"]


def test_down_on_another_data_directory_leaves_them_alone(told: dict[str, Any]) -> None:
    assert told["another_down"] is False
    assert told["after_anothers"] == told["started"]


def test_down_ends_them_and_the_http_application(told: dict[str, Any]) -> None:
    assert told["down"] is True
    assert told["after_down"] == []
    assert told["http"] == []
    assert told["again"] is False
