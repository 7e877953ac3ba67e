"""A look at a graph snapshot file, for those who only want to know whether it can be used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.errors import InvariantViolated
from engine.graph import snapshot


@dataclass(frozen=True, slots=True)
class SnapshotReport:
    """What a snapshot holds."""

    position: int
    memories: int


def inspect(path: Path, shard: int) -> SnapshotReport | None:
    """What the shard's snapshot holds; None: there is no file.

    Raises:
        InvariantViolated: it can't be used; the next start sets it aside and builds the graph anew.
    """
    try:
        found = snapshot.decode(shard, path.read_bytes())
    except FileNotFoundError:
        return None
    except (snapshot.Damaged, OSError) as error:
        raise InvariantViolated(f"{path} can't be used: {error}", {"file": str(path)}) from error
    return SnapshotReport(found.position, len(found.memories))


def set_aside(path: Path) -> Path:
    """Rename a snapshot that can't be used, as the next start would, and say where it is now."""
    return snapshot.set_aside(path)
