"""Start, status and stop of real runtimes, and what happens when parts of them are killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import psutil
import pytest

from actors import runtime as runtimes
from actors.handles import OrchestratorHandle
from actors.options import Part
from actors.processes import ProcessId, alive, descendants
from actors.run_directory import RunDirectory
from actors.runtime import Runtime
from engine.config import Settings
from engine.errors import Conflict, RemoraError, Unavailable

MakeSettings: TypeAlias = Callable[..., Settings]

ROOT = Path(__file__).parents[2]
RESTART_S = 15.0
RUNNING = [part for part in Part if part is not Part.LANGUAGE_MODEL]
"""What runs where no language model is set."""


@contextmanager
def started(settings: Settings, **how: Any) -> Iterator[Runtime]:
    running = runtimes.start(settings, **how)
    try:
        yield running
    finally:
        running.stop()


def head_of(running: Runtime) -> ProcessId:
    return ProcessId(running.record.pid, running.record.started_s)


def tree_of(running: Runtime) -> list[ProcessId]:
    return [head_of(running), *descendants(head_of(running))]


def listening(processes: list[ProcessId]) -> list[tuple[str, int]]:
    found = []
    for one in processes:
        connections = []
        with suppress(psutil.NoSuchProcess):  # It ended since the tree was read, and listens no more.
            connections = psutil.Process(one.pid).net_connections(kind="inet")
        found += [(item.laddr.ip, item.laddr.port) for item in connections if item.status == psutil.CONN_LISTEN]
    return found


def names(processes: list[ProcessId]) -> dict[ProcessId, str]:
    """Without those that have ended since the tree was read."""
    found = {}
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            found[one] = psutil.Process(one.pid).name()
    return found


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def get(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=RESTART_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


async def actor_pids(settings: Settings) -> dict[str, int]:
    return {one["name"]: one["pid"] for one in (await runtimes.status(settings))["actors"]}


# --- while it runs ---------------------------------------------------------------------------------------------------


async def test_status_names_the_address_the_http_side_and_every_actor(runtime: Runtime) -> None:
    status = await runtimes.status(runtime.settings)

    assert status["state"] == "ready"
    assert status["url"] == runtime.url
    assert status["http"] == "haproxy"
    assert [one["name"] for one in status["actors"]] == [f"{part}-0" for part in RUNNING]
    assert all(one["ready"] for one in status["actors"])


def test_http_answers_through_the_front(http_url: str) -> None:
    assert get(f"{http_url}/-/healthz")[0] == 200


def test_everything_listens_on_loopback_only(runtime: Runtime) -> None:
    sockets = listening(tree_of(runtime))

    assert len(sockets) > 10
    assert {ip for ip, _ in sockets} <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


def test_a_second_start_on_the_same_data_directory_names_the_first(runtime: Runtime) -> None:
    with pytest.raises(Conflict) as conflict:
        runtimes.start(runtime.settings)

    assert str(runtime.settings.data_dir) in str(conflict.value)
    assert conflict.value.details["pid"] == runtime.record.pid


def test_a_taken_port_is_named_and_nothing_is_left_running(
    runtime: Runtime, tmp_path: Path, make_settings: MakeSettings
) -> None:
    port = int(str(runtime.url).rpartition(":")[2])

    with pytest.raises(Conflict) as conflict:
        runtimes.start(make_settings(tmp_path, port=port))

    assert conflict.value.details["port"] == port
    assert not RunDirectory(tmp_path).locked()


def test_connecting_where_nothing_runs_says_so(tmp_path: Path, make_settings: MakeSettings) -> None:
    with pytest.raises(Unavailable):
        runtimes.connect(make_settings(tmp_path))


def test_stopping_where_nothing_runs_does_nothing(tmp_path: Path, make_settings: MakeSettings) -> None:
    assert runtimes.stop(make_settings(tmp_path)) is False


# --- deaths ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", RUNNING)
async def test_after_an_actor_is_killed_the_next_calls_work_and_nothing_is_missing(
    runtime: Runtime, api: OrchestratorHandle, part: Part
) -> None:
    user = f"killed-{part}"
    await api.add([{"role": "user", "content": "The cat is called Miso."}], user_id=user)
    victim = (await actor_pids(runtime.settings))[f"{part}-0"]

    os.kill(victim, signal.SIGKILL)
    before = time.monotonic()
    added = await api.add([{"role": "user", "content": "The dog is called Ramen."}], user_id=user)
    found = await api.search("What is the cat called?", user_id=user, threshold=0.0, min_position=added["position"])

    assert time.monotonic() - before < RESTART_S
    assert added["status"] == "SUCCEEDED"
    assert {one["memory"] for one in found["results"]} == {"The cat is called Miso.", "The dog is called Ramen."}
    assert (await actor_pids(runtime.settings))[f"{part}-0"] != victim


async def test_after_the_http_replica_is_killed_clients_get_an_answer_again(runtime: Runtime, http_url: str) -> None:
    replica = next(one for one, name in names(tree_of(runtime)).items() if "ServeReplica" in name)

    os.kill(replica.pid, signal.SIGKILL)
    before = time.monotonic()
    # Serve's own proxy may hold a request until there is a replica again; else HAProxy says that there is none.
    while (answer := get(f"{http_url}/v1/ping/"))[0] != 200:
        assert answer[0] == 503
        assert json.loads(answer[1])["code"] == "unavailable"
        assert time.monotonic() - before < RESTART_S


@pytest.mark.slow
def test_a_stop_leaves_no_process_and_no_port_and_a_second_start_finds_everything(
    tmp_path: Path, make_settings: MakeSettings
) -> None:
    settings = make_settings(tmp_path)
    with started(settings) as first:
        processes = tree_of(first)
        ports = [port for _, port in listening(processes)]
        assert get(f"{first.url}/-/healthz")[0] == 200

    assert [one for one in processes if alive(one)] == []
    assert [port for port in ports if answers(port)] == []
    assert not RunDirectory(tmp_path).ray.exists()

    with started(settings) as second:
        assert get(f"{second.url}/-/healthz")[0] == 200


@pytest.mark.slow
def test_a_runtime_whose_process_was_killed_is_replaced_by_the_next_start(
    tmp_path: Path, make_settings: MakeSettings
) -> None:
    settings = make_settings(tmp_path)
    first = runtimes.start(settings)
    processes = tree_of(first)

    os.kill(first.record.pid, signal.SIGKILL)
    first.stop()
    with started(settings) as second:
        assert get(f"{second.url}/-/healthz")[0] == 200
        assert [one for one in processes if alive(one)] == []
        first.stop()
        assert get(f"{second.url}/-/healthz")[0] == 200


@pytest.mark.slow
def test_a_runtime_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = """
import sys, pathlib
sys.path.insert(0, sys.argv[2])
from actors import runtime
from engine.config import load
settings = load(data_dir=pathlib.Path(sys.argv[1]), port=0, embed={"model": "hashing"}, extract={"entities": "none"})
print(runtime.start(settings, application=None).record.model_dump_json(), flush=True)
sys.stdin.read()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), str(ROOT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    record = json.loads(parent.stdout.readline())
    head = ProcessId(record["pid"], record["started_s"])
    assert alive(head)

    parent.kill()
    parent.wait()
    psutil.wait_procs([psutil.Process(head.pid)] if alive(head) else [], timeout=30)
    parent.stdin.close()
    parent.stdout.close()

    assert not alive(head)
    assert not RunDirectory(tmp_path).locked()


@pytest.mark.slow
def test_an_outside_host_opens_the_http_port_and_nothing_else(tmp_path: Path, make_settings: MakeSettings) -> None:
    settings = make_settings(tmp_path, host="0.0.0.0", admin_key="a-long-random-string")
    with started(settings) as running:
        port = int(str(running.url).rpartition(":")[2])
        outside = {(ip, port) for ip, port in listening(tree_of(running)) if not ip.endswith("127.0.0.1")}

        assert outside == {("0.0.0.0", port)}
        assert get(f"{running.url}/v1/memories/?user_id=ana")[0] == 401


@pytest.mark.slow
async def test_without_haproxy_serves_own_proxy_answers_and_status_says_so(
    tmp_path: Path, make_settings: MakeSettings
) -> None:
    with started(make_settings(tmp_path, runtime={"http": "serve"})) as running:
        assert running.record.http == "serve"
        assert get(f"{running.url}/v1/ping/")[0] == 200
        assert {ip for ip, _ in listening(tree_of(running))} <= {"127.0.0.1", "::ffff:127.0.0.1"}


@pytest.mark.slow
def test_a_runtime_can_join_a_ray_that_runs_and_leaves_it_as_it_was(
    tmp_path: Path, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(make_settings(tmp_path / "first"), application=None) as first:
        for name, value in first.variables.items():
            monkeypatch.setenv(name, value)
        guest = make_settings(tmp_path / "second", runtime={"address": first.address, "namespace": "second"})
        with started(guest, application=None) as second:
            assert second.address == first.address
            both = names(tree_of(first))

        assert sum("LedgerActor" in name for name in names(tree_of(first)).values()) == 1
        assert sum("LedgerActor" in name for name in both.values()) == 2


@pytest.mark.slow
def test_a_part_that_cannot_start_says_why_and_nothing_is_left(tmp_path: Path, make_settings: MakeSettings) -> None:
    steps: list[str] = []

    with pytest.raises(RemoraError) as refused:
        runtimes.start(make_settings(tmp_path, embed={"model": str(tmp_path / "no-model")}), progress=steps.append)

    assert "no-model" in str(refused.value)
    assert steps[0] == "starting Ray"
    assert not RunDirectory(tmp_path).locked()
    assert not RunDirectory(tmp_path).ray.exists()
