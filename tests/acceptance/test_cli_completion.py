"""Shell completion of the real `remora`, and how fast it answers."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.place import Place

COMMANDS = {"serve", "up", "down", "status", "add", "search", "list", "get", "update", "delete", "history"}
COMMANDS |= {"entities", "operations", "graph", "demo", "doctor", "config", "purge", "reinfer", "verify", "rebuild"}
COMMANDS |= {"context", "tune"}
START_CPU_S = 0.6


def words(place: Place, shell: str, **variables: str) -> str:
    place.environment |= {"_REMORA_COMPLETE": f"complete_{shell}", **variables}
    return place.run().stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(place: Place, shell: str) -> None:
    script = place.run("--show-completion", shell)
    assert script.returncode == 0, script.stderr
    assert f"_REMORA_COMPLETE=complete_{shell}" in script.stdout


def test_bash_completes_commands_and_their_commands(place: Place) -> None:
    assert set(words(place, "bash", COMP_WORDS="remora ", COMP_CWORD="1").split()) >= COMMANDS
    assert set(words(place, "bash", COMP_WORDS="remora graph ", COMP_CWORD="2").split()) == {
        "entities", "neighbours", "path", "communities", "merge", "split",
    }  # fmt: skip
    assert set(words(place, "bash", COMP_WORDS="remora operations ", COMP_CWORD="2").split()) == {
        "list", "show", "retry",
    }  # fmt: skip
    states = words(place, "bash", COMP_WORDS="remora operations list --state ", COMP_CWORD="4")
    assert set(states.split()) == {"PENDING", "RUNNING", "SUCCEEDED", "FAILED"}
    assert set(words(place, "bash", COMP_WORDS="remora rebuild ", COMP_CWORD="2").split()) == {"vector", "graph"}
    assert "--user-id" in words(place, "bash", COMP_WORDS="remora search --u", COMP_CWORD="2").split()


def test_zsh_and_fish_complete_commands(place: Place) -> None:
    assert "neighbours" in words(place, "zsh", _TYPER_COMPLETE_ARGS="remora graph n")
    place.environment.pop("_TYPER_COMPLETE_ARGS")
    fish = words(place, "fish", _TYPER_COMPLETE_ARGS="remora do", _TYPER_COMPLETE_FISH_ACTION="get-args")
    assert {line.split("\t")[0] for line in fish.splitlines()} >= {"down", "doctor"}


def test_the_script_works_in_a_real_bash(place: Place, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash
    home = tmp_path / "home"
    home.mkdir()
    place.environment["HOME"] = str(home)
    place.environment["PATH"] = os.pathsep.join([str(Path(place.command).parent), place.environment["PATH"]])
    installed = place.run("--install-completion", "bash")
    assert installed.returncode == 0, installed.stderr
    typed = (
        'source ~/.bashrc; COMP_WORDS=(remora oper); COMP_CWORD=1; _remora_completion remora; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run([bash, "-c", typed], env=place.environment, capture_output=True, text=True, timeout=30)
    assert done.stdout == "operations\n", done.stderr


def test_help_costs_little(place: Place) -> None:
    place.run("--help")  # so that what Python compiles is there
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert place.run("--help").returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time: a busy machine must not decide.
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < START_CPU_S
