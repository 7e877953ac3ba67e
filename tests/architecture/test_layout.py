"""The architecture is linted: who may import whom, what files are called, what importing costs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("engine", "actors", "serve_app", "remora")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_keep_the_contracts() -> None:
    check = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_packages(package: str) -> None:
    assert (ROOT / package / "__init__.py").is_file()
    assert (ROOT / package / "py.typed").is_file()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_say_what_lives_there(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{name_of(path)} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_names_say_what_is_inside(path: Path) -> None:
    assert not VAGUE_NAMES & set(path.relative_to(ROOT).with_suffix("").parts)


def test_importing_remora_is_light() -> None:
    """Neither of our own layers nor anything heavy is loaded, and it takes no time to speak of."""
    code = (
        "import sys, time; start = time.perf_counter(); import remora; taken = time.perf_counter() - start\n"
        "import json; print(json.dumps([taken, sorted(sys.modules)]))"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    taken_s, modules = json.loads(out)
    assert not {"engine", "actors", "serve_app", "ray", "torch", "pydantic", "fastapi"} & set(modules)
    assert taken_s < 0.3


def test_the_command_line_is_light_until_a_command_needs_more() -> None:
    code = "import sys, json, remora.cli; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"engine", "actors", "serve_app", "ray", "torch", "httpx"} & set(json.loads(out))


def test_git_ignores_what_running_leaves_behind() -> None:
    left = [
        ".venv/x",
        "engine/__pycache__/x.pyc",
        "remora.egg-info/PKG-INFO",
        ".mypy_cache/x",
        ".hypothesis/x",
        "build/x",
    ]
    check = subprocess.run(["git", "check-ignore", *left], cwd=ROOT, capture_output=True, text=True)
    assert check.stdout.split() == left
