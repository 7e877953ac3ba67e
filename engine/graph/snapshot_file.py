"""The one file of a graph store: read at the start, replaced while it runs, removed when it holds what is erased."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from engine.graph import snapshot
from engine.graph.contribution import Contribution
from engine.graph.snapshot import Snapshot

_log = logging.getLogger(__name__)


class SnapshotFile:
    """A shard's snapshot. Nothing here raises for what is wrong with the disk: a graph can always be built anew.

    Args:
        path: where it is; its folder is made when it is first written.
        shard: whose memories these are; another shard's snapshot is not taken.

    Attributes:
        notice: what an operator should know; None: nothing.
    """

    def __init__(self, path: Path, shard: int) -> None:
        self.notice: str | None = None
        self._path = path
        self._shard = shard

    def load(self) -> Snapshot | None:
        """What it holds. A file that can't be used is set aside; None: there is nothing to begin with."""
        self._remove(snapshot.unfinished(self._path))
        try:
            return snapshot.decode(self._shard, self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (snapshot.Damaged, OSError) as error:
            self._set_aside(error)
            return None

    def _set_aside(self, why: Exception) -> None:
        try:
            kept = snapshot.set_aside(self._path)
        except OSError as error:
            self._tell(f"the graph snapshot can't be used: {why}, nor set aside: {error}; the graph is built anew")
            return
        self._tell(f"the graph snapshot was set aside as {kept.name}: {why}; the graph is built anew")

    def write(self, position: int, memories: Sequence[Contribution]) -> bool:
        """Replace it; False: it could not be written, and the old one is still there."""
        try:
            snapshot.write(self._path, snapshot.encode(self._shard, position, memories))
        except OSError as error:
            self._tell(f"the graph snapshot could not be written: {error}")
            return False
        return True

    def erase(self, *, keep: bool) -> bool:
        """Remove every file that may hold what was erased. `keep`: not the snapshot, it has just been written anew.

        False: something is left.
        """
        old = [snapshot.unfinished(self._path), *snapshot.kept_aside(self._path)]
        gone = [self._remove(path) for path in (old if keep else [*old, self._path])]
        return all(gone)

    def _remove(self, path: Path) -> bool:
        try:
            snapshot.remove(path)
        except OSError as error:
            self._tell(f"{path.name} could not be removed: {error}")
            return False
        return True

    def _tell(self, notice: str) -> None:
        self.notice = notice
        _log.warning("%s", notice)
