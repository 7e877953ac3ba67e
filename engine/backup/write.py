"""Writes a backup of every shard's ledger, while a runtime serves or not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from engine.backup import dump_file, manifest
from engine.backup.directory import fresh_file, reserved
from engine.backup.dump_file import Advance
from engine.backup.manifest import DumpFile, Manifest
from engine.config import Settings
from engine.ledger.dump import snapshot

Bar: TypeAlias = Callable[[str, int], AbstractContextManager[Advance]]
"""Shows how far something is: what, how much there is in all; then told of each step."""


def back_up(settings: Settings, directory: Path, *, version: str, bar: Bar) -> Manifest:
    """Every shard as of one moment of its own, in one directory; the manifest comes last.

    Args:
        settings: which ledgers.
        directory: empty, or not there yet, or with what an interrupted backup has left.
        version: of Remora.
        bar: shows how many rows of a shard are written.

    Raises:
        Conflict: the directory isn't empty, or a ledger belongs to another number of shards.
        NotFound: a shard has no ledger where the settings say.
        InvariantViolated: a ledger is damaged.
        Unavailable: a ledger can't be read.
        OSError: the directory can't be written.
    """
    with reserved(directory):
        made_at = _now()
        files = tuple(_shard(settings, number, directory, bar) for number in range(settings.shards))
        made = Manifest(remora=version, shards=settings.shards, made_at=made_at, files=files)
        with fresh_file(directory / manifest.NAME) as file:
            file.write(manifest.encode(made).encode())
        return made


def _shard(settings: Settings, number: int, directory: Path, bar: Bar) -> DumpFile:
    name = manifest.file_name(number)
    with snapshot(settings, number) as found, fresh_file(directory / name) as file:
        holdings, made_at = found.holdings, _now()
        with bar(f"shard {number}", sum(holdings.rows.values())) as advance:
            written = dump_file.write(file, found, advance)
    return DumpFile(
        name=name,
        shard=number,
        made_at=made_at,
        position=holdings.position,
        memories=holdings.memories,
        unfinished=holdings.unfinished,
        rows=dict(holdings.rows),
        bytes=written.bytes,
        sha256=written.sha256,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
