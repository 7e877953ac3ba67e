"""An empty ledger that is given the rows of a dump. Blocks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from engine.config import Settings
from engine.errors import Conflict, InvalidInput, InvariantViolated
from engine.ledger.dump import TABLES, Holdings, holdings_in, restored_shard
from engine.ledger.place import place_of
from engine.ledger.preparation import prepare
from engine.ledger.schema import operations, shard
from engine.ledger.session import file_of, shown, translated, writer

_BESIDE = ("-wal", "-shm")


class Filling:
    """A ledger that is given its rows, and then its place: before that nothing is there.

    Rows go into one transaction; on SQLite into a file of its own beside the place.
    """

    def __init__(self, url: str, schema: str | None, path: Path | None) -> None:
        """Use `filling`. `path`: of a SQLite ledger."""
        self._url = url
        self._schema = schema
        self._path = path
        self._engine = writer(url if path is None else f"sqlite:///{_fresh(path)}", schema)
        self._stack = ExitStack()
        self._stack.callback(self._engine.dispose)
        self._connection: Connection | None = None

    def begin(self, settings: Settings, number: int, dumped: Mapping[str, Any]) -> None:
        """Make the tables, and the row of `shard`."""
        with translated(self._url):
            connection = self._connection = self._stack.enter_context(self._engine.connect())
            self._stack.callback(connection.rollback)
            found = holdings_in(connection, self._schema)
            if found is not None and holds_anything(found):
                raise occupied(settings, number, found)
            secret = dumped["secret"]
            prepare(connection, number=number, shards=settings.shards, schema=self._schema, secret=secret)
            connection.execute(update(shard).values(restored_shard(dumped)))

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Add rows; values in the order of the columns."""
        with translated(self._url):
            self._within().execute(insert(TABLES[table]), [dict(zip(columns, row, strict=True)) for row in rows])

    def finish(self) -> None:
        """Everything is there: what may still fail for want of space is done now."""
        with translated(self._url):
            if self._path is None:
                _count_on(self._within(), self._schema)
                return
            self._within().commit()
            self._stack.close()
        _sync(_fresh(self._path))

    def put(self) -> None:
        """Let it be the ledger from now on."""
        if self._path is None:
            with translated(self._url):
                self._within().commit()
            return
        for suffix in _BESIDE:  # Of a ledger that was opened and never used: they would be taken for the new one's.
            _beside(self._path, suffix).unlink(missing_ok=True)
        _fresh(self._path).replace(self._path)
        _sync(self._path.parent)

    def drop(self) -> None:
        """End it; unless it was put in its place, nothing of it stays."""
        self._stack.close()
        if self._path is not None:
            _remove(_fresh(self._path))

    def _within(self) -> Connection:
        if self._connection is None:
            raise InvariantViolated("a ledger is filled before it was begun")
        return self._connection


@contextmanager
def filling(settings: Settings, number: int, dumped: Mapping[str, Any]) -> Iterator[Filling]:
    """The shard's ledger to be; what isn't `put` when the context ends never was.

    Args:
        settings: where it lies.
        number: which shard it is.
        dumped: the row of `shard` that was dumped.

    Raises:
        Conflict: something is there already.
        InvalidInput: it was dumped by a newer Remora, or `ledger.url` keeps nothing.
        Unavailable: the database refused it.
    """
    check_columns(shard.name, list(dumped))
    url, schema = place_of(settings, number)
    path = file_of(url)
    if path is not None:
        _make_room(path, number)
    made = Filling(url, schema, path)
    try:
        made.begin(settings, number, dumped)
        yield made
    finally:
        made.drop()


def _make_room(path: Path, number: int) -> None:
    if not path.name:
        raise InvalidInput("ledger.url keeps nothing: it names a database in memory", {"setting": "ledger.url"})
    if path.exists() and not path.is_file():
        raise Conflict(f"{path} is no file: move it away", {"place": str(path), "shard": number})
    log = _beside(path, "-wal")
    if not path.exists() and log.exists() and log.stat().st_size:
        raise Conflict(
            f"{path} is missing and its log {log.name} is there: move it to where the file is, or restore elsewhere",
            {"place": str(path), "shard": number},
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove(_fresh(path))


def _count_on(connection: Connection, schema: str | None) -> None:
    """Let the server count on from the last `seq` that was given."""
    last = connection.execute(select(func.max(operations.c.seq))).scalar()
    if last is not None:
        prefix = "" if schema is None else f'"{schema}".'
        sequence = func.pg_get_serial_sequence(f"{prefix}{operations.name}", operations.c.seq.name)
        connection.execute(select(func.setval(sequence, last)))


def holds_anything(found: Holdings) -> bool:
    """Whether anything was ever written there; a ledger that was only opened holds nothing."""
    return found.position > 0 or any(found.rows.values())


def occupied(settings: Settings, number: int, found: Holdings) -> Conflict:
    """The error for a ledger that is in the way."""
    place = shown(place_of(settings, number)[0])
    counts = f"{found.memories} memories, {found.rows[operations.name]} operations"
    return Conflict(
        f"the ledger of shard {number} at {place} isn't empty ({counts}): nothing is overwritten; "
        "use another data directory or ledger.url, or move it away first",
        {"place": place, "shard": number},
    )


def check_columns(table: str, columns: Sequence[str]) -> None:
    """Raises InvalidInput for columns that this Remora doesn't know."""
    of = shard if table == shard.name else TABLES.get(table)
    unknown = [table] if of is None else [f"{table}.{name}" for name in columns if name not in of.c]
    if unknown:
        raise InvalidInput(
            f"this Remora knows no {', '.join(unknown)}: the dump was made by a newer one; use that or a newer one",
            {"unknown": unknown},
        )


def _fresh(path: Path) -> Path:
    return _beside(path, ".restoring")


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _remove(path: Path) -> None:
    for suffix in ("", *_BESIDE):
        _beside(path, suffix).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Make a file's contents durable, or what was renamed in a directory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
