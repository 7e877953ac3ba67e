"""The ledger on SQLAlchemy: connections, threads, epochs and reads. What a write does is in `transaction.py`."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    and_,
    create_engine,
    event,
    func,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from engine.errors import StaleEpoch, Unavailable
from engine.filters import Filter, matches
from engine.ledger import codec
from engine.ledger.conditions import condition
from engine.ledger.preparation import prepare
from engine.ledger.schema import events, operations, shard, versions
from engine.ledger.transaction import do_all
from engine.ledger_port import Command, Event, Keys, Operation, Ownership, Page, ScopeCount, WriteAnswer
from engine.types import (
    SCOPE_FIELDS,
    Block,
    BlockKey,
    Change,
    ChangeBatch,
    EventKind,
    Json,
    MemoryVersion,
)

T = TypeVar("T")

_BUSY_TIMEOUT_MS = 10_000
_SHOWN = [column for column in versions.c if column.name not in ("vector", "fingerprint")]
"""What a version consists of: its vector is much larger than the rest."""
_NEWEST = (versions.c.created_at_us.desc(), versions.c.memory_id.desc())


def _now_us() -> int:
    return time.time_ns() // 1000


class SqlLedger:
    """One shard's ledger in a SQL database.

    All writes run in one thread, one transaction a call; reads run in others. On SQLite a commit is fsynced (WAL,
    `synchronous=FULL`). A `sqlite://` URL keeps everything in memory on one connection.

    Args:
        url: a SQLAlchemy URL.
        readers: threads, and connections, for reads.
        clock: now in microseconds UTC.
        number: which shard it is.
        shards: how many there are.
        schema: where a server keeps the shard's tables; None: where the URL leads.
    """

    def __init__(
        self,
        url: str,
        *,
        readers: int = 4,
        clock: Callable[[], int] = _now_us,
        number: int = 0,
        shards: int = 1,
        schema: str | None = None,
    ) -> None:
        parsed = make_url(url)
        self._clock = clock
        self._number = number
        self._shards = shards
        self._schema = schema
        self._in_memory = parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:")
        self._sqlite = parsed.get_backend_name() == "sqlite"
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="ledger-write")
        if self._in_memory:
            self._reading = self._writing
            self._writer = self._reader = self._engine(
                url, "IMMEDIATE", poolclass=StaticPool, connect_args={"check_same_thread": False}
            )
        else:
            self._reading = ThreadPoolExecutor(readers, thread_name_prefix="ledger-read")
            self._writer = self._engine(url, "IMMEDIATE", poolclass=QueuePool, pool_size=1, max_overflow=0)
            self._reader = self._engine(url, "DEFERRED", poolclass=QueuePool, pool_size=readers, max_overflow=0)
        self._transactions = 0
        self._commands = 0

    def _engine(self, url: str, begin: str, **options: Any) -> Engine:
        engine = create_engine(url, **options)
        if self._sqlite:
            _configure_sqlite(engine, begin, shared=self._in_memory)
        if self._schema is not None:
            engine = engine.execution_options(schema_translate_map={None: self._schema})
        return engine

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await self._in_thread(self._writing, self._writer, work)

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._in_thread(self._reading, self._reader, work)

    async def _in_thread(self, pool: ThreadPoolExecutor, engine: Engine, work: Callable[[Connection], T]) -> T:
        def run() -> T:
            with _translated(), engine.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(pool, run)

    async def open(self) -> Ownership:
        """Become the owner; makes the tables where there are none.

        Raises:
            Conflict: it is the ledger of another shard, or of another number of shards.
        """
        noise = secrets.token_bytes(32)

        def work(connection: Connection) -> Ownership:
            prepare(connection, number=self._number, shards=self._shards, schema=self._schema, secret=noise)
            connection.execute(update(shard).values(epoch=shard.c.epoch + 1))
            row = connection.execute(select(shard)).one()
            return Ownership(row.epoch, row.secret, row.position)

        return await self._write(work)

    async def write(self, epoch: int, commands: Sequence[Command]) -> WriteAnswer:
        """All commands in one transaction; see the port."""
        now_us = self._clock()

        def work(connection: Connection) -> WriteAnswer:
            state = connection.execute(select(shard).with_for_update()).one()
            if state.epoch != epoch:
                raise StaleEpoch(f"epoch {epoch} is over: the shard has epoch {state.epoch}")
            written, changes = do_all(connection, commands, state.position, now_us)
            if changes.until != state.position:
                connection.execute(update(shard).values(position=changes.until))
            return WriteAnswer(written, changes)

        answer = await self._write(work)
        self._transactions += 1
        self._commands += len(commands)
        return answer

    async def unfinished(self) -> list[Operation]:
        """Open operations by `seq`."""
        query = select(operations).where(operations.c.state.in_(["PENDING", "RUNNING"])).order_by(operations.c.seq)
        return await self._read(lambda c: [codec.operation_of(row) for row in c.execute(query)])

    async def operation(self, project: str, operation_id: str) -> Operation | None:
        """One operation of the project."""
        query = select(operations).where(operations.c.id == operation_id, operations.c.project == project)

        def work(connection: Connection) -> Operation | None:
            row = connection.execute(query).one_or_none()
            return None if row is None else codec.operation_of(row)

        return await self._read(work)

    async def get(self, project: str, memory_ids: Sequence[str]) -> list[MemoryVersion | None]:
        """Live versions by id, in the order asked."""
        query = select(*_SHOWN).where(
            versions.c.memory_id.in_(list(memory_ids)), versions.c.project == project, versions.c.live_to.is_(None)
        )

        def work(connection: Connection) -> list[MemoryVersion | None]:
            found = {row.memory_id: codec.version_of(row) for row in connection.execute(query)}
            return [found.get(memory_id) for memory_id in memory_ids]

        return await self._read(work)

    async def page(self, project: str, node: Filter, offset: int, limit: int) -> Page:
        """Newest first; what SQL can't say of the filter the predicate does."""
        where, exact = _where(project, node)
        newest = select(*_SHOWN).where(*where).order_by(*_NEWEST)

        def work(connection: Connection) -> Page:
            if exact:
                rows = connection.execute(newest.offset(offset).limit(limit))
                return Page(_count(connection, where), tuple(codec.version_of(row) for row in rows))
            found = [v for row in connection.execute(newest) if matches(node, v := codec.version_of(row))]
            return Page(len(found), tuple(found[offset : offset + limit]))

        return await self._read(work)

    async def keys(self, project: str, node: Filter, limit: int) -> Keys:
        """Newest first, as `page`; reads whole versions only where SQL can't say all of the filter."""
        where, exact = _where(project, node)
        columns = [versions.c.created_at_us, versions.c.memory_id] if exact else _SHOWN
        newest = select(*columns).where(*where).order_by(*_NEWEST)

        def work(connection: Connection) -> Keys:
            if exact:
                rows = connection.execute(newest.limit(limit))
                return Keys(_count(connection, where), tuple((row.created_at_us, row.memory_id) for row in rows))
            found = [
                (row.created_at_us, row.memory_id)
                for row in connection.execute(newest)
                if matches(node, codec.version_of(row))
            ]
            return Keys(len(found), tuple(found[:limit]))

        return await self._read(work)

    async def history(self, project: str, memory_id: str) -> list[Event]:
        """Events of a memory with the versions around them."""
        mine = and_(events.c.memory_id == memory_id, events.c.project == project)

        def work(connection: Connection) -> list[Event]:
            rows = connection.execute(select(events).where(mine).order_by(events.c.position)).all()
            known = connection.execute(
                select(*_SHOWN).where(versions.c.memory_id == memory_id, versions.c.project == project)
            )
            by_number = {row.version: codec.version_of(row) for row in known}
            return [_event(row, by_number) for row in rows]

        return await self._read(work)

    async def scopes(self, project: str) -> list[ScopeCount]:
        """Who has live memories, by field and id."""

        def work(connection: Connection) -> list[ScopeCount]:
            return [found for field in SCOPE_FIELDS for found in _count_by(connection, project, field)]

        return await self._read(work)

    async def changes(self, after: int, limit: int) -> ChangeBatch:
        """The stream that indexes are fed from."""
        made = and_(
            versions.c.memory_id == events.c.memory_id,
            versions.c.version == events.c.version,
            events.c.kind != EventKind.DELETE.value,
        )
        query = (
            select(events.c.position, events.c.kind, events.c.memory_id.label("of"), events.c.project.label("owner"))
            .add_columns(versions)
            .select_from(events.outerjoin(versions, made))
            .where(events.c.position > after)
            .order_by(events.c.position)
            .limit(limit)
        )
        return await self._read(lambda connection: _batch(after, connection.execute(query).all()))

    async def block(self, key: BlockKey) -> Block:
        """Live versions of a block, oldest first, and the position at which they were."""
        query = (
            select(versions)
            .where(versions.c.project == key.project, versions.c[key.field] == key.value, versions.c.live_to.is_(None))
            .order_by(versions.c.live_from)
        )

        def work(connection: Connection) -> Block:
            position = connection.execute(select(shard.c.position)).scalar_one()
            rows = connection.execute(query).all()
            found = tuple(codec.version_of(row) for row in rows)
            return Block(key, position, found, codec.stack([row.vector for row in rows]))

        return await self._read(work)

    async def status(self) -> Json:
        """Where it is and what it has done since it was opened."""

        def work(connection: Connection) -> Json:
            state = connection.execute(select(shard)).one()
            live = select(func.count()).select_from(versions).where(versions.c.live_to.is_(None))
            return {
                "backend": self._writer.dialect.name,
                "epoch": state.epoch,
                "position": state.position,
                "memories": connection.execute(live).scalar_one(),
            }

        return {
            **await self._read(work),
            "transactions": self._transactions,
            "commands": self._commands,
            "pid": os.getpid(),
        }

    async def close(self) -> None:
        """Finish what is under way and let the database go."""
        for pool in {self._writing, self._reading}:
            await asyncio.to_thread(pool.shutdown)
        self._writer.dispose()
        self._reader.dispose()


def _where(project: str, node: Filter) -> tuple[list[ColumnElement[bool]], bool]:
    """The live versions that the filter selects, as far as SQL can say it, and whether that is all of it."""
    clause, exact = condition(versions, node)
    where = [versions.c.project == project, versions.c.live_to.is_(None)]
    return (where if clause is None else [*where, clause]), exact


def _count(connection: Connection, where: Sequence[ColumnElement[bool]]) -> int:
    found: int = connection.execute(select(func.count()).select_from(versions).where(*where)).scalar_one()
    return found


def _event(row: Row[Any], by_number: dict[int, MemoryVersion]) -> Event:
    kind = EventKind(row.kind)
    gone = kind is EventKind.DELETE
    return Event(
        position=row.position,
        kind=kind,
        memory_id=row.memory_id,
        at_us=row.at_us,
        operation_id=row.operation_id,
        before=by_number.get(row.version if gone else row.version - 1),
        after=None if gone else by_number.get(row.version),
    )


def _count_by(connection: Connection, project: str, field: Any) -> list[ScopeCount]:
    column = versions.c[field]
    query = (
        select(column, func.count(), func.min(versions.c.created_at_us), func.max(versions.c.updated_at_us))
        .where(versions.c.project == project, versions.c.live_to.is_(None), column.is_not(None))
        .group_by(column)
        .order_by(column)
    )
    return [ScopeCount(field, *row) for row in connection.execute(query)]


def _batch(after: int, rows: Sequence[Row[Any]]) -> ChangeBatch:
    changes = []
    vectors = []
    for row in rows:
        version = None if row.version is None else codec.version_of(row)
        changes.append(Change(row.position, EventKind(row.kind), row.of, row.owner, version))
        if version is not None:
            vectors.append(row.vector)
    until = changes[-1].position if changes else after
    return ChangeBatch(after, until, tuple(changes), codec.stack(vectors))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise Unavailable(f"the ledger's database failed: {error.orig}") from error


def _configure_sqlite(engine: Engine, begin: str, *, shared: bool) -> None:
    """SQLAlchemy's recipe for pysqlite: the driver begins nothing by itself, so savepoints and locks are ours."""

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        if not shared:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
