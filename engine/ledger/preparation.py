"""Makes a database ready to be a shard's ledger: tables, columns and indexes that came later, and which shard it is."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, inspect, select, text, update
from sqlalchemy.schema import CreateIndex, CreateSchema

from engine.errors import Conflict
from engine.ledger.schema import events, metadata, operations, shard
from engine.ledger.transaction import IDEMPOTENCY_TTL_US
from engine.ledger_port import OperationKind

_LATER_COLUMNS = {
    shard.name: {"shards": "INTEGER NOT NULL DEFAULT 1", "number": "INTEGER NOT NULL DEFAULT 0"},
    events.name: {"superseded_by": "VARCHAR(36)"},
}
"""What was made before these columns: the only shard; nothing that anything took the place of."""


def prepare(connection: Connection, *, number: int, shards: int, schema: str | None, secret: bytes) -> None:
    """Make what isn't there yet.

    Args:
        connection: in a transaction, with the schema translated.
        number: which shard this is.
        shards: how many there are.
        schema: where its tables lie; None: where the connection looks by itself.
        secret: that of a new ledger.

    Raises:
        Conflict: the ledger belongs to another shard, or to another number of shards.
    """
    if schema is not None:
        connection.execute(CreateSchema(schema, if_not_exists=True))
    _add_later_columns(connection, schema)
    metadata.create_all(connection)
    for table in metadata.sorted_tables:
        for index in table.indexes:
            connection.execute(CreateIndex(index, if_not_exists=True))
    made = connection.execute(select(shard.c.shards, shard.c.number)).one_or_none()
    if made is None:
        new = {"id": 1, "epoch": 0, "position": 0, "secret": secret, "shards": shards, "number": number}
        connection.execute(insert(shard).values(new))
    elif (made.shards, made.number) != (shards, number):
        raise _another(made.shards, made.number, shards, number)


def forget_expired(connection: Connection, now_us: int) -> None:
    """Let go of what idempotency keys had to be kept for, and isn't any more: claims, and whom a purge named (both are
    hashes)."""
    over = (
        operations.c.created_at_us < now_us - IDEMPOTENCY_TTL_US,
        operations.c.state.in_(["SUCCEEDED", "FAILED"]),
    )
    connection.execute(delete(operations).where(*over, operations.c.kind == OperationKind.CLAIM.value))
    purges = update(operations).where(*over, operations.c.kind == OperationKind.PURGE.value)
    connection.execute(purges.values(idempotency_key=None, request_hash=b""))


def _add_later_columns(connection: Connection, schema: str | None) -> None:
    tables = inspect(connection)
    for table, columns in _LATER_COLUMNS.items():
        if not tables.has_table(table, schema=schema):
            continue
        known = {column["name"] for column in tables.get_columns(table, schema=schema)}
        place = table if schema is None else f'"{schema}".{table}'
        for name, kind in columns.items():
            if name not in known:
                connection.execute(text(f"ALTER TABLE {place} ADD COLUMN {name} {kind}"))


def _another(made_shards: int, made_number: int, shards: int, number: int) -> Conflict:
    message = (
        f"this ledger was made as shard {made_number} of {made_shards}, and is opened as shard {number} of {shards}: "
    )
    if made_shards != shards:
        message += f"set shards = {made_shards} (REMORA_SHARDS={made_shards}), or use another data_dir or ledger.url"
    else:
        message += "its files have changed places, or ledger.url names the ledger of another shard"
    return Conflict(message, {"shards": made_shards, "shard": made_number})
