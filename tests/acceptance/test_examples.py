"""The examples, each as a process of its own with nothing of this checkout in its way, against a running Remora."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.acceptance.place import START_DEADLINE_S, STOP_DEADLINE_S, Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

EXAMPLES = Path(__file__).parents[2] / "examples"
SAYS = {
    "plain_http.py": [
        "ADD    I play the cello in a quartet.",
        "When does the train leave? -> My train to Porto leaves at seven.",
        "history: UPDATE My train to Porto leaves at eight.",
        "memories: 2",
        "refused as expected: 400 invalid_input",
        "deleted: 2",
    ],
    "python_memory.py": [
        "ADD    Maria plays the cello in a quartet.",
        "Which instrument does Maria play? -> Maria plays the cello in a quartet.",
        "accepted: PENDING, then SUCCEEDED",
        "refused as expected: invalid_input",
        "3 questions at once:",
    ],
    "ray_data.py": [
        "written: 40 messages of 20 users",
        "ray-data-00: Which town do I live in? -> The town I live in is Porto.",
        "ray-data-01: Which town do I live in? -> The town I live in is Turin.",
    ],
    "serve_agent.py": [
        "I play the cello in a quartet. -> Tell me more.",
        "Which instrument do I play? -> I remember: I play the cello in a quartet.",
    ],
}


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """What somebody exports who has read what `remora up` printed."""
    place = Place(tmp_path_factory.mktemp("examples"))
    place.environment |= {"REMORA_EMBED_MODEL": "hashing", "REMORA_EXTRACT_ENTITIES": "none"}
    up = place.run("up", timeout_s=START_DEADLINE_S)
    assert up.returncode == 0, up.stdout + up.stderr
    yield {**dict(re.findall(r"\b(RAY_[A-Z_]+)=(\S+)", up.stdout)), "REMORA_URL": place.url}
    down = place.run("down", timeout_s=STOP_DEADLINE_S)
    place.close()
    assert down.returncode == 0, down.stdout + down.stderr


@pytest.mark.parametrize("name", SAYS)
def test_an_example_runs_and_prints_what_it_found(name: str, variables: Mapping[str, str], tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / name, tmp_path)
    ours = ("REMORA_", "RAY_", "PYTHONPATH")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}

    ran = subprocess.run(
        [sys.executable, name],
        cwd=tmp_path,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    for line in SAYS[name]:
        assert line in ran.stdout, ran.stdout + ran.stderr


def test_every_example_is_run_by_a_test() -> None:
    tested = {*SAYS, "ray_job.py"}
    assert {file.name for file in EXAMPLES.glob("*.py")} == tested
