"""A Milvus Lite file seen from outside: who has it open, what it says of itself, what is missing in it.

Knows nothing of pymilvus. A Lite file is a directory. The store begins in the one that was asked for (`vector-0.db`);
each rebuild makes another beside it (`vector-0.copy-1f2e3d4c.db`), and the mark names the one in use.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.vector.mark import DamagedMark, Mark, read_mark, sync_directory

_COPY = ".copy-"
_DAMAGED = ".damaged-"


@dataclass(frozen=True, slots=True)
class LiteReport:
    """`exists`: there is such a file. `locked`: another process has it open. `place`: the file in use.

    `mark`: what made its rows; None: it has no mark that can be read, so the next start fills it anew.
    """

    exists: bool
    locked: bool
    mark: Mark | None
    place: Path


def inspect(path: Path) -> LiteReport:
    """What can be told of the store at `path` without opening it."""
    try:
        mark = read_mark(mark_path(path))
    except DamagedMark:
        mark = None
    place = in_use(path, mark)
    return LiteReport(place.exists(), is_locked(place), mark, place)


def mark_path(path: Path) -> Path:
    """Where the mark of a store is kept."""
    return path.with_name(path.name + ".mark.json")


def in_use(path: Path, mark: Mark | None) -> Path:
    """The Lite file in which the rows are."""
    return path if mark is None or not mark.place else path.with_name(mark.place)


def copy_path(path: Path) -> Path:
    """A new name for a copy. It ends in `.db`, since pymilvus takes nothing else for a file."""
    return path.with_name(f"{path.stem}{_COPY}{secrets.token_hex(4)}.db")


def unused(path: Path, used: Path) -> list[Path]:
    """The Lite files of the store at `path` that aren't in use: copies that were never finished, or were replaced."""
    names = _names(path.parent)
    copies = [name for name in names if name.startswith(path.stem + _COPY) and name.endswith(".db")]
    return [path.with_name(name) for name in (path.name, *copies) if name in names and name != used.name]


def damaged(path: Path) -> list[Path]:
    """What was set aside of the store at `path`."""
    begins = (path.name + _DAMAGED, mark_path(path).name + _DAMAGED)
    return [
        path.with_name(name)
        for name in _names(path.parent)
        if name.startswith(begins) or (name.startswith(path.stem + _COPY) and _DAMAGED in name)
    ]


def files(path: Path) -> list[Path]:
    """Everything that belongs to the store at `path` and is there, the mark too."""
    found = [*unused(path, mark_path(path)), mark_path(path), *damaged(path)]
    return [one for one in found if one.exists()]


def set_aside(path: Path) -> Path:
    """Renames what is damaged; its new name."""
    aside = path.with_name(f"{path.name}{_DAMAGED}{secrets.token_hex(4)}")
    path.rename(aside)
    sync_directory(path.parent)
    return aside


def remove(paths: list[Path]) -> None:
    """Removes files and directories for good. Raises OSError."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for parent in {path.parent for path in paths}:
        sync_directory(parent)


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


def manifest_version(path: Path, collection: str) -> int:
    """The version of the manifest on disk; 0: there is none that can be read."""
    return int((_manifest(_folder(path, collection)) or {}).get("version", 0))


def missing(path: Path, collection: str, mark: Mark) -> str | None:
    """What the file lacks of that which the mark stands for; None: nothing that can be seen from outside.

    Lite opens such files without a word, as if less had been written.
    """
    folder = _folder(path, collection)
    if not folder.is_dir():
        return "there are no rows in it"
    manifest = _manifest(folder)
    if manifest is None:
        return "its manifest can't be read"
    if manifest["version"] < mark.manifest:
        return f"its manifest is version {manifest['version']}, but {mark.manifest} was written"
    for partition, contents in manifest["partitions"].items():
        for name in (*contents["data_files"], *contents["delta_files"]):
            if not (folder / "partitions" / partition / name).is_file():
                return f"{name} is missing"
    return None


def sync_tree(path: Path) -> None:
    """Makes a directory and all that is in it durable. What vanishes meanwhile (Lite tidies up) isn't needed."""
    for folder, _, names in os.walk(path):
        for name in names:
            _sync_file(Path(folder, name))
        sync_directory(Path(folder))
    sync_directory(path.parent)


def _sync_file(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _folder(path: Path, collection: str) -> Path:
    return path / "collections" / collection


def _manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest that Lite would take: the one before, if the last one can't be read."""
    for name in ("manifest.json", "manifest.json.prev"):
        try:
            manifest = json.loads((folder / name).read_bytes())
            if isinstance(manifest["version"], int) and isinstance(manifest["partitions"], dict):
                return dict(manifest)
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder)) if folder.is_dir() else []
