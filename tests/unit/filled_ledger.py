"""Ledgers with something of everything in them, and what a ledger holds, for the tests of backups."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine import ids, ledger
from engine.config import Settings
from engine.in_process import in_process
from engine.ledger_port import Accept, Alias, Fail, Operation, OperationKind
from engine.types import Scope

TEXTS = ("Ann likes tea.", "Zoë naïvely ate 寿司 \U0001f363", "line one\nline two\ttab", "السلام عليكم")
TABLES = {
    "operations": "seq",
    "versions": "memory_id, version",
    "events": "position",
    "sources": "memory_id, fact_id",
    "rankings": "project",
    "aliases": "project, key",
    "project_settings": "project, name",
    "feedback": "memory_id",
}


@contextmanager
def silent(_what: str, _total: int) -> Iterator[Any]:
    yield lambda _count: None


def waiting(number: int) -> Operation:
    return Operation(
        id=ids.operation_id(1, number.to_bytes(16)),
        project="default",
        kind=OperationKind.ADD,
        lane="lane",
        request={"text": "ünfinished", "n": number},
        created_at_us=number,
        idempotency_key=f"key-{number}",
        request_hash=b"\0\xff",
    )


async def fill(settings: Settings, number: int = 0) -> None:
    """Added, changed, deleted and purged memories, and an operation in each state."""
    store = ledger.build(settings, number)
    memory = in_process(settings, ledger_=store)
    await memory.start()
    added = [await memory.add(text, user_id=f"user-{number}", metadata={"at": number}) for text in TEXTS]
    first, second, third = (answer["results"][0]["id"] for answer in added[:3])
    await memory.update(first, text="Ann likes coffee.")
    await memory.rate(first, "NEGATIVE", "She likes coffee.")
    await memory.delete(second)
    await memory.purge(memory_id=third)
    await memory.close()
    owner = await store.open()
    await store.put_ranking(owner.epoch, "default", {"dense": 1.0})
    await store.put_setting(owner.epoch, "default", "inference", {"policy": "append"})
    await store.put_alias(owner.epoch, "default", Alias(Scope(user_id="ann"), "zoe", "Zoë", "Ann"))
    await store.write(owner.epoch, [Accept(waiting(1)), Accept(waiting(2))])
    await store.write(owner.epoch, [Fail(waiting(1).id, {"code": "invalid_input", "message": "nö"})])
    await store.close()


def contents(path: Path) -> dict[str, list[Any]]:
    with sqlite3.connect(path) as connection:
        found = {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY {order}").fetchall()
            for table, order in TABLES.items()
        }
        found["shard"] = connection.execute("SELECT id, position, secret, shards, number FROM shard").fetchall()
    connection.close()
    return found
