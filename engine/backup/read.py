"""Reads a backup: is it whole, and what does it say?"""

from __future__ import annotations

from pathlib import Path

from engine.backup import manifest
from engine.backup.dump_file import Damaged, DumpReader
from engine.backup.manifest import DumpFile, Manifest
from engine.backup.write import Bar
from engine.errors import InvariantViolated, NotFound

_TOLD_ROWS = 1000


def manifest_of(directory: Path) -> Manifest:
    """What the backup says of itself.

    Raises:
        NotFound: there is none.
        Conflict: a newer Remora made it.
        InvariantViolated: it is damaged.
    """
    path = directory / manifest.NAME
    try:
        text = path.read_bytes().decode(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        why = (
            f"has no {manifest.NAME}: it was interrupted, or is something else" if directory.is_dir() else "isn't there"
        )
        raise NotFound(f"no backup: {directory} {why}", {"path": str(directory)}) from None
    return manifest.decode(text, str(path))


def verify(directory: Path, bar: Bar) -> Manifest:
    """Read all of a backup and compare it with its manifest; what it answers is what the backup holds.

    Raises:
        NotFound: there is none.
        Conflict: a newer Remora made it.
        InvariantViolated: it is damaged: `details["problems"]` has a sentence for each file that is.
    """
    found = manifest_of(directory)
    problems = [problem for one in found.files if (problem := _problem(directory / one.name, one, bar)) is not None]
    if problems:
        raise InvariantViolated(f"the backup is damaged: {'; '.join(problems)}", {"problems": problems})
    return found


def _problem(path: Path, said: DumpFile, bar: Bar) -> str | None:
    """What is wrong with a file."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return f"{path} is missing"
    if size != said.bytes:
        return f"{path} has {size} bytes instead of {said.bytes}"
    try:
        wrong = _difference(path, said, bar)
    except Damaged as error:
        wrong = str(error)
    return None if wrong is None else f"{path} is damaged: {wrong}"


def _difference(path: Path, said: DumpFile, bar: Bar) -> str | None:
    with DumpReader(path) as reader, bar(f"checking {said.name}", sum(said.rows.values())) as advance:
        shard = reader.shard()
        for number, _ in enumerate(reader.rows(), 1):
            if number % _TOLD_ROWS == 0:
                advance(_TOLD_ROWS)
        if reader.written.sha256 != said.sha256:
            return "its checksum is wrong"
        if reader.counted != said.rows or (shard.get("position"), shard.get("number")) != (said.position, said.shard):
            return "it isn't the file that the manifest describes"
        return None
