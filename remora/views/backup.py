"""Backups: what is in one, and what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from remora import output
from remora.output import Column
from remora.views import units

if TYPE_CHECKING:
    from engine.backup.manifest import Manifest
    from engine.backup.restore import Restored
    from engine.config import Settings

_COLUMNS = (
    Column("shard", right=True),
    Column("position", right=True),
    Column("memories", right=True),
    Column("operations", right=True),
    Column("unfinished", right=True),
    Column("size", right=True),
    Column("read at"),
)


def made(manifest: Manifest, directory: Path, *, whole: bool) -> None:
    """A backup that was made, or (`whole`) found to be whole."""
    _shards(manifest)
    output.line(f"{directory}: whole, every checksum is right." if whole else f"Backed up to {directory}.", "green")


def restored(done: Restored, problems: list[str], settings: Settings) -> None:
    """What was restored, and what to do next."""
    _shards(done.manifest)
    for path in done.aside:
        output.note(f"The index files that were there belong to another ledger and are in {path} now: delete them.")
    uri = settings.vector.uri or ""
    if uri.startswith(("http://", "https://")):
        name = settings.vector.collection
        output.note(
            f"What {uri} holds in the collections {name}_0, … belongs to another ledger: drop them before you start, "
            "or set vector.collection to another name.",
            "yellow",
        )
    for problem in problems:
        output.note(problem, "red")
    if not problems:
        output.line("Restored. `remora serve` starts it and builds the indexes anew.", "green")


def _shards(manifest: Manifest) -> None:
    rows = [
        (
            str(one.shard),
            units.count(one.position),
            units.count(one.memories),
            units.count(one.rows.get("operations")),
            units.count(one.unfinished),
            units.memory(one.bytes),
            one.made_at.replace("+00:00", "Z"),
        )
        for one in manifest.files
    ]
    output.table(_COLUMNS, rows, "no shards")
