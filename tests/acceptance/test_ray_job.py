"""Jobs that have nothing of Remora but its address use the memory of a runtime that `remora up` started."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.place import Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "ray_job.py"
SEEN = [
    "Which instrument does Maria play? -> Maria plays the cello in a quartet.",
    "When does the train leave? -> Maria's train to Porto leaves at seven.",
    "refused as expected: invalid_input",
]


def test_the_example_runs_directly_and_as_a_submitted_job(place: Place, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(EXAMPLE, elsewhere)
    up = place.run("up", timeout_s=180)
    said = up.stdout + up.stderr
    assert up.returncode == 0, said
    try:
        variables = dict(re.findall(r"\b(RAY_[A-Z_]+)=(\S+)", said))
        dashboard = re.search(r"http://\S+", said.partition("ray job submit")[2])
        assert dashboard, said
        ray = str(Path(sys.executable).parent / "ray")
        submit = [ray, "job", "submit", "--address", dashboard[0], "--working-dir", str(elsewhere), "--"]
        for command in ([sys.executable, "ray_job.py"], [*submit, sys.executable, "ray_job.py"]):
            environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | variables
            ran = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, timeout=120)
            assert ran.returncode == 0, ran.stdout + ran.stderr
            for line in SEEN:
                assert line in ran.stdout, ran.stdout + ran.stderr
    finally:
        down = place.run("down", timeout_s=90)
    assert down.returncode == 0, down.stdout + down.stderr
    assert place.leftovers() == {}
