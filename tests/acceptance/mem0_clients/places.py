"""Where Mem0's clients are installed, each in its published version, and what they find around them when they run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.mem0_environment import MEM0, default_directory, installed
from tests.acceptance.faces.face import Refused
from tests.acceptance.faces.program import Program

COMMAND_LINE = "mem0-cli==0.2.13"
NPM = ("mem0ai@3.3.1", "@mem0/cli@0.2.13")
_INSTALL_S = 600.0
_COMMAND_S = 60.0


def python() -> Path:
    """The Python of an environment with Mem0's SDK and command line."""
    try:
        return installed(default_directory("mem0-clients"), [MEM0, COMMAND_LINE])
    except RuntimeError as error:
        _missing(str(error))
        raise


def npm() -> Path:
    """The directory in which npm has installed Mem0's client and command line."""
    program = shutil.which("npm")
    if program is None:
        _missing("npm is not installed")
    directory = default_directory("mem0-npm")
    stamp = directory / "installed.txt"
    if not stamp.exists() or stamp.read_text().split() != [*NPM]:
        directory.mkdir(parents=True, exist_ok=True)
        # Its peers are drivers of stores that a client of a server never opens.
        made = subprocess.run(
            [program or "npm", "install", "--prefix", directory, "--no-audit", "--no-fund", "--legacy-peer-deps", *NPM],
            capture_output=True, text=True, timeout=_INSTALL_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if made.returncode != 0:
            _missing(f"npm could not install {' '.join(NPM)}:\n{made.stderr[-800:]}")
        stamp.write_text("\n".join(NPM))
    return directory


def surroundings(home: Path) -> dict[str, str]:
    """The variables of a client that tells nobody of itself and leaves no file behind."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MEM0_", "REMORA_", "RAY_"))}
    kept.pop("PYTHONPATH", None)
    return kept | {
        "HOME": str(home),
        "MEM0_DIR": str(home / ".mem0"),
        "MEM0_TELEMETRY": "false",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


class Sdk(Program):
    """An SDK in a process of its own. `Refused.code` is the name of the exception's class."""

    def __init__(self, name: str, home: Path) -> None:
        jobs = Path(__file__).parent
        commands = {
            "sync": lambda: [str(python()), "-P", str(jobs / "sdk_job.py"), "sync"],
            "async": lambda: [str(python()), "-P", str(jobs / "sdk_job.py"), "async"],
            "npm": lambda: ["node", str(jobs / "sdk_job.cjs"), str(npm())],
        }
        super().__init__(name, commands[name](), home, surroundings(home))

    def refusal(self, types: list[str], args: list[Any]) -> Refused:
        return Refused(types[0], args[0])


def run(command: list[str], home: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """One call of a command line."""
    return subprocess.run(
        command, cwd=home, env={**surroundings(home), **variables}, capture_output=True, text=True, timeout=_COMMAND_S,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _missing(why: str) -> None:
    """A laptop may do without; where everything is checked it is an error."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
