"""Jobs of other people: with packages of their own that are called like ours, and nothing of Remora's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.runtime import Runtime

JOB = """
import json

import ray

import actors
import engine

ray.init(address="auto", log_to_driver=False, runtime_env={"working_dir": "."})


NOBODY = "00000000-0000-8000-8000-000000000000"


@ray.remote(num_cpus=0)
def use():
    import actors
    import engine

    memory = ray.get_actor("orchestrator-0", namespace="remora")
    boats = {"user_id": "stranger", "threshold": 0.0}
    numbers = [{"messages": f"Number {n}.", "user_id": f"stranger-{n}"} for n in range(8)]
    asked = [{"query": "number", "user_id": f"stranger-{n}", "threshold": 0.0} for n in range(8)]
    return {
        "packages": [engine.WHOSE, actors.WHOSE],
        "added": ray.get(memory.add.remote("Zoe paints boats.", user_id="stranger"))["status"],
        "found": texts(ray.get(memory.search.remote("boats", **boats))),
        "batch": [one["status"] for one in ray.get(memory.add_batch.remote(numbers))],
        "searches": [texts(one) for one in ray.get(memory.search_batch.remote([*asked, {"query": "nobody"}]))],
        "errors": [
            failing(memory.search.remote("no scope")),
            failing(memory.get.remote(NOBODY)),
            failing(memory.add.remote("x", colour="blue", user_id="stranger")),
        ],
        # The answer stays in the object store until a task wants it.
        "by_reference": ray.get(count.remote(memory.search.remote("boats", **boats))),
    }


@ray.remote(num_cpus=0)
def count(found):
    return len(found["results"])


def texts(answer):
    return answer["error"]["code"] if "error" in answer else [one["memory"] for one in answer["results"]]


def failing(call):
    try:
        ray.get(call)
    except Exception as error:
        return [type(error.cause).__module__, type(error.cause).__name__, error.cause.args[0]]


told = ray.get(use.remote())
print(json.dumps({**told, "driver": [engine.WHOSE, actors.WHOSE]}))
"""


@pytest.fixture
def told(sharded: Runtime, tmp_path: Path) -> dict[str, Any]:
    """What the job saw."""
    for package in ("engine", "actors"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("WHOSE = 'the job'\n")
    (tmp_path / "job.py").write_text(JOB)
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), **sharded.variables}
    done = subprocess.run(
        [sys.executable, "job.py"], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def test_a_job_with_packages_called_like_ours_uses_everything_by_plain_calls(told: dict[str, Any]) -> None:
    assert told["packages"] == told["driver"] == ["the job", "the job"]
    assert (told["added"], told["found"]) == ("SUCCEEDED", ["Zoe paints boats."])
    assert told["batch"] == ["SUCCEEDED"] * 8
    assert told["searches"] == [*([f"Number {n}."] for n in range(8)), "invalid_input"]
    assert told["by_reference"] == 1
    assert told["errors"] == [
        ["builtins", "ValueError", "invalid_input"],
        ["builtins", "LookupError", "not_found"],
        ["builtins", "ValueError", "invalid_input"],
    ]
