"""Ledgers of every kind, each with an owner and short words for commands.

`REMORA_TEST_POSTGRES` is a SQLAlchemy URL of a database whose schemas `remora_1` and `remora_2` may be dropped.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import create_engine
from sqlalchemy.schema import DropSchema

from engine import ids
from engine.ledger.store import SqlLedger
from engine.ledger_port import (
    AcceptAndCommit,
    AddEvent,
    Command,
    DeleteEvent,
    DeleteScopeEvent,
    Operation,
    OperationKind,
    Ownership,
    Plan,
    PurgeEvent,
    UpdateEvent,
    Written,
)
from engine.types import Entity, FloatArray, Json, Scope

NOTHING = np.zeros((0, 0), dtype=np.float32)
DAY_US = 24 * 3600 * 1_000_000
ANN = Scope(user_id="ann")
LANE = ids.routing_key("p", ANN)


class Writer:
    """A ledger with an owner, and short words for commands."""

    def __init__(self, ledger: SqlLedger, ownership: Ownership) -> None:
        self.ledger = ledger
        self.owner = ownership
        self.made = 0

    def operation(
        self,
        kind: OperationKind = OperationKind.ADD,
        key: str | None = None,
        at_us: int = 1,
        request: Json | None = None,
        lane: str | None = LANE,
    ) -> Operation:
        self.made += 1
        return Operation(
            id=ids.operation_id(1, self.made.to_bytes(16)),
            project="p",
            kind=kind,
            lane=lane,
            request={"n": self.made} if request is None else request,
            created_at_us=at_us,
            idempotency_key=key,
            request_hash=b"hash",
        )

    def adding(self, operation: Operation, *texts: str, scope: Scope = ANN) -> Plan:
        rows = np.arange(len(texts) * 4, dtype=np.float32).reshape(len(texts), 4)
        events = tuple(
            AddEvent(
                memory_id=ids.memory_id(self.owner.secret, operation.id, row),
                scope=scope,
                text=text,
                fingerprint=ids.fingerprint(scope, "user", None, text),
                row=row,
                created_at_us=operation.created_at_us,
                message_index=row,
                role="user",
                metadata={"deep": {"list": [1, None, "é"]}},
                entities=(Entity("Ann", "person"),),
            )
            for row, text in enumerate(texts)
        )
        return Plan(events, rows)

    async def do(self, *commands: Command) -> tuple[Written, ...]:
        return (await self.ledger.write(self.owner.epoch, commands)).written

    async def add(self, *texts: str, scope: Scope = ANN, at_us: int = 1, key: str | None = None) -> list[str]:
        asked = {"messages": [["user", text, None, None] for text in texts], "scope": scope.ids()}
        operation = self.operation(at_us=at_us, key=key, request=asked, lane=ids.routing_key("p", scope))
        written = (await self.do(AcceptAndCommit(operation, self.adding(operation, *texts, scope=scope))))[0]
        return [row["id"] for row in result_of(written)["results"]]

    async def change(
        self,
        event: UpdateEvent | DeleteEvent | DeleteScopeEvent | PurgeEvent,
        vectors: FloatArray = NOTHING,
        key: str | None = None,
    ) -> Written:
        kind, asked = _asked(event)
        operation = self.operation(kind, key, request=asked, lane=LANE)
        return (await self.do(AcceptAndCommit(operation, Plan((event,), vectors))))[0]

    async def purge(self, memory_id: str | None = None, scope: Scope | None = None, key: str | None = None) -> Json:
        written = await self.change(PurgeEvent(memory_id, scope), key=key)
        assert written.error is None
        return result_of(written)


def _asked(event: UpdateEvent | DeleteEvent | DeleteScopeEvent | PurgeEvent) -> tuple[OperationKind, Json]:
    """The request that would do this."""
    match event:
        case PurgeEvent(memory_id, scope):
            asked: Json = {"memory_id": memory_id} if scope is None else {"scope": scope.ids()}
            return OperationKind.PURGE, asked
        case DeleteScopeEvent(scope):
            return OperationKind.DELETE_ALL, {"scope": scope.ids()}
        case UpdateEvent(memory_id, _, text):
            return OperationKind.UPDATE, {"memory_id": memory_id, "given": {"text": text}}
        case DeleteEvent(memory_id):
            return OperationKind.DELETE, {"memory_id": memory_id}


def result_of(written: Written) -> Json:
    assert written.operation is not None
    assert written.operation.result is not None
    return written.operation.result


POSTGRES = os.environ.get("REMORA_TEST_POSTGRES", "")
needs_postgres = pytest.mark.skipif(not POSTGRES, reason="REMORA_TEST_POSTGRES names no database")


def shard_on_postgres(number: int) -> SqlLedger:
    """An empty shard of three, in its schema."""
    schema = f"remora_{number}"
    engine = create_engine(POSTGRES)
    with engine.begin() as connection:
        connection.execute(DropSchema(schema, cascade=True, if_exists=True))
    engine.dispose()
    return SqlLedger(POSTGRES, number=number, shards=3, schema=schema)


KINDS = ["file", "memory", pytest.param("postgres", marks=needs_postgres)]


@asynccontextmanager
async def owned(kind: str, directory: Path) -> AsyncIterator[Writer]:
    """A new ledger of that kind and its owner."""
    match kind:
        case "memory":
            ledger = SqlLedger("sqlite://")
        case "file":
            ledger = SqlLedger(f"sqlite:///{directory / 'ledger.db'}")
        case _:
            ledger = shard_on_postgres(1)
    try:
        yield Writer(ledger, await ledger.open())
    finally:
        await ledger.close()
