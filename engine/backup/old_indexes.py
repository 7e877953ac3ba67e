"""Index files that lie where a backup is restored: they were made from another ledger, and have to go."""

from __future__ import annotations

from pathlib import Path

from engine.config import Settings
from engine.vector import lite_path

_ASIDE = "before-restore"
_PATTERNS = ("vector-*", "graph-*")


def set_aside(settings: Settings) -> list[Path]:
    """Move them into a directory beside them; the directories that were made, which nobody needs any more."""
    moved: dict[Path, Path] = {}
    for path in _found(settings):
        if path.parent not in moved:
            moved[path.parent] = _directory(path.parent)
        path.rename(moved[path.parent] / path.name)
    return list(moved.values())


def _found(settings: Settings) -> list[Path]:
    """Files, and directories as those of Milvus Lite."""
    found = [path for pattern in _PATTERNS for path in settings.data_dir.glob(pattern)]
    uri = settings.vector.uri
    if uri is not None and not uri.startswith(("http://", "https://")):
        for shard in range(settings.shards):
            lite = lite_path(uri, shard)
            found += lite.parent.glob(f"{lite.name}*") if lite.parent.is_dir() else []
    return sorted(set(found))


def _directory(parent: Path) -> Path:
    number = 1
    while (made := parent / f"{_ASIDE}-{number}").exists():
        number += 1
    made.mkdir()
    return made
