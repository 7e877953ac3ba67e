"""Makes ledgers of a backup where there are none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engine import ledger as ledgers
from engine.backup.dump_file import Advance, Damaged, DumpReader, Row
from engine.backup.manifest import DumpFile, Manifest
from engine.backup.old_indexes import set_aside
from engine.backup.read import verify
from engine.backup.write import Bar
from engine.config import Settings
from engine.errors import Conflict, InvariantViolated
from engine.ledger.dump import holdings_of
from engine.ledger.filling import Filling, check_columns, filling, holds_anything, occupied

_INSERT_ROWS = 500
_INSERT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Restored:
    """What was made, and where index files that were in the way are now: nobody needs them any more."""

    manifest: Manifest
    aside: tuple[Path, ...]


def restore(settings: Settings, directory: Path, bar: Bar) -> Restored:
    """Every shard of a backup whose files are all sound; either all of them are made, or none.

    Only a crash at the very end, while one after the other gets its place, leaves some and not others: then the same
    call makes the others.

    Raises:
        NotFound: there is no backup.
        Conflict: a ledger there holds something, or the settings have another number of shards.
        InvalidInput: a newer Remora made the backup.
        InvariantViolated: the backup is damaged; nothing was done.
        Unavailable: a database refused it; nothing is left of it.
    """
    found = verify(directory, bar)
    if found.shards != settings.shards:
        raise Conflict(
            f"the backup has {found.shards} shards, {settings.shards} are set: set shards = {found.shards} "
            f"(REMORA_SHARDS={found.shards}), here and wherever Remora is started",
            {"shards": found.shards},
        )
    missing = [one for one in found.files if not _is_there(settings, one.shard, directory / one.name)]
    aside = set_aside(settings)
    with ExitStack() as under_way:
        filled = []
        for one in missing:
            with bar(f"shard {one.shard}", sum(one.rows.values())) as advance:
                filled.append(_fill(settings, one, directory / one.name, under_way, advance))
        for ledger in filled:
            ledger.put()
    return Restored(found, tuple(aside))


async def problems(settings: Settings) -> list[str]:
    """What contradicts itself in the ledgers, a sentence each; empty when they are sound."""
    found: list[str] = []
    for number in range(settings.shards):
        ledger = ledgers.build(settings, number)
        try:
            found += [f"shard {number}: {problem}" for problem in await ledger.check()]
        finally:
            await ledger.close()
    return found


def _fill(settings: Settings, said: DumpFile, path: Path, under_way: ExitStack, advance: Advance) -> Filling:
    """Give a shard its rows, but not its place."""
    try:
        with DumpReader(path) as dump:
            ledger = under_way.enter_context(filling(settings, said.shard, dump.shard()))
            for rows in _batches(dump.rows()):
                _insert(ledger, rows)
                advance(len(rows))
            ledger.finish()
    except Damaged as error:
        raise InvariantViolated(f"{path} has changed while it was read: {error}", {"file": str(path)}) from error
    return ledger


def _is_there(settings: Settings, number: int, path: Path) -> bool:
    """Whether the shard was restored from this file already, and nobody has used it since."""
    there = holdings_of(settings, number)
    if there is None or not holds_anything(there):
        return False
    with DumpReader(path) as dump:
        if there.restored_from(dump.shard()):
            return True
    raise occupied(settings, number, there)


def _insert(ledger: Filling, rows: list[Row]) -> None:
    check_columns(rows[0].table, rows[0].columns)
    ledger.insert(rows[0].table, rows[0].columns, [row.values for row in rows])


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows of one table together, as many as one statement should have."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        if batch and (row.table != batch[0].table or len(batch) >= _INSERT_ROWS or size >= _INSERT_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += sum(len(value) for value in row.values if isinstance(value, bytes | str))
    if batch:
        yield batch
