"""A new ledger's file: made whole beside its place, so that a file in its place is never one that was only begun."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection

from engine.ledger.connections import sqlite_file, transact
from engine.ledger.failures import damaged

_BESIDE = ("", "-wal", "-shm")


def make_if_missing(path: Path, prepare: Callable[[Connection], None]) -> None:
    """Make the ledger's file unless it is there.

    Args:
        path: where it belongs.
        prepare: makes its tables and its first row.

    Raises:
        InvariantViolated: what is there isn't a whole ledger: the file is empty, or only its log is left.
    """
    if path.exists():
        if path.stat().st_size == 0:
            raise damaged(str(path), "the file is empty (if it never held anything, remove it)")
        return
    log = _beside(path, "-wal")
    if log.exists() and log.stat().st_size > 0:
        raise damaged(str(path), f"the file is missing, and its log {log.name} is there")
    if not path.parent.is_dir():
        return
    fresh = _beside(path, ".new")
    _remove(fresh)
    engine = sqlite_file(fresh)
    try:
        transact(engine, str(path), prepare)
    finally:
        engine.dispose()
    _put(fresh, path)
    _remove(fresh)


def _put(fresh: Path, path: Path) -> None:
    """Give the file its name; if another process was faster, its file is the one."""
    try:
        os.link(fresh, path)
    except FileExistsError:
        return
    except OSError:  # not every file system has links
        fresh.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _remove(path: Path) -> None:
    for suffix in _BESIDE:
        _beside(path, suffix).unlink(missing_ok=True)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
