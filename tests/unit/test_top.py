"""`remora top`: what a picture shows, how it is fitted, and what happens while nobody answers."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest
from rich.console import Console

from remora import top
from remora.cli import main
from remora.errors import Unauthorized, Unavailable
from remora.figures import Look
from remora.views.top import picture, shares

URL = "http://127.0.0.1:8000"


def figures(p95: float = 5.0, recent: int = 3) -> dict[str, Any]:
    return {"count": 3, "sum": 9.0, "recent": recent, "mean": 3.0, "p50": 2.0, "p95": p95, "max": 7.0, "buckets": {}}


def queue(waiting: int = 0, oldest_ms: float = 0.0, batches: int = 10) -> dict[str, Any]:
    return {
        "waiting": waiting,
        "capacity": 100,
        "oldest_ms": oldest_ms,
        "batches": batches,
        "wait_ms": figures(),
        "batch": figures(),
        "took_ms": figures(),
    }


def shard(number: int, accepted: int = 0, **changed: Any) -> dict[str, Any]:
    index = {"lag": 0, "lag_s": 0.0, "healthy": True, "late_ms": figures()}
    known = {
        "shard": number,
        "state": "ready",
        "ready": True,
        "ledger": {"memories": 600},
        "vector": index,
        "graph": index,
        "writes": {"accepted": accepted, "took_ms": figures(35.0)},
        "searches": {"searches": 0},
        "gates": {"operations": {"pending": 4, "refused": 0}, "reads": {"pending": 1, "refused": 0}},
        "queues": {"embedder": queue(), "ledger": queue()},
        "calls_per_request": {"embedder": 0.25, "ledger": None},
    }
    return {**known, **changed}


def actor(name: str, calls: int = 0, **changed: Any) -> dict[str, Any]:
    known = {
        "name": name,
        "part": name.rpartition("-")[0],
        "ready": True,
        "pid": 1,
        "cpu_s": 1.0,
        "rss_bytes": 81_000_000,
        "running": 2,
        "restarts": 0,
        "calls": {"encode": calls},
        "took_ms": {"encode": figures(44.0)},
        "loop_lag_ms": {**figures(3.0), "now": 0.0},
        "queues": {},
    }
    return {**known, **changed}


def status(*shards: dict[str, Any], actors: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"state": "ready", "ready": True, "version": "1", "shards": [*shards], "actors": actors or []}


def lines(
    after: dict[str, Any], before: dict[str, Any] | None = None, *, width: int = 80, height: int = 24
) -> list[str]:
    """The picture of two looks that are two seconds apart."""
    console = Console(file=io.StringIO(), width=width, soft_wrap=True)
    earlier = None if before is None else Look(10.0, before)
    console.print(picture(Look(12.0, after), earlier, URL, width=width, height=height))
    shown: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in shown.splitlines()]


def row(name: str, shown: list[str]) -> list[str]:
    return next(line.split() for line in shown if line.startswith(name))


def test_the_title_tells_what_runs_and_how_well() -> None:
    shown = lines(status(shard(0), shard(1), actors=[actor("embedder-0")]))
    assert shown[0] == "Remora 1 ready, 1,200 memories, 2 shards, 1 embedder, http://127.0.0.1:8000"


def test_rates_are_of_the_time_between_two_looks() -> None:
    before = status(shard(0, accepted=100), shard(1, accepted=0))
    after = status(shard(0, accepted=150), shard(1, accepted=34))
    assert row("writes", lines(after, before))[:2] == ["writes", "42"]
    assert row("writes", lines(after))[:2] == ["writes", "-"], "after one look there is no rate"


def test_a_part_that_began_anew_has_no_rate() -> None:
    shown = lines(
        status(shard(0), actors=[actor("embedder-0", calls=3)]),
        status(shard(0), actors=[actor("embedder-0", calls=90)]),
    )
    assert row("embedder-0", shown)[10] == "-"


def test_a_queue_tells_depth_wait_batches_and_calls_per_request() -> None:
    after = status(shard(0, queues={"embedder": queue(waiting=57, oldest_ms=1600.0, batches=30)}))
    before = status(shard(0, queues={"embedder": queue(batches=10)}))
    shown = " ".join(row("embedder ", lines(after, before)))
    assert shown == "embedder 57 1.6 s 2.0 ms 5.0 ms 3.0 7 10 5.0 ms 0.25"


def test_what_had_nothing_to_do_lately_shows_dashes() -> None:
    idle = {**queue(), "wait_ms": figures(recent=0), "batch": figures(recent=0), "took_ms": figures(recent=0)}
    shown = " ".join(row("ledger ", lines(status(shard(0, queues={"ledger": idle})))))
    assert shown == "ledger 0 - - - - - - - -"


def test_an_index_that_is_behind_says_by_how_much_and_since_when() -> None:
    behind = {"lag": 12, "lag_s": 75.0, "healthy": False, "late_ms": figures()}
    assert " ".join(row("graph", lines(status(shard(0, graph=behind))))) == "graph 12 1 min 2.0 ms 5.0 ms failing"


def test_what_does_not_answer_is_told_first() -> None:
    down = {"name": "ledger-0", "ready": False, "error": "ledger-0 is down: killed"}
    shown = lines(status(shard(0, ledger={"error": "no answer"}), actors=[down, actor("graph-store-0")]))
    assert shown[1:3] == ["shard 0, ledger: no answer", "ledger-0: ledger-0 is down: killed"]
    assert row("ledger-0 ", shown[3:])


def test_of_many_that_do_not_answer_some_are_told_and_the_rest_counted() -> None:
    down = [{"name": f"ledger-{n}", "ready": False, "error": "is down"} for n in range(9)]
    shown = lines(status(actors=down), height=24)
    assert shown[1:5] == ["ledger-0: is down", "ledger-1: is down", "ledger-2: is down", "and 6 more"]


def test_a_shard_that_does_not_answer_leaves_the_others_shown() -> None:
    silent = {"shard": 1, "state": "unavailable", "ready": False, "error": "is down"}
    shown = lines(status(shard(0, accepted=5), silent), status(shard(0, accepted=1), silent))
    assert row("writes", shown)[1] == "2.0"
    assert row("embedder 0", shown)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 50), (100, 30), (40, 10)])
@pytest.mark.parametrize("shards", [1, 4, 16])
def test_it_fits_the_terminal(width: int, height: int, shards: int) -> None:
    actors = [actor(f"{part}-{number}") for part in ("ledger", "extractor") for number in range(shards)]
    shown = lines(status(*map(shard, range(shards)), actors=actors), width=width, height=height)
    assert len(shown) <= height
    assert all(len(line) <= width for line in shown[:1])


def test_where_not_all_queues_fit_the_fullest_are_shown() -> None:
    shards = [shard(number) for number in range(16)]
    shards[11]["queues"]["ledger"] = queue(waiting=90)
    shown = lines(status(*shards))
    assert row("ledger 11", shown)[2] == "90"
    assert any(line.endswith(" more") for line in shown)


def test_a_wide_terminal_also_shows_the_slowest_verbs() -> None:
    after = status(shard(0), actors=[actor("embedder-0")])
    assert any("encode 44 ms" in line for line in lines(after, width=160))
    assert not any("encode 44 ms" in line for line in lines(after, width=80))


@pytest.mark.parametrize(
    ("wanted", "room", "given"),
    [([3, 7, 2, 7], 30, [3, 7, 2, 7]), ([3, 22, 8, 22], 16, [3, 4, 4, 5]), ([3, 7], 0, [0, 0]), ([], 5, [])],
)
def test_room_is_shared_out_the_small_ones_first(wanted: list[int], room: int, given: list[int]) -> None:
    assert shares(wanted, room) == given


# --- looking ---------------------------------------------------------------------------------------------------------


class Api:
    """Answers its statuses one after the other; an error is raised."""

    url = URL

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.answers = list(answers)

    async def status(self) -> dict[str, Any]:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def drawn(watch: top.Watch) -> str:
    console = Console(file=io.StringIO(), width=80, soft_wrap=True)
    console.print(watch.picture(80, 24))
    shown: str = console.file.getvalue()  # type: ignore[attr-defined]
    return shown


async def test_while_nobody_answers_it_says_so_and_keeps_trying() -> None:
    api: Any = Api(Unavailable("nothing answers"), status(shard(0)), Unavailable("gone"), status(shard(0)))
    watch = top.Watch(api)
    assert "asking http://127.0.0.1:8000" in drawn(watch)
    await watch.look()
    assert "trying again: nothing answers" in drawn(watch)
    await watch.look()
    assert "trying again" not in drawn(watch)
    await watch.look()
    assert "trying again: gone" in drawn(watch)
    assert "600 memories" in drawn(watch), "what was known is still shown"
    await watch.look()
    assert "trying again" not in drawn(watch)


async def test_a_server_that_hangs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging:
        url = URL

        async def status(self) -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

    monkeypatch.setattr(top, "_PATIENCE_S", 0.01)
    api: Any = Hanging()
    watch = top.Watch(api)
    await watch.look()
    assert "trying again: http://127.0.0.1:8000 didn't answer" in drawn(watch)


async def test_a_wrong_key_ends_it() -> None:
    api: Any = Api(Unauthorized("no such key"))
    with pytest.raises(Unauthorized):
        await top.Watch(api).look()


# --- the command -----------------------------------------------------------------------------------------------------


@contextmanager
def server() -> Iterator[str]:
    """A server that counts on at each look."""
    looks = iter(range(1000))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = orjson.dumps(status(shard(0, accepted=1000 * next(looks)), actors=[actor("embedder-0")]))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{serving.server_address[1]}"
        finally:
            serving.shutdown()
            thread.join()


def test_without_a_terminal_it_prints_one_picture(capsys: pytest.CaptureFixture[str]) -> None:
    with server() as url, pytest.raises(SystemExit) as ended:
        main(["top", "--interval", "0.1", "--url", url])
    assert not ended.value.code
    shown = capsys.readouterr().out
    assert shown.startswith("Remora 1 ready, 600 memories")
    assert row("writes", shown.splitlines())[1] != "-"


def test_once_tells_when_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["top", "--once", "--url", "http://127.0.0.1:9"])
    assert ended.value.code == 4
    assert "127.0.0.1:9" in capsys.readouterr().err


_IN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Makes standard input the terminal on which Ctrl-C is heard, then becomes the command."""


def read_until(terminal: int, wanted: bytes, timeout_s: float = 30.0) -> bytes:
    seen = b""
    while wanted not in seen:
        ready, _, _ = select.select([terminal], [], [], timeout_s)
        assert ready, f"{wanted!r} was not shown; shown was {seen!r}"
        seen += os.read(terminal, 65_536)
    return seen


@pytest.mark.parametrize("how", ["q", "Ctrl-C", "SIGTERM"])
def test_in_a_terminal_it_draws_until_it_is_told_to_end(how: str) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", _IN_TERMINAL, "-m", "remora.cli", "top", "--interval", "0.1"]
    with server() as url, subprocess.Popen(
        [*command, "--url", url], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, "TERM": "xterm"},
    ) as running:  # fmt: skip
        try:
            read_until(ours, b"embedder-0")
            if how == "SIGTERM":
                running.send_signal(signal.SIGTERM)
            else:
                os.write(ours, b"q" if how == "q" else b"\x03")
            left = read_until(ours, b"\x1b[?1049l")
            assert running.wait(30) == 0
            assert b"Traceback" not in left
        finally:
            running.kill()
    os.close(theirs)
    os.close(ours)
