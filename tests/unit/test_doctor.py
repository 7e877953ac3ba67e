"""`remora doctor` on data directories that are well, damaged, or left behind by a crash."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.processes import identify
from actors.run_directory import Record, RunDirectory
from engine import ledger
from engine.config import load
from engine.graph import build as build_graph
from engine.types import ChangeBatch
from engine.vector.lite_file import mark_path
from engine.vector.mark import Mark, write_mark
from remora.cli import main

Doctor = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory of its own, and a free port."""
    for name in [name for name in os.environ if name.startswith("REMORA_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("REMORA_PORT", str(port))
    monkeypatch.setenv("REMORA_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    yield tmp_path / "data"
    RunDirectory(tmp_path / "data").clear()


@pytest.fixture
def doctor(data: Path, capsys: pytest.CaptureFixture[str]) -> Doctor:
    def run(*flags: str) -> tuple[int, dict[str, Any]]:
        with pytest.raises(SystemExit) as stopped:
            main(["doctor", "--json", *flags])
        return int(stopped.value.code or 0), json.loads(capsys.readouterr().out)

    return run


def said(report: dict[str, Any], check: str) -> list[dict[str, Any]]:
    return [finding for finding in report["findings"] if finding["check"] == check]


def not_ok(report: dict[str, Any]) -> dict[str, str]:
    return {finding["check"]: finding["verdict"] for finding in report["findings"] if finding["verdict"] != "ok"}


async def make_ledger(shards: int = 1) -> None:
    for shard in range(shards):
        made = ledger.build(load(shards=shards), shard)
        await made.open()
        await made.close()


def left_by(process: subprocess.Popen[bytes], data: Path) -> RunDirectory:
    """What a runtime with that one process leaves when its head is killed."""
    known = identify(process.pid)
    assert known is not None
    directory = RunDirectory(data)
    directory.prepare()
    directory.write(
        Record(
            version="0.1.0", state="ready", mode="up", pid=1, started_s=0.0, processes=((known.pid, known.started_s),)
        )
    )
    return directory


# --- well ------------------------------------------------------------------------------------------------------------


async def test_an_empty_place_is_healthy(doctor: Doctor) -> None:
    code, report = doctor()
    assert (code, report["healthy"], not_ok(report)) == (0, True, {})
    checks = {finding["check"] for finding in report["findings"]}
    assert checks >= {"python", "packages", "settings", "disk", "memory", "port", "model", "names", "haproxy", "ledger"}
    assert checks >= {"vectors", "graph", "clock", "leftovers", "server"}


async def test_a_place_with_data_is_healthy(doctor: Doctor, data: Path) -> None:
    await make_ledger()
    graph = build_graph(load(), 0)
    await graph.apply(ChangeBatch(0, 7, (), np.zeros((0, 0), dtype=np.float32)))
    await graph.close()
    code, report = doctor()
    assert (code, not_ok(report)) == (0, {})
    assert said(report, "ledger")[0]["text"] == "shard 0: 0 memories, position 0"
    assert said(report, "graph")[0]["text"] == "shard 0: 0 memories, position 7"


def test_people_read_a_line_each(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REMORA_DATADIR", "elsewhere")
    with pytest.raises(SystemExit) as stopped:
        main(["doctor"])
    out = capsys.readouterr().out
    assert stopped.value.code == 0
    assert "ok      python     Python 3." in out
    assert "warning settings   the variable REMORA_DATADIR is set, and nothing reads it" in out
    assert out.rstrip().endswith("Remora can work here; 1 to look at.")


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [("REMORA_DATADIR", "REMORA_DATA_DIR"), ("REMORA_EMBED_MODLE", "REMORA_EMBED_MODEL"), ("REMORA_XYZZY", None)],
)
def test_a_variable_that_nobody_reads_is_named(
    doctor: Doctor, name: str, meant: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "x")
    _, report = doctor()
    first = said(report, "settings")[0]
    assert first["verdict"] == "warning"
    assert name in first["text"]
    assert (meant or "remora config") in first["advice"]


def test_variables_that_are_read_are_no_warning(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"REMORA_URL": "", "REMORA_SEARCH_TOP_K": "5", "REMORA_EMBED": '{"device": "cpu"}'}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("REMORA_URL")
    monkeypatch.setenv("REMORA_API_KEY", "k")
    assert not_ok(doctor()[1]) == {}


def test_a_wrong_setting_fails_and_the_rest_is_still_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMORA_SEARCH_TOP_K", "many")
    code, report = doctor()
    assert code == 1
    assert "search.top_k" in [finding["text"] for finding in said(report, "settings")][-1]
    assert said(report, "packages")


def test_an_unknown_key_of_the_file_is_named(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "remora.toml").write_text("prot = 8001\n")
    first = said(doctor()[1], "settings")[0]
    assert (first["verdict"], first["advice"]) == ("warning", "Did you mean port?")


# --- the machine -----------------------------------------------------------------------------------------------------


def test_a_port_that_a_stranger_holds_is_told_with_who_it_is(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        monkeypatch.setenv("REMORA_PORT", str(stranger.getsockname()[1]))
        code, report = doctor()
    (port,) = said(report, "port")
    assert (code, port["verdict"]) == (1, "failure")
    assert f"process {os.getpid()}" in port["text"]
    assert "--port" in port["advice"]


def test_a_data_directory_that_can_t_be_written_fails(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, report = doctor("--data-dir", str(tmp_path / "file" / "data"))
    assert (code, said(report, "disk")[0]["verdict"]) == (1, "failure")


def test_a_model_that_is_not_here_is_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REMORA_EMBED_MODEL", str(tmp_path / "nowhere"))
    monkeypatch.setenv("REMORA_EXTRACT_ENTITIES", "no-such-package")
    code, report = doctor()
    assert code == 1
    assert not_ok(report) == {"model": "failure", "names": "failure"}


# --- stores ----------------------------------------------------------------------------------------------------------


async def test_a_damaged_ledger_fails_and_is_not_touched(doctor: Doctor, data: Path) -> None:
    await make_ledger()
    path = data / "ledger-0.db"
    raw = bytearray(path.read_bytes())
    raw[4096:] = b"\x5a" * (len(raw) - 4096)
    path.write_bytes(raw)
    code, report = doctor("--fix")
    (found,) = said(report, "ledger")
    assert (code, found["verdict"], found["mendable"]) == (1, "failure", False)
    assert path.read_bytes() == raw


async def test_another_number_of_shards_than_stored_fails(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    await make_ledger(shards=2)
    code, report = doctor()
    (found,) = said(report, "ledger")
    assert (code, found["verdict"]) == (1, "failure")
    assert "REMORA_SHARDS=2" in found["advice"]
    monkeypatch.setenv("REMORA_SHARDS", "2")
    assert doctor()[0] == 0


def test_a_damaged_snapshot_is_set_aside(doctor: Doctor, data: Path) -> None:
    (data / "graph-0.msgpack").write_bytes(b"\x00damaged")
    code, report = doctor()
    (found,) = said(report, "graph")
    assert (code, found["verdict"], found["mendable"]) == (0, "warning", True)
    code, report = doctor("--fix")
    assert (code, not_ok(report), len(report["mended"])) == (0, {}, 1)
    assert (data / "graph-0.msgpack.damaged-1").read_bytes() == b"\x00damaged"


def test_vectors_of_another_model_fail(doctor: Doctor, data: Path) -> None:
    (data / "vector-0.db").mkdir()
    write_mark(mark_path(data / "vector-0.db"), Mark("another-model", 384, "english"))
    code, report = doctor()
    (found,) = said(report, "vectors")
    assert (code, found["verdict"]) == (1, "failure")
    assert "another-model" in found["text"]


def test_vectors_that_another_process_has_open_fail(doctor: Doctor, data: Path) -> None:
    path = data / "vector-0.db"
    path.mkdir()
    (path / "LOCK").write_text("")
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path / "LOCK")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert said(doctor()[1], "vectors")[0]["verdict"] == "failure"
    finally:
        holder.communicate()
    assert said(doctor()[1], "vectors")[0]["verdict"] == "warning"  # It still has no mark.


_HOLD = """
import fcntl, sys
lock = open(sys.argv[1])
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


# --- leftovers -------------------------------------------------------------------------------------------------------


def test_what_a_crash_left_is_found_ended_and_forgotten(doctor: Doctor, data: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        directory = left_by(process, data)
        code, report = doctor()
        (found,) = said(report, "leftovers")
        assert (code, found["verdict"], found["mendable"]) == (0, "warning", True)
        assert "1 process," in found["text"]
        assert process.poll() is None

        code, report = doctor("--fix")
        assert (code, not_ok(report), len(report["mended"])) == (0, {}, 1)
        assert identify(process.pid) is None
        assert directory.read() is None
        assert not directory.ray.exists()
    finally:
        process.kill()
        process.communicate()


def test_a_damaged_record_is_found_and_removed(doctor: Doctor, data: Path) -> None:
    (data / "run").mkdir()
    (data / "run" / "runtime.json").write_text("{")
    code, report = doctor("--fix")
    assert (code, not_ok(report)) == (0, {})
    assert "damaged record" in report["mended"][0]


def test_the_record_of_one_that_had_joined_a_ray_is_kept_until_down_has_ended_its_actors(
    doctor: Doctor, data: Path
) -> None:
    left = Record(version="0.1.0", state="ready", mode="up", pid=1, started_s=0.0, address="10.0.0.1:6379", joined=True)
    directory = RunDirectory(data)
    directory.prepare()
    directory.write(left)
    try:
        _, report = doctor("--fix")
        (found,) = said(report, "leftovers")
        assert (found["verdict"], found["mendable"]) == ("warning", False)
        assert "10.0.0.1:6379: `remora down` ends them" in found["advice"]
        assert directory.read() == left
    finally:
        directory.clear()


def test_what_runs_is_no_leftover_and_is_left_alone(doctor: Doctor, data: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    directory = left_by(process, data)
    directory.lock()
    try:
        code, report = doctor("--fix")
        assert said(report, "leftovers")[0]["verdict"] == "ok"
        assert (code, report["mended"]) == (0, [])
        assert process.poll() is None
    finally:
        directory.release()
        process.communicate()


@pytest.mark.parametrize(
    ("settings", "verdict", "says"),
    [
        ({}, "ok", "kept as they are"),
        ({"BASE_URL": "http://127.0.0.1:1/v1", "MODEL": "m"}, "ok", "made by m at http://127.0.0.1:1/v1"),
        ({"BASE_URL": "http://127.0.0.1:1/v1"}, "failure", "llm.model"),
        ({"LOCAL": "some-org/some-model"}, "ok", "made in this runtime by some-org/some-model"),
        ({"LOCAL": "/nowhere/m.gguf"}, "failure", "there is nothing at /nowhere/m.gguf"),
        ({"LOCAL": "some-org/some-model", "MODEL": "m"}, "failure", "both set"),
    ],
)
def test_it_says_what_makes_facts(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], verdict: str, says: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"REMORA_LLM_{name}", value)
    [found] = said(doctor()[1], "facts")
    assert found["verdict"] == verdict
    assert says in found["text"]
