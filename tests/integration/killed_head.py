"""A Remora in somebody else's Ray whose own process is killed; prints what happened as JSON, for `test_killed_head.py`.

A process of its own: a process can be connected to one Ray at a time, and the tests' own is elsewhere.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

import ray
from ray import serve
from ray.cluster_utils import Cluster

from actors import runtime
from actors.processes import ProcessId, alive
from engine.config import Settings, load
from engine.errors import Conflict

STORE_BYTES = 100 * 1024 * 1024


def names() -> list[str]:
    """Of Remora's actors."""
    found = ray.util.list_named_actors(all_namespaces=True)
    return sorted(one["name"] for one in found if one["namespace"] == "remora")


def settings_of(directory: Path) -> Settings:
    return load(
        data_dir=directory,
        host="127.0.0.1",
        port=0,
        embed={"model": "hashing"},
        extract={"entities": "none"},
        runtime={"address": ray.get_runtime_context().gcs_address},
    )


def refusal(settings: Settings) -> str:
    """Why a runtime can't start."""
    try:
        runtime.start(settings, application=None)
    except Conflict as error:
        return error.message
    return ""


def story(directory: Path) -> dict[str, Any]:
    settings, other = settings_of(directory / "ours"), settings_of(directory / "another")
    running = runtime.start(settings, detached=True)
    told: dict[str, Any] = {"started": names(), "another_start": refusal(other), "after_that": names()}
    head = ProcessId(running.record.pid, running.record.started_s)
    os.kill(head.pid, signal.SIGKILL)
    os.waitpid(head.pid, 0)
    told |= {"head_lives": alive(head), "after_the_kill": names()}
    told |= {"another_down": runtime.stop(other), "after_anothers": names()}
    told |= {"down": runtime.stop(settings), "after_down": names(), "http": [*serve.status().applications]}
    return {**told, "again": runtime.stop(settings)}


def main() -> None:
    cluster = Cluster()
    try:
        cluster.add_node(num_cpus=2, object_store_memory=STORE_BYTES)
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
        told = story(Path(sys.argv[1]))
        sys.stdout.write(f"\n{json.dumps(told)}\n")
    finally:
        ray.shutdown()
        cluster.shutdown()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
