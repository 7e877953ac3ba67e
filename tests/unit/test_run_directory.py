"""The lock and the record of a runtime, without a runtime."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from actors import runtime
from actors.leftovers import leftovers, remains
from actors.processes import identify
from actors.run_directory import Record, RunDirectory
from engine.config import load
from engine.errors import Conflict, InvariantViolated, Unavailable

UNIX_SOCKET_BYTES = 107
LONGEST_SESSION = "session_2026-11-22_11-52-50_061971_4194304/sockets/plasma_store.12345"
LONGEST_HAPROXY = "f" * 56 + "/a.sock.4194304.tmp"


def record() -> Record:
    me = identify(os.getpid())
    assert me is not None
    return Record(
        version="1", state="ready", mode="remora up", pid=me.pid, started_s=me.started_s, processes=((me.pid, 0.0),)
    )


def test_one_data_directory_has_one_runtime_and_the_second_is_told_which(tmp_path: Path) -> None:
    first = RunDirectory(tmp_path)
    first.lock()
    first.write(record())

    with pytest.raises(Conflict) as conflict:
        RunDirectory(tmp_path).lock()

    assert str(tmp_path) in str(conflict.value)
    assert conflict.value.details["pid"] == os.getpid()
    assert RunDirectory(tmp_path).locked()
    first.release()
    assert not RunDirectory(tmp_path).locked()


def test_a_record_without_a_lock_is_no_runtime(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.path.mkdir()
    directory.write(record())

    assert not directory.locked()
    assert directory.read() == record()


def test_a_damaged_record_says_so(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.path.mkdir()
    (directory.path / "runtime.json").write_text("{")

    with pytest.raises(InvariantViolated):
        directory.read()


def test_clearing_forgets_the_record_and_rays_files(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.prepare()
    directory.write(record())

    directory.clear()

    assert directory.read() is None
    assert not directory.ray.exists()


def test_rays_and_haproxys_sockets_fit_into_their_limit(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / ("deep/" * 40))

    assert len(str(directory.ray / LONGEST_SESSION)) <= UNIX_SOCKET_BYTES
    assert len(str(directory.haproxy / LONGEST_HAPROXY)) <= UNIX_SOCKET_BYTES


def test_rays_directory_is_ours_alone(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.prepare()
    try:
        assert directory.ray.stat().st_mode & 0o077 == 0
    finally:
        directory.clear()


def test_a_link_that_somebody_laid_in_the_way_is_refused(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.ray.symlink_to(tmp_path)
    try:
        with pytest.raises(Conflict):
            directory.prepare()
    finally:
        directory.ray.unlink()


def test_leftovers_are_those_recorded_and_those_that_haproxys_launcher_noted(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.prepare()
    directory.haproxy.mkdir()
    directory.write(record())
    # Our own id, noted by somebody: we run, but not from that directory.
    (directory.haproxy / "haproxy.pids").write_text(f"{os.getpid()}\n")
    try:
        assert [one.pid for one in leftovers(directory)] == [os.getpid()]
        assert leftovers(directory)[0].started_s == 0.0
    finally:
        directory.clear()


def test_processes_of_before_the_machines_last_start_are_nobodys_leftovers(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.path.mkdir()
    me = identify(os.getpid())
    assert me is not None
    ours = record().model_copy(update={"processes": ((me.pid, me.started_s),)})

    directory.write(ours)
    assert leftovers(directory) == [me]

    directory.write(ours.model_copy(update={"boot": "another start"}))
    assert leftovers(directory) == []
    left = remains(directory)
    assert left is not None
    assert left.record
    assert not left.processes


def test_who_only_looks_whether_a_runtime_lives_keeps_none_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = RunDirectory(tmp_path)
    directory.lock()
    directory.release()
    looking = (directory.path / "lock").open()
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr("actors.run_directory._let_them_look", looking.close)

    directory.lock()

    assert looking.closed
    assert RunDirectory(tmp_path).locked()
    directory.release()


def test_a_runtime_that_has_no_ray_yet_is_said_to_be_starting(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.lock()
    directory.write(record().model_copy(update={"state": "starting"}))

    with pytest.raises(Unavailable, match="Remora is starting on"):
        runtime.connect(load(data_dir=tmp_path))
    directory.release()
