"""A program that only says `Memory()`: its runtime starts with it and is gone with it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.place import START_DEADLINE_S, STOP_DEADLINE_S, Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[2]
TWICE = """
from remora import Memory
with Memory() as memory:
    memory.add("I moved to Lisbon in May.", user_id="ana")
    with Memory() as same:
        print("shared:", len(same.get_all(user_id="ana")["results"]))
    print("still there:", memory.status()["ready"])
with Memory() as memory:
    print("again:", [one["memory"] for one in memory.get_all(user_id="ana")["results"]])
forgotten = Memory()
print("not closed:", forgotten.status()["ready"])
"""
ASYNC = """
import asyncio
from remora import AsyncMemory
async def main():
    memory = AsyncMemory({"embedder": {"provider": "huggingface", "config": {"model": "hashing"}}})
    print("never closed:", (await memory.status())["ready"])
asyncio.run(main())
"""
WAITS = """
import sys
from remora import Memory
memory = Memory()
print("ready", flush=True)
sys.stdin.read()
"""


def environment_of(place: Place) -> dict[str, str]:
    small = {"REMORA_EMBED_MODEL": "hashing", "REMORA_EXTRACT_ENTITIES": "none", "PYTHONPATH": str(ROOT)}
    return place.environment | small


def program(place: Place, code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=place.directory,
        env=environment_of(place),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_it_is_shared_stopped_started_again_and_nothing_is_left(place: Place) -> None:
    running = program(place, TWICE)
    said, told = running.communicate(timeout=2 * START_DEADLINE_S)
    assert running.returncode == 0, told
    assert said.splitlines() == [
        "shared: 1",
        "still there: True",
        "again: ['I moved to Lisbon in May.']",
        "not closed: True",
    ]
    assert "starting Ray" in told
    assert "Traceback" not in told
    assert place.leftovers() == {}


def test_an_async_one_that_nobody_closes_ends_with_its_process(place: Place) -> None:
    running = program(place, ASYNC)
    said, told = running.communicate(timeout=START_DEADLINE_S)
    assert (running.returncode, said) == (0, "never closed: True\n"), told
    assert place.leftovers() == {}


def test_it_is_gone_when_its_process_is_killed(place: Place) -> None:
    running = program(place, WAITS)
    assert running.stdout
    assert running.stdout.readline() == "ready\n"
    running.kill()
    running.communicate(timeout=STOP_DEADLINE_S)
    place.wait_until_nothing_is_left()


def test_ctrl_c_while_it_starts_ends_the_program_and_leaves_nothing(place: Place) -> None:
    running = program(place, WAITS)
    assert running.stderr
    assert "Starting Remora" in running.stderr.readline()
    os.kill(running.pid, signal.SIGINT)
    _, told = running.communicate(timeout=STOP_DEADLINE_S)
    assert running.returncode != 0
    assert "KeyboardInterrupt" in told
    place.wait_until_nothing_is_left()
