"""`add(..., wait=False)` is a promise: who made it and who took it may both die at once, and the memory is there.

The embedder is halted meanwhile, so that nothing can have come further than the ledger when the killing begins.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from remora import Memory
from remora.errors import NotFound, Unavailable
from tests.acceptance.place import START_DEADLINE_S, STOP_DEADLINE_S, Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

ADDS = 50
ROUNDS = 2
DONE_S = 60.0
CALLER = Path(__file__).with_name("fire_and_forget.py")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("fire-and-forget"))
    place.environment |= {"REMORA_EMBED_MODEL": "hashing", "REMORA_EXTRACT_ENTITIES": "none"}
    up = place.run("up", timeout_s=START_DEADLINE_S)
    assert up.returncode == 0, up.stdout + up.stderr
    place.environment |= dict(re.findall(r"\b(RAY_[A-Z_]+)=(\S+)", up.stdout))
    yield place
    place.run("down", timeout_s=STOP_DEADLINE_S)
    place.close()


def process_of(place: Place, actor: str) -> int:
    status = json.loads(place.run("status", "--json").stdout)
    return next(int(one["pid"]) for one in status["actors"] if one["name"] == actor)


@contextmanager
def halted(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def told_then_killed(place: Place, way: str, user: str) -> list[dict[str, str]]:
    """Let a process of its own add without waiting, and kill it when it has told of the last answer."""
    caller = subprocess.Popen(
        [sys.executable, str(CALLER), way, place.url, user, str(ADDS)],
        cwd=place.directory,
        env=place.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert caller.stdout
    late = threading.Timer(DONE_S, caller.kill)
    late.start()
    lines = (line for line in caller.stdout if line.startswith("{"))
    told = [json.loads(line) for line in islice(lines, ADDS)]
    late.cancel()
    caller.kill()
    assert caller.wait(STOP_DEADLINE_S) == -signal.SIGKILL, "it ended by itself"
    caller.stdout.close()
    return told


def ended(memory: Memory, operation_id: str) -> dict[str, Any]:
    """An operation when it is done, asked for again while the runtime is coming back."""
    deadline = time.monotonic() + DONE_S
    while True:
        try:
            operation = memory.operation(operation_id)
        except Unavailable:
            operation = {"status": "PENDING"}
        except NotFound:
            raise AssertionError(f"{operation_id} was accepted and is lost") from None
        if operation["status"] not in {"PENDING", "RUNNING"}:
            return operation
        assert time.monotonic() < deadline, "the operation never ended"


@pytest.mark.parametrize("way", ["url", "handle"])
@pytest.mark.parametrize("round_", range(ROUNDS))
def test_what_was_accepted_survives_its_caller_and_the_orchestrator(place: Place, way: str, round_: int) -> None:
    user = f"{way}-{round_}"
    orchestrator, embedder = process_of(place, "orchestrator-0"), process_of(place, "embedder-0")

    with halted(embedder):
        told = told_then_killed(place, way, user)
        os.kill(orchestrator, signal.SIGKILL)

    assert len(told) == ADDS
    assert {one["status"] for one in told} == {"PENDING"}
    with Memory(place.url) as memory:
        states = [ended(memory, one["operation_id"])["status"] for one in told]
        kept = {one["memory"] for one in memory.list(user_id=user, page_size=ADDS)["results"]}
        found = memory.search("Which number is the last?", user_id=user, top_k=ADDS, threshold=0.0)
    assert states == ["SUCCEEDED"] * ADDS
    assert kept == {one["text"] for one in told}
    assert {one["memory"] for one in found["results"]} == kept
    assert process_of(place, "orchestrator-0") != orchestrator
