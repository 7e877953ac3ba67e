"""The `remora` command against a small server that answers as Remora does: output, exit codes, advice."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from remora import __version__
from remora.cli import main

MEMORY_ID = "00100000-0000-8000-8000-000000000001"


class FakeServer:
    """Answers each request with `answer`, and remembers them."""

    def __init__(self) -> None:
        self.answer: tuple[int, dict[str, Any]] = (200, {"results": []})
        self.requests: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                fake.requests.append((self.path, body, {k.lower(): v for k, v in self.headers.items()}))
                status, answer = fake.answer
                raw = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    yield fake
    fake.close()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("REMORA_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> int:
    """The exit code of `remora ARGUMENTS`."""
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


def use(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMORA_PORT", str(server.port))


def test_version_is_the_package_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"remora {__version__}\n"


@pytest.mark.parametrize("command", ["serve", "up", "down", "status", "config", "add", "search"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command, "--help") == 0
    assert "Usage" in capsys.readouterr().out


def test_add_sends_the_text_with_its_scope_and_shows_the_memory(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(server, monkeypatch)
    server.answer = (200, {"results": [{"id": MEMORY_ID, "memory": "I [bold]moved[/bold].", "event": "ADD"}]})
    assert run("add", "I [bold]moved[/bold].", "--user-id", "ana", "--metadata", '{"source": "mail"}') == 0
    path, body, _ = server.requests[0]
    assert path == "/v1/memories/"
    assert body["messages"] == [{"role": "user", "content": "I [bold]moved[/bold]."}]
    assert (body["user_id"], body["metadata"]) == ("ana", {"source": "mail"})
    assert capsys.readouterr().out == f"ADD    {MEMORY_ID}  I [bold]moved[/bold].\n"


def test_add_reads_stdin_for_a_dash(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    use(server, monkeypatch)
    monkeypatch.setattr("sys.stdin", io.StringIO("from a pipe"))
    assert run("add", "-", "--user-id", "ana") == 0
    assert server.requests[0][1]["messages"][0]["content"] == "from a pipe"


def test_search_shows_score_and_memory(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(server, monkeypatch)
    server.answer = (200, {"results": [{"id": MEMORY_ID, "memory": "x" * 300, "score": 0.8124}], "degraded": ["graph"]})
    assert run("search", "where?", "--user-id", "ana", "-k", "3", "--threshold", "0") == 0
    assert server.requests[0][1] == {"query": "where?", "user_id": "ana", "top_k": 3, "threshold": 0.0}
    shown = capsys.readouterr()
    assert "0.812" in shown.out
    assert "x" * 300 in shown.out
    assert MEMORY_ID in shown.out
    assert "without graph" in shown.err


def test_a_stored_text_can_t_steer_the_terminal(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(server, monkeypatch)
    server.answer = (200, {"results": [{"id": MEMORY_ID, "memory": "a\x1b]0;owned\x07b\x9b2Jc", "score": 0.5}]})
    assert run("search", "q", "--user-id", "ana") == 0
    out = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x9b"} & set(out)
    assert "owned" in out


def test_search_that_finds_nothing_says_so(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(server, monkeypatch)
    assert run("search", "where?", "--user-id", "ana") == 0
    assert capsys.readouterr() == ("", "Nothing found.\n")  # No line that a script would take for a hit.


@pytest.mark.parametrize("command", [("add", "text"), ("search", "query")])
def test_json_is_the_server_s_answer(
    command: tuple[str, str],
    server: FakeServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use(server, monkeypatch)
    server.answer = (200, {"results": [{"id": MEMORY_ID, "memory": "naïve 鮣", "event": "ADD", "score": 1.0}]})
    assert run(*command, "--user-id", "ana", "--json") == 0
    assert json.loads(capsys.readouterr().out) == server.answer[1]


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (400, "invalid_input", 2),
        (413, "too_large", 2),
        (404, "not_found", 3),
        (503, "unavailable", 4),
        (429, "overloaded", 5),
        (401, "unauthorized", 1),
        (500, "internal", 1),
    ],
)
def test_a_refusal_has_its_exit_code_and_no_traceback(
    status: int,
    code: str,
    exit_code: int,
    server: FakeServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use(server, monkeypatch)
    server.answer = (status, {"detail": "because", "code": code})
    assert run("search", "where?") == exit_code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("remora: because\n")
    assert "Traceback" not in shown.err


def test_without_a_server_it_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("search", "where?", "--user-id", "ana", "--url", "http://127.0.0.1:1") == 4
    assert "remora serve" in capsys.readouterr().err


def test_the_key_comes_from_flag_or_environment(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    use(server, monkeypatch)
    monkeypatch.setenv("REMORA_ADMIN_KEY", "admin")
    run("search", "q", "--user-id", "ana")
    monkeypatch.setenv("REMORA_API_KEY", "mine")
    run("search", "q", "--user-id", "ana")
    run("search", "q", "--user-id", "ana", "--api-key", "flag")
    assert [sent["authorization"] for _, _, sent in server.requests] == ["Token admin", "Token mine", "Token flag"]


def test_url_wins_over_the_settings(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMORA_PORT", "1")
    monkeypatch.setenv("REMORA_URL", f"http://127.0.0.1:{server.port}")
    assert run("search", "q", "--user-id", "ana") == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("add",),
        ("add", "text", "--metadata", "{"),
        ("add", "text", "--metadata", "[1]"),
        ("search", "q", "--top-k", "0"),
        ("search", "q", "--filters", "no"),
        ("search", "q", "--threshold", "2"),
        ("search", "q", "--url", "nowhere"),
        ("fly",),
        ("serve", "--port", "70000"),
        ("serve", "--host", "0.0.0.0"),
    ],
)
def test_a_wrong_call_exits_with_2_and_says_why(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    assert capsys.readouterr().err


def test_config_hides_secrets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("REMORA_ADMIN_KEY", "s3cret-admin")
    monkeypatch.setenv("REMORA_LLM_API_KEY", "s3cret-llm")
    monkeypatch.setenv("REMORA_PORT", "8123")
    assert run("config") == 0
    text = capsys.readouterr().out
    assert "port = 8123" in text
    assert "admin_key = ***" in text
    assert run("config", "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["port"] == 8123
    assert "s3cret" not in text + json.dumps(values)


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("REMORA_SEARCH_TOP_K", "many")
    assert run("config") == 2
    assert "search.top_k" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["config"], ["config", "--json"]])
def test_a_reader_that_has_gone_is_no_reason_to_complain(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}

    command = [sys.executable, "-m", "remora.cli", *arguments]
    run = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, env=buffered, check=False)
    os.close(writer)

    assert (run.returncode, run.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_output_that_cannot_be_written_is_told_in_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "remora.cli", "config", "--json"]
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert run.returncode == 1
    assert json.loads(run.stderr)["detail"] == "[Errno 28] No space left on device"


@pytest.mark.parametrize("arguments", [["add", "-"], ["add", "--file", "-"], ["delete", "--all"]])
def test_a_closed_stdin_is_refused_before_anything_is_sent(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", None)

    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--user-id", "ana", "--url", "http://127.0.0.1:9"])

    assert stopped.value.code == 2
    assert "--yes" in (told := capsys.readouterr().err) or "stdin" in told


def test_a_data_directory_that_cannot_be_made_is_no_crash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SystemExit) as stopped:
        main(["up", "--data-dir", str(tmp_path / "file" / "below")])

    assert stopped.value.code == 1
    assert "Not a directory" in capsys.readouterr().err


def test_a_data_directory_whose_name_is_no_text_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["status", "--data-dir", "/tmp/\udcff"])

    assert stopped.value.code == 2
    assert "data_dir" in capsys.readouterr().err
