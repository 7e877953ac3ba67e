"""The ledger on SQLAlchemy: threads, ownership and what is owed after a purge. What a write does is in
`transaction.py`, what a read says in `reads.py`."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, select, update

from engine.as_of import AsOf, Moment
from engine.concurrency import Pauses, TaskSet
from engine.errors import StaleEpoch
from engine.filters import Filter
from engine.ledger import (
    alias_rows,
    feedback_rows,
    past,
    ranking_rows,
    reads,
    replays,
    setting_rows,
    signal_rows,
    source_rows,
)
from engine.ledger.checking import check
from engine.ledger.connections import Connections
from engine.ledger.creation import make_if_missing
from engine.ledger.preparation import forget_expired, prepare
from engine.ledger.schema import shard
from engine.ledger.scrubbing import Scrubber
from engine.ledger.transaction import Done, do_all
from engine.ledger_port import (
    Alias,
    Command,
    ConversationRows,
    Deferred,
    Event,
    Feedback,
    FeedbackPage,
    Keys,
    Lacking,
    LedgerAudit,
    Operation,
    OperationsPage,
    Ownership,
    Page,
    PastRows,
    Rating,
    ScopeCount,
    Stretch,
    Trace,
    WriteAnswer,
)
from engine.types import Block, BlockKey, ChangeBatch, Derived, Json, LiveRows, MemoryVersion, OperationState, Scope

T = TypeVar("T")

_PATIENCE_MS = 1000
"""How long a purge waits for readers of an older state to end before it answers."""
_FORGET_EVERY_US = 3600 * 1_000_000
"""How often a ledger that stays open lets go of expired claims; it looks through all operations for them."""


class _LongPauses(Pauses):
    """Between tries to write a whole file anew."""

    longest_s = 60.0


def _now_us() -> int:
    return time.time_ns() // 1000


class SqlLedger:
    """One shard's ledger in a SQL database.

    All writes run in one thread, one transaction a call; reads run in others. A `sqlite://` URL keeps everything in
    memory on one connection.

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
        self._clock = clock
        self._number = number
        self._shards = shards
        self._connections = Connections(url, readers, schema)
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="ledger-write")
        alone = self._connections.in_memory
        self._reading = self._writing if alone else ThreadPoolExecutor(readers, thread_name_prefix="ledger-read")
        self._scrubber = Scrubber(
            self._connections.writer, in_file=self._connections.sqlite and not alone, schema=schema
        )
        self._tasks = TaskSet()
        self._scrubbing: asyncio.Task[None] | None = None
        self._scrubbed_once = not self._connections.sqlite
        self._forget_due_us = 0
        self._transactions = 0
        self._commands = 0

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._run(self._reading, lambda: self._connections.read(work))

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    async def open(self) -> Ownership:
        """Become the owner; makes the tables where there are none, and finishes what a purge has left to do.

        Raises:
            Conflict: it is the ledger of another shard, or of another number of shards.
            InvariantViolated: the database is damaged.
            Unavailable: it can't be opened.
        """
        noise, now_us = secrets.token_bytes(32), self._clock()

        def ready(connection: Connection) -> None:
            prepare(connection, number=self._number, shards=self._shards, schema=self._connections.schema, secret=noise)

        def own(connection: Connection) -> Ownership:
            ready(connection)
            forget_expired(connection, now_us)
            connection.execute(update(shard).values(epoch=shard.c.epoch + 1))
            row = connection.execute(select(shard)).one()
            return Ownership(row.epoch, row.secret, row.position)

        def work() -> Ownership:
            if self._connections.path is not None:
                make_if_missing(self._connections.path, ready)
            ownership = self._connections.write(own)
            if self._connections.sqlite:
                self._scrub_once()
            return ownership

        ownership = await self._run(self._writing, work)
        self._forget_due_us = now_us + _FORGET_EVERY_US
        self._scrub_later()
        return ownership

    async def write(self, epoch: int, commands: Sequence[Command]) -> WriteAnswer:
        """All commands in one transaction; see the port. A purge answers when no file holds what it erased, unless
        somebody reads an older state for longer than a second."""
        now_us = self._clock()

        def do(connection: Connection) -> Done:
            state = _own(connection, epoch)
            if now_us >= self._forget_due_us:
                forget_expired(connection, now_us)
            done = do_all(connection, commands, state.position, now_us)
            if done.changes.until != state.position:
                connection.execute(update(shard).values(position=done.changes.until))
            if done.erased:
                self._scrubber.owe(connection)
            return done

        def work() -> Done:
            done = self._connections.write(do)
            if done.erased or not self._scrubbed_once:
                self._scrub_once()
            elif self._scrubber.owed and self._scrubber.only_log:
                self._scrubber.scrub(0)
            return done

        done = await self._run(self._writing, work)
        if now_us >= self._forget_due_us:
            self._forget_due_us = now_us + _FORGET_EVERY_US
        self._scrub_later()
        self._transactions += 1
        self._commands += len(commands)
        return WriteAnswer(done.written, done.changes)

    def _scrub_once(self, patience_ms: int = _PATIENCE_MS) -> None:
        """Also in a process that took over without `open`, before its first write is answered: the one before may have
        died in between a purge's commit and this, and the purge, sent again, changes nothing any more."""
        self._scrubber.scrub(patience_ms)
        self._scrubbed_once = True

    @property
    def _owes(self) -> bool:
        return self._scrubber.owed or not self._scrubbed_once

    def _scrub_later(self) -> None:
        if self._owes and (self._scrubbing is None or self._scrubbing.done()):
            self._scrubbing = self._tasks.start(self._scrub(), name="scrub the ledger's files")

    async def scrubbed(self) -> None:
        """Wait until no file holds what was erased."""
        if self._scrubbing is not None:
            await asyncio.shield(self._scrubbing)

    async def _scrub(self) -> None:
        """Until nothing is owed: whoever reads an older state ends some day, and a full disk is made room on."""
        pauses, long_pauses = Pauses(), _LongPauses()
        while self._owes:
            await (pauses if self._scrubber.only_log or not self._scrubbed_once else long_pauses).wait()
            await self._run(self._writing, lambda: self._scrub_once(0))

    async def unfinished(self) -> list[Operation]:
        """Open operations that haven't begun, by `seq`."""
        return await self._read(reads.unfinished)

    async def deferred(self, after: int, limit: int) -> list[Deferred]:
        """Operations whose facts are to come, by `seq`."""
        return await self._read(lambda c: reads.deferred(c, after, limit))

    async def facts_of(
        self, project: str, memory_ids: Sequence[str], position: int | None = None
    ) -> dict[str, tuple[MemoryVersion, ...]]:
        """Live facts of the messages that stand behind some, or those of then."""
        return await self._read(lambda c: source_rows.facts_of(c, project, memory_ids, position))

    async def adds(self, project: str, scope: Scope, after: int, limit: int) -> list[Operation]:
        """Adds of a scope, by `seq`."""
        return await self._read(lambda c: replays.adds(c, project, scope, after, limit))

    async def traces(self, project: str, memory_ids: Sequence[str]) -> list[Trace]:
        """What has become of the facts of messages, by id."""
        return await self._read(lambda c: replays.traces(c, project, memory_ids))

    async def operation(self, project: str, operation_id: str) -> Operation | None:
        """One operation of the project."""
        return await self._read(lambda c: reads.operation(c, project, operation_id))

    async def operation_named(self, project: str, key: str) -> Operation | None:
        """The one that its caller gave this key."""
        return await self._read(lambda c: reads.operation_named(c, project, key))

    async def operations(
        self, project: str, scope: Scope | None, states: frozenset[OperationState], offset: int, limit: int
    ) -> OperationsPage:
        """Newest first by time of creation, then id, without claims and without parts of operations over shards."""
        return await self._read(lambda c: reads.operations_page(c, project, scope, states, offset, limit))

    async def get(self, project: str, memory_ids: Sequence[str]) -> list[MemoryVersion | None]:
        """Live versions by id, in the order asked."""
        return await self._read(lambda c: reads.get(c, project, memory_ids))

    async def purged(self, project: str, memory_id: str) -> bool:
        """Whether its content has been erased."""
        return await self._read(lambda c: reads.purged(c, project, memory_id))

    async def page(self, project: str, node: Filter, offset: int, limit: int, *, evidence: bool = False) -> Page:
        """Newest first."""
        return await self._read(lambda c: reads.page(c, project, node, offset, limit, evidence=evidence))

    async def keys(self, project: str, node: Filter, limit: int, *, evidence: bool = False) -> Keys:
        """Newest first, as `page`."""
        return await self._read(lambda c: reads.keys(c, project, node, limit, evidence=evidence))

    async def moment(self, asked: AsOf) -> Moment:
        """Which state of the shard a time or a position names."""
        now_us = self._clock()
        return await self._read(lambda c: past.moment(c, asked, now_us))

    async def get_at(self, project: str, memory_ids: Sequence[str], position: int) -> list[MemoryVersion | None]:
        """Versions that were live then, by id, in the order asked."""
        return await self._read(lambda c: past.get(c, project, memory_ids, position))

    async def page_at(
        self, project: str, node: Filter, position: int, offset: int, limit: int, *, evidence: bool = False
    ) -> Page:
        """Newest first."""
        return await self._read(lambda c: past.page(c, project, node, position, offset, limit, evidence=evidence))

    async def keys_at(self, project: str, node: Filter, position: int, limit: int, *, evidence: bool = False) -> Keys:
        """Newest first, as `page_at`."""
        return await self._read(lambda c: past.keys(c, project, node, position, limit, evidence=evidence))

    async def rows_at(self, project: str, block: BlockKey | None, position: int, limit: int) -> PastRows:
        """Versions that were live then, oldest first, with vectors and signals."""
        return await self._read(lambda c: past.rows(c, project, block, position, limit))

    async def history(self, project: str, memory_id: str) -> list[Event]:
        """Events of a memory with the versions around them; those of a purged one come without."""
        return await self._read(lambda c: reads.history(c, project, memory_id))

    async def scopes(self, project: str) -> list[ScopeCount]:
        """Who has live memories, by field and id."""
        return await self._read(lambda c: reads.scopes(c, project))

    async def changes(self, after: int, limit: int) -> ChangeBatch:
        """The stream that indexes are fed from. What was purged later comes without a version: as gone already."""
        return await self._read(lambda c: reads.changes(c, after, limit))

    async def block(self, key: BlockKey) -> Block:
        """Live versions of a block, oldest first, and the position at which they were."""
        return await self._read(lambda c: reads.block(c, key))

    async def begin_signals(self, epoch: int, made_by: str) -> None:
        """Let go of what another model made."""

        def work(connection: Connection) -> None:
            _own(connection, epoch)
            signal_rows.begin(connection, made_by)

        await self._run(self._writing, lambda: self._connections.write(work))

    async def put_signals(self, epoch: int, made_by: str, rows: Sequence[Derived]) -> None:
        """Those of live versions, in one transaction."""

        def work(connection: Connection) -> None:
            _own(connection, epoch)
            signal_rows.put(connection, made_by, rows)

        await self._run(self._writing, lambda: self._connections.write(work))

    async def lacking(self, after: str, limit: int) -> Lacking:
        """Live memories without signals, by id."""
        return await self._read(lambda c: signal_rows.lacking(c, after, limit))

    async def conversations(self, asked: Sequence[Stretch], limit: int) -> list[ConversationRows]:
        """Live memories of conversations, in order, with the keys of their signals."""
        return await self._read(lambda c: signal_rows.conversations(c, asked, limit))

    async def ranking(self, project: str) -> Mapping[str, float]:
        """The weights that a project has set."""
        return await self._read(lambda c: ranking_rows.ranking(c, project))

    async def put_ranking(self, epoch: int, project: str, weights: Mapping[str, float]) -> None:
        """In a transaction of its own."""

        def work(connection: Connection) -> None:
            _own(connection, epoch)
            ranking_rows.put(connection, project, weights)

        await self._run(self._writing, lambda: self._connections.write(work))

    async def setting(self, project: str, name: str) -> Json:
        """What a project has set under that name."""
        return await self._read(lambda c: setting_rows.setting(c, project, name))

    async def put_setting(self, epoch: int, project: str, name: str, value: Json) -> None:
        """In a transaction of its own."""
        await self._owned(epoch, lambda c: setting_rows.put(c, project, name, value))

    async def feedback(self, project: str, rating: Rating | None, limit: int) -> FeedbackPage:
        """What is thought of memories."""
        return await self._read(lambda c: feedback_rows.page(c, project, rating, limit))

    async def put_feedback(self, epoch: int, project: str, memory_id: str, given: Feedback | None) -> bool:
        """In a transaction of its own."""
        return await self._owned(epoch, lambda c: feedback_rows.put(c, project, memory_id, given))

    async def aliases(self, project: str) -> tuple[Alias, ...]:
        """The names that mean another."""
        return await self._read(lambda c: alias_rows.aliases_of(c, project))

    async def put_alias(self, epoch: int, project: str, alias: Alias) -> None:
        """In a transaction of its own."""
        await self._owned(epoch, lambda c: alias_rows.put(c, project, alias))

    async def drop_alias(self, epoch: int, project: str, scope: Scope, key: str) -> None:
        """In a transaction of its own."""
        await self._owned(epoch, lambda c: alias_rows.drop(c, project, scope, key))

    async def _owned(self, epoch: int, change: Callable[[Connection], T]) -> T:
        def work(connection: Connection) -> T:
            _own(connection, epoch)
            return change(connection)

        return await self._run(self._writing, lambda: self._connections.write(work))

    async def live(self, after: str, limit: int) -> LiveRows:
        """A stretch of all live versions, by id."""
        return await self._read(lambda c: reads.live(c, after, limit))

    async def rows(self, memory_ids: Sequence[str]) -> LiveRows:
        """The live versions among these, by id."""
        return await self._read(lambda c: reads.rows(c, memory_ids))

    async def audit(self, after: str, limit: int) -> LedgerAudit:
        """The same stretch as digests."""
        return await self._read(lambda c: reads.audit(c, after, limit))

    async def check(self) -> list[str]:
        """What contradicts itself, a sentence each."""
        now_us = self._clock()
        return await self._read(lambda c: check(c, now_us))

    async def status(self) -> Json:
        """Where it is and what it has done since it was opened. `unerased`: a file may still hold what was purged."""

        def work(connection: Connection) -> Json:
            state = connection.execute(select(shard)).one()
            return {
                "backend": connection.dialect.name,
                "epoch": state.epoch,
                "position": state.position,
                "memories": reads.count_live(connection),
                "signals": signal_rows.count(connection),
                "signal_bytes": signal_rows.sizes(connection),
            }

        known = await self._read(work)
        self._scrub_later()
        return {
            **known,
            "transactions": self._transactions,
            "commands": self._commands,
            "unerased": self._scrubber.owed,
            "pid": os.getpid(),
        }

    async def close(self) -> None:
        """Finish what is under way and let the database go."""
        await self._tasks.close()
        for pool in {self._writing, self._reading}:
            await asyncio.to_thread(pool.shutdown)
        self._connections.dispose()


def _own(connection: Connection, epoch: int) -> Row[Any]:
    """The shard's row, locked. Raises StaleEpoch when somebody else owns it."""
    state = connection.execute(select(shard).with_for_update()).one()
    if state.epoch != epoch:
        raise StaleEpoch(f"epoch {epoch} is over: the shard has epoch {state.epoch}")
    return state
