"""The directory of a backup: what may be there before one is made, and how its files become durable."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from engine.backup import manifest
from engine.errors import Conflict, InvalidInput

_LOCK = "backup.lock"
_PART = ".part"
_OURS = re.compile(r"ledger-\d+\.msgpack(\.part)?|manifest\.json\.part|backup\.lock")
"""What an interrupted backup can leave: with its manifest it would be a whole one."""


@contextmanager
def reserved(directory: Path) -> Iterator[None]:
    """An empty directory for one backup alone; what an interrupted one has left in it is removed.

    What was written goes again when the context ends by an exception.

    Raises:
        Conflict: something else is in it, or another backup is being written there.
        InvalidInput: it is no directory.
    """
    if directory.exists() and not directory.is_dir():
        raise InvalidInput(f"{directory} is no directory")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    _check(directory)
    with (directory / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"another backup is being written to {directory}", {"path": str(directory)}) from None
        try:
            _check(directory)
            _clear(directory)
            yield
        except BaseException:
            _clear(directory)
            raise
        finally:
            (directory / _LOCK).unlink(missing_ok=True)


@contextmanager
def fresh_file(path: Path) -> Iterator[IO[bytes]]:
    """A file for its owner's eyes only, under a temporary name until it is whole and durable."""
    part = path.with_name(path.name + _PART)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    _sync(path.parent)


def _check(directory: Path) -> None:
    names = {path.name for path in directory.iterdir()}
    if manifest.NAME in names:
        raise Conflict(f"{directory} holds a backup already: give each its own directory", {"path": str(directory)})
    if foreign := sorted(name for name in names if not _OURS.fullmatch(name)):
        raise Conflict(
            f"{directory} isn't empty ({', '.join(foreign[:3])}{', …' if len(foreign) > 3 else ''}): "  # noqa: PLR2004
            "give the backup a directory of its own",
            {"path": str(directory)},
        )


def _clear(directory: Path) -> None:
    for path in directory.iterdir():
        if _OURS.fullmatch(path.name) and path.name != _LOCK:
            path.unlink(missing_ok=True)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
