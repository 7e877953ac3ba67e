"""All rows of a shard's ledger, out of a database and into one, as plain values.

A dump is logical: tables, columns and values (str, bytes, int, None), the same for every database. So what came out of
SQLite goes into PostgreSQL. Blocks; made for a process of its own, beside the shard's owner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, func, inspect, select

from engine.config import Settings
from engine.errors import Conflict, NotFound
from engine.ledger.place import place_of
from engine.ledger.schema import (
    aliases,
    events,
    feedback,
    operations,
    project_settings,
    rankings,
    shard,
    sources,
    versions,
)
from engine.ledger.session import reading, shown

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (operations, versions, events, sources, rankings, aliases, project_settings, feedback)
}
"""What a ledger consists of, beside its one row of `shard`, in the order in which it is dumped."""
EPOCHS_AHEAD = 1 << 20
"""By how much a restored ledger's epoch is above the dumped one's: whoever owned the old one since is out of date."""

_FETCHED_ROWS = 32
_OPEN_STATES = ("PENDING", "RUNNING")


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a ledger holds. `shard`: its one row, by column. `rows`: by table. `memories`: live ones.

    `unfinished`: operations that are accepted and not done.
    """

    shard: Mapping[str, Any]
    rows: Mapping[str, int]
    memories: int
    unfinished: int

    @property
    def position(self) -> int:
        """Of the last event."""
        return int(self.shard["position"])

    def restored_from(self, dumped: Mapping[str, Any]) -> bool:
        """Whether this is what a dump with that row of `shard` was restored to, and nobody has owned it since."""
        return self.shard == restored_shard(dumped)


def restored_shard(dumped: Mapping[str, Any]) -> dict[str, Any]:
    """The row of `shard` that a restored ledger has: the same secret, so that ids stay; owned by nobody before."""
    return {**dumped, "epoch": dumped["epoch"] + EPOCHS_AHEAD}


class Snapshot:
    """A shard's ledger as of one moment, for as long as its transaction lasts."""

    def __init__(self, connection: Connection, schema: str | None, holdings: Holdings) -> None:
        """Use `snapshot`."""
        self._connection = connection
        self._schema = schema
        self.holdings = holdings

    def columns(self, table: str) -> list[str]:
        """Those that the database has: an old ledger may lack some, or the whole table."""
        return _columns(self._connection, TABLES[table], self._schema)

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[list[Any]]:
        """Every row by its key, a few in memory at a time; values in the order of the columns."""
        if not columns:
            return
        of = TABLES[table]
        query = select(*(of.c[name] for name in columns)).order_by(*of.primary_key.columns)
        for row in self._connection.execution_options(yield_per=_FETCHED_ROWS).execute(query):
            yield list(row)


@contextmanager
def snapshot(settings: Settings, number: int) -> Iterator[Snapshot]:
    """The shard's ledger in one consistent read transaction, which changes nothing and keeps nobody from writing.

    While it lasts SQLite's write-ahead log can't be emptied, so it grows by what is written meanwhile.

    Raises:
        NotFound: there is no such ledger.
        Conflict: it is another shard's, or one of another number of shards.
        InvariantViolated: it is damaged.
        Unavailable: it can't be read.
    """
    url, schema = place_of(settings, number)
    with reading(url, schema) as connection:
        holdings = None if connection is None else holdings_in(connection, schema)
        if connection is None or holdings is None:
            raise NotFound(
                f"there is no ledger of shard {number} at {shown(url)}", {"place": shown(url), "shard": number}
            )
        _check_number(holdings.shard, number, settings.shards)
        yield Snapshot(connection, schema, holdings)


def holdings_of(settings: Settings, number: int) -> Holdings | None:
    """What is where the shard's ledger belongs; None: no ledger. Raises as `snapshot`, but for `NotFound`."""
    url, schema = place_of(settings, number)
    with reading(url, schema) as connection:
        return None if connection is None else holdings_in(connection, schema)


def holdings_in(connection: Connection, schema: str | None) -> Holdings | None:
    """The first read is that of the row of `shard`: on SQLite the snapshot begins with it."""
    if not inspect(connection).has_table(shard.name, schema=schema):
        return None
    columns = _columns(connection, shard, schema)
    row = connection.execute(select(*(shard.c[name] for name in columns))).one_or_none()
    if row is None:
        return None
    live = select(func.count()).select_from(versions).where(versions.c.live_to.is_(None))
    unfinished = select(func.count()).select_from(operations).where(operations.c.state.in_(_OPEN_STATES))
    counted = {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one() if there else 0
        for name, table in TABLES.items()
        for there in [inspect(connection).has_table(name, schema=schema)]
    }
    return Holdings(
        {"shards": 1, "number": 0, **row._mapping},
        counted,
        connection.execute(live).scalar_one(),
        connection.execute(unfinished).scalar_one(),
    )


def _columns(connection: Connection, table: Table, schema: str | None) -> list[str]:
    if not inspect(connection).has_table(table.name, schema=schema):
        return []
    there = {column["name"] for column in inspect(connection).get_columns(table.name, schema=schema)}
    return [column.name for column in table.c if column.name in there]


def _check_number(row: Mapping[str, Any], number: int, shards: int) -> None:
    if (row["shards"], row["number"]) != (shards, number):
        raise Conflict(
            f"this ledger is shard {row['number']} of {row['shards']}, and was looked for as shard {number} of "
            f"{shards}: set shards = {row['shards']} (REMORA_SHARDS={row['shards']})",
            {"shards": row["shards"], "shard": row["number"]},
        )
