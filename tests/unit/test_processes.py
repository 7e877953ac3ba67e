"""Processes by id and start time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from actors.processes import ProcessId, alive, descendants, end, identify, mentions

WAIT = "import sys; sys.stdin.read()"
STUBBORN = (
    "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); sys.stdin.read()"
)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", WAIT, "a-mark"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def known(process: subprocess.Popen[bytes]) -> ProcessId:
    found = identify(process.pid)
    assert found is not None
    return found


def test_a_running_process_is_alive_and_a_dead_one_is_not(child: subprocess.Popen[bytes]) -> None:
    process = known(child)
    assert alive(process)

    end([process], 5.0)

    assert not alive(process)


def test_an_id_that_another_process_got_later_is_not_ours(child: subprocess.Popen[bytes]) -> None:
    stranger = replace(known(child), started_s=1.0)

    end([stranger], 0.1)

    assert not alive(stranger)
    assert child.poll() is None


def test_a_process_that_ignores_the_request_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stubborn:
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
        process = known(stubborn)

        end([process], 0.2)

        assert not alive(process)


def test_children_are_found_and_recognised_by_their_arguments(child: subprocess.Popen[bytes]) -> None:
    me = identify(os.getpid())
    assert me is not None

    found = [one for one in descendants(me) if one.pid == child.pid]

    assert len(found) == 1
    assert mentions(found[0], "a-mark")
    assert not mentions(found[0], "another-mark")


def test_nobody_has_an_id_that_no_process_has() -> None:
    assert identify(2**22 + 1) is None
