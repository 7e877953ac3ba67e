"""Whether what was meant as a setting is one."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

from engine.config import Settings, load
from engine.errors import InvalidInput
from engine.variables import unknown_settings, unknown_variables
from remora.doctor.finding import Finding, failure, ok, warning

_FILE = Path("remora.toml")


def names() -> Iterator[Finding]:
    """Variables and keys that nobody reads: mostly typing errors."""
    strange = {f"the variable {name}": near for name, near in unknown_variables(os.environ).items()}
    strange |= {f"{_FILE}: {name}": near for name, near in unknown_settings(_table()).items()}
    for name, near in strange.items():
        advice = f"Did you mean {near}?" if near else "`remora config` shows the settings that there are."
        yield warning("settings", f"{name} is set, and nothing reads it", advice)
    if not strange:
        yield ok("settings", "no unknown settings")


def settings(data_dir: Path | None) -> tuple[Settings | None, Finding | None]:
    """The settings in force, under the flag that is given, or what is wrong with them."""
    try:
        return load(data_dir=data_dir), None
    except (InvalidInput, tomllib.TOMLDecodeError) as error:
        return None, failure("settings", str(error), "Correct them; the rest can't be checked without.")


def _table() -> dict[str, object]:
    try:
        return tomllib.loads(_FILE.read_text())
    except (OSError, ValueError):
        return {}  # `settings` tells what is wrong with it.
