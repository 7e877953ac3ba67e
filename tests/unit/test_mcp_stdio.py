"""`remora mcp` as a real process: the tools over a pipe, nothing else on it, and an end that comes when it should."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from pydantic import SecretStr

from engine.config import Settings
from engine.in_process import in_process
from serve_app.application import create_app
from tests.provider import served

KEY = "a-long-secret"
NOBODY = "http://127.0.0.1:9"
COMMAND = [sys.executable, "-m", "remora.cli", "mcp"]
DEADLINE_S = 60


@pytest.fixture
async def url() -> AsyncIterator[str]:
    memory = in_process()
    await memory.start()
    async with served(create_app(memory, Settings(admin_key=SecretStr(KEY))), lifespan=True) as there:
        yield there
    await memory.close()


def started(*arguments: str) -> StdioServerParameters:
    command, *first = COMMAND
    return StdioServerParameters(command=command, args=[*first, *arguments])


def process(*arguments: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([*COMMAND, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def hello() -> str:
    who = {"name": "test", "version": "1"}
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": who}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}) + "\n"


async def told(client: Client, tool: str, **arguments: Any) -> tuple[bool, Any]:
    """Whether it is an error, and the JSON that a tool answers."""
    answer = await client.call_tool(tool, arguments)
    (text,) = answer.content
    assert text.type == "text"
    return answer.is_error, json.loads(text.text)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_tools_work_over_a_pipe_for_the_user_who_is_named(url: str, mode: Any) -> None:
    async with Client(started("--url", url, "--api-key", KEY, "--user-id", "ana"), mode=mode) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        _, added = await told(client, "add_memory", text="I moved to Lisbon in May.")
        _, found = await told(client, "search_memories", query="Where does Ana live?")
        _, bens = await told(client, "search_memories", query="Where does Ben live?", filters={"user_id": "ben"})
        missing = await told(client, "get_memory", memory_id="8f3a0c1e-5b7d-8e21-a4c9-0d6f2b913e57")
        wrong = await told(client, "delete_all_memories")
        prompt = await client.get_prompt("memory_assistant")
    assert len(names) == 15
    assert added["status"] == "SUCCEEDED"
    assert [(row["memory"], row["user_id"]) for row in found["results"]] == [("I moved to Lisbon in May.", "ana")]
    assert bens["results"] == []
    assert (missing[0], missing[1]["code"]) == (True, "not_found")
    assert (wrong[0], wrong[1]["code"]) == (True, "invalid_input")
    assert prompt.messages


async def test_a_wrong_key_is_told_by_the_tools(url: str) -> None:
    async with Client(started("--url", url, "--api-key", "other")) as client:
        failed, error = await told(client, "get_memories")
    assert (failed, error["code"]) == (True, "unauthorized")


async def test_where_nobody_answers_the_protocol_goes_on_and_the_tools_say_so() -> None:
    async with Client(started("--url", NOBODY)) as client:
        for _ in range(2):
            failed, error = await told(client, "get_memories")
            assert (failed, error["code"]) == (True, "unavailable")


async def test_a_runtime_that_cant_be_started_is_told_by_the_tools(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with Client(started("--data-dir", str(tmp_path / "file" / "data"))) as client:
        failed, error = await told(client, "get_memories")
    assert (failed, error["code"]) == (True, "unavailable")
    assert "Not a directory" in error["error"]


def test_nothing_but_the_protocol_is_on_stdout_and_the_end_of_stdin_ends_it() -> None:
    with process("--url", NOBODY) as one:
        out, _ = one.communicate(hello() + "no message\n", timeout=DEADLINE_S)
    said = [json.loads(line) for line in out.splitlines()]
    assert one.returncode == 0
    assert [message["jsonrpc"] for message in said] == ["2.0"] * len(said)
    assert said[0]["result"]["serverInfo"]["name"] == "remora"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_it_while_stdin_is_open(number: signal.Signals) -> None:
    with process("--url", NOBODY) as one:
        assert one.stdin is not None
        assert one.stdout is not None
        one.stdin.write(hello())
        one.stdin.flush()
        assert "result" in json.loads(one.stdout.readline())
        one.send_signal(number)
        assert one.wait(DEADLINE_S) == -number


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--url", "127.0.0.1:8000"], "http"),
        (["--url", NOBODY, "--data-dir", "x"], "data_dir"),
        (["--url", NOBODY, "--user-id", ""], "default_user"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_served(arguments: list[str], reason: str) -> None:
    done = subprocess.run([*COMMAND, *arguments], input=hello(), capture_output=True, text=True, timeout=DEADLINE_S)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
