"""`remora purge`, `operations`, `verify`, `rebuild` over the real HTTP application and a memory system that is told
what to answer: what is asked, shown, refused, and the exit codes."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from rich.console import Console
from uvicorn import Config

from engine import errors
from engine.config import Settings
from remora import output
from remora.cli import main
from remora.commands.operations import meant
from serve_app.application import create_app

ID = "8f3a0c1e-5b7d-8e21-a4c9-0d6f2b913e57"
Json = dict[str, Any]


class Told:
    """A memory system that answers what it is told to, verb by verb, and remembers the calls. The last answer stays."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Any]] = {}
        self.calls: list[tuple[str, tuple[Any, ...], Json]] = []

    def clear(self) -> None:
        self.answers, self.calls = {}, []

    def asked(self, verb: str) -> list[tuple[tuple[Any, ...], Json]]:
        return [(args, fields) for name, args, fields in self.calls if name == verb]

    def __getattr__(self, verb: str) -> Any:
        async def call(*args: Any, **fields: Any) -> Any:
            fields.pop("idempotency_key", None)
            self.calls.append((verb, args, fields))
            queue = self.answers.get(verb) or [{}]
            answer = queue.pop(0) if len(queue) > 1 else queue[0]
            if callable(answer):
                answer = answer()
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Told]]:
    """Where a real server answers, in a thread with a loop of its own."""
    started = threading.Event()
    running: list[uvicorn.Server] = []
    api: Any = Told()

    async def serve() -> None:
        one = uvicorn.Server(Config(create_app(api, Settings()), port=0, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(one.serve())
        while not one.started:
            await asyncio.sleep(0.01)
        running.append(one)
        started.set()
        await serving

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(30)
    host, port = running[0].servers[0].sockets[0].getsockname()[:2]
    yield f"http://{host}:{port}", api
    running[0].should_exit = True
    thread.join()


@pytest.fixture
def api(server: tuple[str, Told], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Told:
    url, told = server
    told.clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMORA_URL", url)
    for name in ("REMORA_API_KEY", "REMORA_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    return told


class Shown:
    """What a command has said, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def remora(api: Told, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> Shown:
        with pytest.raises(SystemExit) as stopped:
            main(list(arguments))
        shown = capsys.readouterr()
        return Shown(int(stopped.value.code or 0), shown.out, shown.err)

    return run


class Terminal(io.StringIO):
    """Standard input with somebody at it, who types this."""

    def isatty(self) -> bool:
        return True


# --- purge -----------------------------------------------------------------------------------------------------------

ERASED = {"message": "Memories erased.", "count": 3, "status": "SUCCEEDED", "operation_id": ID, "degraded": []}


def test_a_purge_that_is_agreed_to_beforehand_asks_nothing(remora: Any, api: Told) -> None:
    api.answers["purge"] = [ERASED]
    shown = remora("purge", "--user-id", "ana", "--run-id", "r", "--yes")
    assert (shown.code, shown.out, shown.err) == (0, "Memories erased. (3)\n", "")
    assert api.calls == [("purge", (), {"user_id": "ana", "run_id": "r"})]
    assert json.loads(remora("purge", ID, "--yes", "--json").out) == ERASED
    assert api.calls[-1] == ("purge", (), {"memory_id": ID})
    api.answers["purge"] = [ERASED | {"count": 0}]
    assert remora("purge", ID, "--yes").out == "Nothing was left to erase.\n"


@pytest.mark.parametrize(("typed", "code"), [("n\n", 1), ("y\n", 0)])
def test_whoever_sits_there_is_told_what_goes_and_asked(
    remora: Any, api: Told, typed: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answers = {
        "purge": [ERASED],
        "list": [{"count": 3, "page": 1, "page_size": 1, "results": []}],
        "get": [{"id": ID, "name": "Ana", "memory": "I like \x1b[31mtea."}],
    }
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    shown = remora("purge", "--user-id", "ana")
    assert "Erase 3 memories of user ana, and those that were deleted before, for good?" in shown.err
    assert (shown.code, len(api.asked("purge"))) == (code, 1 - code)

    monkeypatch.setattr("sys.stdin", Terminal(typed))
    shown = remora("purge", ID)
    assert 'Erase "Ana: I like \ufffd[31mtea." and its history for good?' in shown.err
    assert shown.code == code


@pytest.mark.parametrize(
    ("gone", "told"),
    [(errors.NotFound("no", {"memory_id": ID}), f"the deleted memory {ID}"), (errors.Purged("no"), "erased before")],
)
def test_a_memory_that_is_gone_is_named_by_its_id(
    remora: Any, api: Told, gone: Exception, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answers = {"purge": [ERASED], "get": [gone], "history": [[{"event": "DELETE"}]]}
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    shown = remora("purge", ID)
    assert told in shown.err
    assert shown.code == 0


def test_a_memory_that_never_was_is_not_asked_about(remora: Any, api: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    api.answers = {"get": [errors.NotFound("no")], "history": [errors.NotFound("no")]}
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert remora("purge", ID).code == 3
    assert api.asked("purge") == []


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--yes",),
        (ID, "--user-id", "ana", "--yes"),
        ("--user-id", "ana"),  # nobody can be asked, and --yes is missing
        (ID,),
    ],
)
def test_a_purge_that_could_mean_more_is_refused(
    remora: Any, api: Told, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    refused = remora("purge", *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert "nothing was erased" in refused.err
    assert ("one of both" in refused.err) == (arguments[0:1] == (ID,) and "--user-id" in arguments)
    assert api.calls == []


def test_what_goes_on_after_a_purge_is_told(remora: Any, api: Told) -> None:
    api.answers["purge"] = [ERASED | {"degraded": ["vector"]}, ERASED | {"status": "PENDING"}]
    assert "the files of vector are still being rewritten" in remora("purge", ID, "--yes").err
    pending = remora("purge", ID, "--yes")
    assert pending.out == f"accepted; operation {ID} is under way\n"


# --- operations ------------------------------------------------------------------------------------------------------

OPERATION = {
    "id": ID, "event_type": "ADD", "status": "FAILED", "results": [],
    "error": {"code": "conflict", "message": "It is full."},
    "created_at": "2026-03-01T09:30:00.123456+00:00",
}  # fmt: skip
PAGE = {"count": 7, "page": 1, "page_size": 1, "results": [OPERATION]}


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ([], "list"),
        (["--state", "FAILED"], "list"),
        (["--json", "--user-id", ID], "list"),
        (["--user-id=x", "--json"], "list"),
        (["--"], "list"),
        ([ID], "show"),
        (["no id"], "show"),
        (["--json", ID], "show"),
        (["--url", "http://x", ID], "show"),
        (["--json", "--", "-id"], "show"),
        (["list", "--state", "FAILED"], None),
        (["retry", ID], None),
        (["--help"], None),
        ([ID, "-h"], None),
    ],
)
def test_what_is_meant_where_no_command_is_named(words: list[str], command: str | None) -> None:
    assert meant(words, {"list", "show", "retry"}) == command


def test_operations_are_listed_by_state_and_scope(remora: Any, api: Told) -> None:
    api.answers["operations"] = [PAGE]
    shown = remora("operations", "--state", "failed", "--user-id", "ana", "--page-size", "1")
    assert shown.out == f"2026-03-01T09:30:00\tFAILED\tADD\t{ID}\tIt is full.\n"
    assert "1 of 7" in shown.err
    assert api.calls == [("operations", (), {"state": "FAILED", "user_id": "ana", "page_size": 1})]
    listed = json.loads(remora("operations", "list", "--json").out)
    assert listed == PAGE


def test_on_a_terminal_an_error_stands_below_the_id(remora: Any, api: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    api.answers["operations"] = [PAGE]
    shown = io.StringIO()
    monkeypatch.setattr(output, "out", Console(file=shown, force_terminal=True, no_color=True, width=80))
    assert remora("operations").code == 0
    _, first, second = shown.getvalue().splitlines()
    assert first.split() == ["2026-03-01T09:30:00", "FAILED", "ADD", ID]
    assert second.strip() == "It is full."


def test_one_operation_is_shown_with_what_to_do(remora: Any, api: Told) -> None:
    api.answers["operation"] = [OPERATION]
    short, whole = remora("operations", ID), remora("operations", "show", ID)
    assert (short.out, short.err) == (whole.out, whole.err)
    assert f"{ID}" in short.out
    assert "It is full." in short.err
    assert f"`remora operations retry {ID}`" in short.err
    assert json.loads(remora("operations", "--json", "--", ID).out) == OPERATION


def test_a_failed_one_is_tried_again(remora: Any, api: Told) -> None:
    row = {"id": ID, "memory": "I like tea.", "event": "ADD"}
    api.answers["retry"] = [
        {"status": "SUCCEEDED", "results": [row]},
        {"status": "PENDING", "operation_id": ID, "results": []},
        {"status": "SUCCEEDED", "message": "Memory deleted successfully!"},
        errors.Conflict("The text exists."),
    ]
    assert remora("operations", "retry", ID).out == f"ADD    {ID}  I like tea.\n"
    pending = remora("operations", "retry", ID, "--no-wait")
    assert pending.out == f"accepted; operation {ID} is under way\n"
    assert remora("operations", "retry", ID).out == "Memory deleted successfully!\n"
    failed = remora("operations", "retry", ID)
    assert (failed.code, failed.out) == (2, "")
    assert [fields for _, fields in api.asked("retry")] == [{}, {"wait": False}, {}, {}]


@pytest.mark.parametrize("arguments", [("--state", "DONE"), ("list", "--state", "DONE"), ("retry",), ("show",)])
def test_a_wrong_call_of_operations_is_refused(remora: Any, api: Told, arguments: tuple[str, ...]) -> None:
    assert remora("operations", *arguments).code == 2
    assert api.calls == []


# --- verify ----------------------------------------------------------------------------------------------------------


def difference(number: int, **more: Any) -> Json:
    expected, found = {"position": 7, "digest": "ab" * 16}, {"position": 5, "digest": "cd" * 16}
    one = {"shard": 0, "index": "graph", "memory_id": f"{number:0>36}", "problem": "stale"}
    return one | {"expected": expected, "found": found} | more


def stretch(cursor: str | None, *differences: Json, **more: Any) -> Json:
    return {
        "checked": 50, "total": 100, "differences": list(differences), "problems": [], "repaired": 0, "next": cursor
    } | more  # fmt: skip


def test_a_clean_verification_says_so_and_exits_with_0(remora: Any, api: Told) -> None:
    api.answers["verify"] = [stretch("0:a"), stretch(None)]
    shown = remora("verify")
    assert (shown.code, shown.out) == (0, "100 memories compared: ledger, vector index and graph agree.\n")
    assert shown.err.splitlines() == ["Comparing: 50 of 100", "Comparing: 100 of 100"]
    assert [fields for _, fields in api.asked("verify")] == [{"repair": False}, {"repair": False, "cursor": "0:a"}]


def test_each_difference_is_a_row_and_any_makes_it_fail(remora: Any, api: Told) -> None:
    api.answers["verify"] = [
        stretch("0:a", difference(1), difference(2, index="vector", problem="missing", found=None)),
        stretch(None, problems=["two live versions of one memory"]),
    ]
    shown = remora("verify")
    assert shown.code == 1
    problem, stale, missing, verdict = shown.out.splitlines()
    assert problem == "ledger  two live versions of one memory"
    assert stale.split("\t") == ["0", "graph", "stale", "7:abababab", "5:cdcdcdcd", f"{1:0>36}"]
    assert missing.split("\t") == ["0", "vector", "missing", "7:abababab", "-", f"{2:0>36}"]
    assert verdict.startswith("100 memories compared: 3 differences remain.")


@pytest.mark.parametrize(
    ("repair", "repaired", "code", "advice"),
    [
        (False, 0, 1, "1 difference remains. `remora verify --repair`"),
        (True, 0, 1, "1 difference remains. `remora rebuild vector`"),
        (True, 1, 0, "1 difference repaired: ledger, vector index and graph agree."),
    ],
)
def test_the_verdict_says_what_to_do(
    remora: Any, api: Told, repair: bool, repaired: int, code: int, advice: str
) -> None:
    api.answers["verify"] = [stretch(None, difference(1), repaired=repaired)]
    shown = remora("verify", *(["--repair"] if repair else []))
    assert (shown.code, advice in shown.out) == (code, True), shown.out
    assert api.asked("verify") == [((), {"repair": repair})]


def test_a_verification_as_json_is_the_sum(remora: Any, api: Told) -> None:
    api.answers["verify"] = [stretch("0:a", difference(1)), stretch(None)]
    shown = remora("verify", "--json")
    assert (shown.code, shown.err) == (1, "")
    assert json.loads(shown.out) == {
        "clean": False, "checked": 100, "total": 100, "found": 1, "repaired": 0, "remaining": 1,
        "differences": [difference(1)], "problems": [],
    }  # fmt: skip


# --- rebuild ---------------------------------------------------------------------------------------------------------


def progress(state: str, done: int, **more: Any) -> Json:
    return {"index": "vector", "state": state, "done": done, "total": 10, "error": None, "shards": []} | more


def test_a_rebuild_is_begun_and_waited_for(remora: Any, api: Told) -> None:
    api.answers["rebuild"] = [progress("RUNNING", 0), progress("RUNNING", 5), progress("DONE", 10)]
    shown = remora("rebuild", "vector")
    assert (shown.code, shown.out) == (0, "Done: the vector index has 10 memories.\n")
    assert shown.err.splitlines() == ["Building the vector index: 5 of 10", "Building the vector index: 10 of 10"]
    assert [fields.get("start", True) for _, fields in api.asked("rebuild")] == [True, False, False]


def test_a_rebuild_that_fails_says_why_and_exits_with_1(remora: Any, api: Told) -> None:
    api.answers["rebuild"] = [progress("FAILED", 3, error={"code": "unavailable", "message": "The disk is full."})]
    shown = remora("rebuild", "vector")
    assert (shown.code, shown.out) == (1, "")
    assert "The disk is full." in shown.err
    assert json.loads(remora("rebuild", "vector", "--json").out)["state"] == "FAILED"


def test_ctrl_c_leaves_a_rebuild_running_and_says_so(remora: Any, api: Told) -> None:
    def interrupted() -> Json:
        os.kill(os.getpid(), signal.SIGINT)
        return progress("RUNNING", 1)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        api.answers["rebuild"] = [progress("RUNNING", 0), interrupted, progress("RUNNING", 1)]
        shown = remora("rebuild", "vector")
    finally:
        signal.signal(signal.SIGINT, before)
    assert shown.code == 130
    assert "It goes on without this command; `remora rebuild vector` joins it." in shown.err


@pytest.mark.parametrize("arguments", [(), ("ledger",), ("vector", "graph")])
def test_a_rebuild_of_anything_else_is_refused(remora: Any, api: Told, arguments: tuple[str, ...]) -> None:
    assert remora("rebuild", *arguments).code == 2
    assert api.calls == []


# --- help ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["purge", "verify", "rebuild", "operations"])
def test_the_help_shows_an_example(remora: Any, command: str) -> None:
    shown = remora(command, "--help")
    assert shown.code == 0
    assert f"remora {command} " in shown.out.partition("Example")[2]
