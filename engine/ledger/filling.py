"""An empty ledger that is given the rows of a dump. Blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from engine.config import Settings
from engine.errors import Conflict, InvalidInput
from engine.ledger.dump import TABLES, Holdings, holdings_in, restored_shard
from engine.ledger.place import place_of
from engine.ledger.preparation import prepare
from engine.ledger.schema import operations, shard
from engine.ledger.session import file_of, shown, writing


class Filling:
    """An empty ledger that is given its rows, in one transaction that its context commits."""

    def __init__(self, connection: Connection, schema: str | None, dumped: Mapping[str, Any]) -> None:
        """Use `filling`."""
        self._connection = connection
        self._schema = schema
        known = {name: value for name, value in restored_shard(dumped).items() if name in shard.c}
        connection.execute(update(shard).values(known))

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Add rows; values in the order of the columns."""
        self._connection.execute(insert(TABLES[table]), [dict(zip(columns, row, strict=True)) for row in rows])

    def finish(self) -> None:
        """Let the database count on from the last `seq` that was given."""
        if self._connection.dialect.name != "postgresql":
            return
        last = self._connection.execute(select(func.max(operations.c.seq))).scalar()
        if last is not None:
            prefix = "" if self._schema is None else f'"{self._schema}".'
            sequence = func.pg_get_serial_sequence(f"{prefix}{operations.name}", operations.c.seq.name)
            self._connection.execute(select(func.setval(sequence, last)))


@contextmanager
def filling(settings: Settings, number: int, dumped: Mapping[str, Any]) -> Iterator[Filling]:
    """The shard's ledger to be, empty, in one transaction: committed at the end of the context, or never there.

    Args:
        settings: where it lies.
        number: which shard it is.
        dumped: the row of `shard` that was dumped.

    Raises:
        Conflict: something is there already.
        InvalidInput: it was dumped by a newer Remora, or `ledger.url` keeps nothing.
        Unavailable: the database refused it.
    """
    url, schema = place_of(settings, number)
    if (path := file_of(url)) is not None:
        if not path.name:
            raise InvalidInput("ledger.url keeps nothing: it names a database in memory", {"setting": "ledger.url"})
        path.parent.mkdir(parents=True, exist_ok=True)
    check_columns(shard.name, list(dumped))
    with writing(url, schema) as connection:
        found = holdings_in(connection, schema)
        if found is not None and holds_anything(found):
            raise occupied(settings, number, found)
        secret = dumped["secret"]
        prepare(connection, number=number, shards=settings.shards, schema=schema, secret=secret)
        yield Filling(connection, schema, dumped)


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
