"""MCP of a whole runtime, with the real SDK of both major versions: through the proxy with a key, and over a pipe."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.place import START_DEADLINE_S, STOP_DEADLINE_S, Place
from tests.acceptance.readme import ways

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SDKS = {"1": "mcp==1.30.0", "2": "mcp>=2,<3"}
PROTOCOLS = {"1": "2025-11-25", "2": "2026-07-28"}
PROGRAM = Path(__file__).with_name("mcp_client.py")
ROOT = Path(__file__).parents[2]
KEY = "a-long-secret"
INSTALL_S = 300.0


@pytest.fixture(scope="module", params=SDKS)
def sdk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A major version, and a Python that has it and nothing of Remora."""
    directory = tmp_path_factory.mktemp(f"sdk{request.param}")
    venv.create(directory, with_pip=True)
    python = str(directory / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", SDKS[request.param]]
    done = subprocess.run(install, capture_output=True, text=True, timeout=INSTALL_S)
    assert done.returncode == 0, done.stderr
    return request.param, python


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = small(Place(tmp_path_factory.mktemp("mcp")))
    place.environment["REMORA_ADMIN_KEY"] = KEY
    up = place.run("up", timeout_s=START_DEADLINE_S)
    assert up.returncode == 0, up.stdout + up.stderr
    yield place
    place.run("down", timeout_s=STOP_DEADLINE_S)
    place.close()


def small(place: Place) -> Place:
    place.environment |= {"REMORA_EMBED_MODEL": "hashing", "REMORA_EXTRACT_ENTITIES": "none", "PYTHONPATH": str(ROOT)}
    return place


def used(place: Place, python: str, *arguments: str) -> Any:
    """What the program saw. It runs isolated, so that it finds nothing of Remora's."""
    done = subprocess.run(
        [python, "-I", str(PROGRAM), *arguments],
        cwd=place.directory,
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=START_DEADLINE_S,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check(saw: Any, version: str) -> None:
    assert saw["sdk"].startswith(f"{version}.")
    assert saw["protocol"] == PROTOCOLS[version]
    assert {"add_memory", "search_memories", "delete_entities", "list_memories"} <= set(saw["tools"])
    assert saw["found"] == ["Ana lives in Lisbon."]
    assert saw["changed"] == saw["one"] == "Ana lives in Porto."
    assert saw["event"] == "SUCCEEDED"
    assert saw["errors"] == {"delete_all_memories": "invalid_input"}
    assert (saw["gone"], saw["left"], saw["resource"], saw["prompt"]) == (1, 0, 0, 1)


@pytest.mark.parametrize(
    ("path", "header"),
    [("/mcp", f"Authorization=Bearer {KEY}"), ("/mcp/", f"Authorization=Token {KEY}"), ("/mcp", f"X-API-Key={KEY}")],
)
def test_both_sdks_use_the_memory_through_the_proxy_under_any_host(
    running: Place, sdk: tuple[str, str], path: str, header: str
) -> None:
    version, python = sdk
    check(used(running, python, f"{running.url}{path}", header, "Host=memory.example.com"), version)


def test_both_sdks_use_a_runtime_that_runs_by_a_pipe(running: Place, sdk: tuple[str, str]) -> None:
    version, python = sdk
    check(used(running, python, "--stdio", *command(running)), version)
    assert running.run("status").returncode == 0


def test_a_runtime_of_its_own_comes_and_goes_with_the_pipe_as_the_readme_has_it(place: Place) -> None:
    told = json.loads(ways()["MCP"])["mcpServers"]["remora"]
    assert (Path(told["command"]).name, told["args"][0]) == (Path(place.command).name, "mcp")
    small(place)
    saw = used(place, sys.executable, "--stdio", *command(place), *told["args"][1:])
    check(saw, "2")
    place.wait_until_nothing_is_left()


def command(place: Place) -> list[str]:
    """`remora mcp` under the place's environment, of which the SDKs hand on next to nothing."""
    return ["/usr/bin/env", *(f"{name}={value}" for name, value in place.environment.items()), place.command, "mcp"]
