"""`serve`, `up`, `down`, `status` over a runtime that only pretends to run: exit codes and what is said."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from actors import runtime
from engine.errors import Conflict, Unavailable
from remora.cli import main

URL = "http://127.0.0.1:8000"


class PretendedRuntime:
    """Waits by doing `waiting`; remembers that it was stopped."""

    url = URL
    variables: Mapping[str, str] = MappingProxyType({"RAY_ADDRESS": "0.0.0.0:6379", "RAY_AUTH_MODE": "token"})
    record = SimpleNamespace(dashboard="http://127.0.0.1:8265")

    def __init__(self, waiting: Callable[[], int]) -> None:
        self.wait = waiting
        self.stops = 0

    def stop(self) -> None:
        self.stops += 1


@pytest.fixture(autouse=True)
def _own_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMORA_DATA_DIR", str(tmp_path / "data"))
    for name in ("REMORA_HOST", "REMORA_PORT", "REMORA_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)


def started_as(pretended: PretendedRuntime, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """`runtime.start` gives this one; the list fills with what it was asked for."""
    asked: list[dict[str, Any]] = []

    def start(settings: Any, *, detached: bool, progress: Callable[[str], None]) -> PretendedRuntime:
        asked.append({"port": settings.port, "detached": detached})
        progress("loading the model")
        return pretended

    monkeypatch.setattr(runtime, "start", start)
    return asked


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


def interrupted() -> int:
    signal.raise_signal(signal.SIGINT)
    raise AssertionError("the signal was not heard")


def test_ctrl_c_stops_what_was_started_and_exits_with_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretended = PretendedRuntime(interrupted)
    asked = started_as(pretended, monkeypatch)
    assert run("serve", "--port", "8123") == 0
    assert asked == [{"port": 8123, "detached": False}]
    assert pretended.stops == 1
    shown = capsys.readouterr()
    assert URL in shown.out
    assert "curl" in shown.out
    assert "no key is set" in shown.out
    assert "loading the model" in shown.err


def test_ctrl_c_before_it_is_ready_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "start", lambda *_, **__: interrupted())
    assert run("serve") == 130


def test_a_runtime_that_dies_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pretended = PretendedRuntime(lambda: -9)
    started_as(pretended, monkeypatch)
    assert run("serve") == 4
    assert pretended.stops == 1
    assert "ended by itself" in capsys.readouterr().err


def test_somebody_else_may_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    started_as(PretendedRuntime(lambda: 0), monkeypatch)
    assert run("serve") == 0


def test_why_it_could_not_start_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(*_: Any, **__: Any) -> Any:
        raise Conflict("Remora already runs on here")

    monkeypatch.setattr(runtime, "start", start)
    assert run("up") == 2
    assert capsys.readouterr().err.endswith("remora: Remora already runs on here\n")


def test_with_a_key_the_example_shows_how_to_send_it_and_not_what_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REMORA_ADMIN_KEY", "s3cret")
    started_as(PretendedRuntime(interrupted), monkeypatch)
    assert run("serve", "--host", "0.0.0.0") == 0
    out = capsys.readouterr().out
    assert "Authorization: Token" in out
    assert "s3cret" not in out
    assert "no key is set" not in out


def test_up_leaves_it_running_and_tells_how_jobs_reach_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretended = PretendedRuntime(interrupted)
    asked = started_as(pretended, monkeypatch)
    assert run("up") == 0
    assert asked[0]["detached"] is True
    assert pretended.stops == 0
    said = capsys.readouterr().out
    assert "export RAY_ADDRESS=0.0.0.0:6379 RAY_AUTH_MODE=token" in said
    assert "ray job submit --address http://127.0.0.1:8265" in said


@pytest.mark.parametrize(("ran", "said"), [(True, "Stopped."), (False, "Nothing was running.")])
def test_down_says_whether_anything_ran(
    ran: bool, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runtime, "stop", lambda _: ran)
    assert run("down") == 0
    assert capsys.readouterr().out == f"{said}\n"


def status_is(ready: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def status(_: Any) -> dict[str, Any]:
        actors = [
            {
                "name": "ledger-0",
                "part": "ledger",
                "ready": True,
                "pid": 7,
                "restarts": 2,
                "rss_bytes": 81_000_000,
                "loop_lag_ms": {"p95": 3.5},
                "calls": {"open": 1, "write": 2},
                "notices": ["the old file was set aside"],
            },
            {"name": "embedder-0", "part": "embedder", "ready": ready, "error": "embedder-0 is down"},
        ]
        shard = {
            "shard": 0,
            "state": "degraded",
            "ready": ready,
            "ledger": {"memories": 1234},
            "vector": {"lag": 3, "lag_s": 7.0, "healthy": False},
            "writes": {"operations": 4},
            "searches": {"pending": 5},
            "queues": {"ledger": {"waiting": 6}, "vector": {"waiting": 10}},
        }
        state = {"state": "ready" if ready else "starting", "ready": ready}
        return {"url": URL, "mode": "remora up", "pid": 5, **state, "shards": [shard], "actors": actors}

    monkeypatch.setattr(runtime, "status", status)


def test_status_of_a_ready_runtime(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    status_is(True, monkeypatch)
    assert run("status") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"ready at {URL}\n1,234 memories, 1 shard, 1 embedder\n")
    rows = [line.split() for line in out.splitlines()]
    assert [
        "0",
        "degraded",
        "1,234",
        "4",
        "5",
        "16",
        "vector",
        "3",
        "changes",
        "behind",
        "(7",
        "s),",
        "failing",
    ] in rows
    assert ["ledger-0", "ready", "7", "81", "MB", "3.5", "ms", "2", "3"] in rows
    assert out.splitlines()[-1] == "ledger-0: the old file was set aside"


def test_status_of_one_that_is_not_ready_exits_with_4(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status_is(False, monkeypatch)
    assert run("status") == 4
    out = capsys.readouterr().out
    assert out.startswith("starting at")
    assert "embedder-0 is down" in out


def test_status_as_json_is_the_document_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status_is(True, monkeypatch)
    assert run("status", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["shards"][0]["ledger"] == {"memories": 1234}
    assert shown["actors"][0]["restarts"] == 2


def test_status_tells_the_nodes_when_there_are_several(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def status(_: Any) -> dict[str, Any]:
        actors = [
            {"name": f"ledger-{n}", "ready": True, "node": f"{n}" * 56, "host": f"box{n}", "pid": n} for n in range(2)
        ]
        return {"state": "ready", "ready": True, "shards": [], "actors": actors}

    monkeypatch.setattr(runtime, "status", status)
    assert run("status") == 0
    assert "ledger-1 ready box1 11111111 1" in " ".join(capsys.readouterr().out.split())


def test_status_where_nothing_runs_says_how_to_start_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def status(_: Any) -> dict[str, Any]:
        raise Unavailable("Remora does not run on here")

    monkeypatch.setattr(runtime, "status", status)
    assert run("status") == 4
    assert "remora serve" in capsys.readouterr().err
