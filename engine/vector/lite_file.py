"""A Milvus Lite file seen from outside: who has it open, and what it says of itself. Knows nothing of pymilvus."""

from __future__ import annotations

import fcntl
from dataclasses import dataclass
from pathlib import Path

from engine.vector.mark import DamagedMark, Mark, read_mark


@dataclass(frozen=True, slots=True)
class LiteReport:
    """`exists`: there is such a file. `locked`: another process has it open.

    `mark`: what made its rows; None: it has no mark that can be read, so the next start fills it anew.
    """

    exists: bool
    locked: bool
    mark: Mark | None


def inspect(path: Path) -> LiteReport:
    """What can be told of the file without opening it."""
    try:
        mark = read_mark(mark_path(path))
    except DamagedMark:
        mark = None
    return LiteReport(path.exists(), is_locked(path), mark)


def mark_path(path: Path) -> Path:
    """Where the mark of a Lite file is kept."""
    return path.with_name(path.name + ".mark.json")


def is_locked(path: Path) -> bool:
    """Whether another process has the Lite file `path` (a directory with a locked LOCK file) open."""
    try:
        with (path / "LOCK").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
