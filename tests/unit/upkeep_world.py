"""A ledger and two indexes in memory for tests of upkeep: small, and every call lets others go first."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from engine import digests, graph
from engine.concurrency import TaskSet
from engine.errors import Conflict
from engine.index_feed import IndexFeed
from engine.ledger_port import LedgerAudit, LedgerAuditRow
from engine.types import (
    Applied,
    AuditAnswer,
    AuditRow,
    Change,
    ChangeBatch,
    Entity,
    EventKind,
    FloatArray,
    Json,
    LiveRows,
    MemoryVersion,
    Mending,
    Scope,
)
from engine.upkeep.rebuild import Rebuild
from engine.upkeep.subject import Index, Subject, graph_subject, vector_subject
from engine.upkeep.verify import Verification

DIMENSIONS = 4
Held = dict[str, tuple[MemoryVersion, FloatArray]]


def vector_of(text: str) -> FloatArray:
    made: FloatArray = np.random.default_rng(sum(map(ord, text))).normal(size=DIMENSIONS).astype(np.float32)
    return made


def stacked(vectors: Sequence[FloatArray]) -> FloatArray:
    return np.stack(vectors) if vectors else np.zeros((0, DIMENSIONS), dtype=np.float32)


def version_of(memory_id: str, text: str, position: int, version: int = 1) -> MemoryVersion:
    return MemoryVersion(
        memory_id=memory_id,
        project="p",
        scope=Scope(user_id="ann"),
        text=text,
        version=version,
        live_from=position,
        created_at_us=1,
        updated_at_us=position,
        entities=tuple(Entity(word) for word in text.split()),
    )


class Truth:
    """As much of a ledger as upkeep asks for."""

    def __init__(self) -> None:
        self.events: list[Change] = []
        self.live_now: Held = {}
        self.problems: list[str] = []

    @property
    def position(self) -> int:
        return len(self.events)

    def put(self, memory_id: str, text: str) -> ChangeBatch:
        known = self.live_now.get(memory_id)
        version = version_of(memory_id, text, self.position + 1, known[0].version + 1 if known else 1)
        self.live_now[memory_id] = version, vector_of(text)
        return self._event(Change(version.live_from, EventKind.ADD, memory_id, "p", version))

    def end(self, memory_id: str, kind: EventKind = EventKind.DELETE) -> ChangeBatch:
        self.live_now.pop(memory_id, None)
        return self._event(Change(self.position + 1, kind, memory_id, "p", None))

    def _event(self, change: Change) -> ChangeBatch:
        self.events.append(change)
        return self._batch(self.position - 1, self.position)

    def _batch(self, after: int, until: int) -> ChangeBatch:
        found = tuple(self.events[after:until])
        vectors = [vector_of(change.version.text) for change in found if change.version]
        return ChangeBatch(after, until, found, stacked(vectors))

    async def changes(self, after: int, limit: int) -> ChangeBatch:
        await asyncio.sleep(0)
        return self._batch(after, min(self.position, after + limit))

    async def live(self, after: str, limit: int) -> LiveRows:
        await asyncio.sleep(0)
        return self._rows(sorted(one for one in self.live_now if one > after)[:limit])

    async def rows(self, memory_ids: Sequence[str]) -> LiveRows:
        await asyncio.sleep(0)
        return self._rows([one for one in memory_ids if one in self.live_now])

    def _rows(self, memory_ids: Sequence[str]) -> LiveRows:
        held = [self.live_now[one] for one in memory_ids]
        return LiveRows(self.position, tuple(one for one, _ in held), stacked([vector for _, vector in held]))

    async def audit(self, after: str, limit: int) -> LedgerAudit:
        found = await self.live(after, limit)
        rows = [
            LedgerAuditRow(one.memory_id, one.live_from, digests.vector_digest(one, vector), digests.graph_digest(one))
            for one, vector in zip(found.versions, found.vectors, strict=True)
        ]
        return LedgerAudit(found.position, tuple(rows))

    async def check(self) -> list[str]:
        return self.problems

    async def status(self) -> Json:
        return {"memories": len(self.live_now)}


@dataclass
class Table:
    """An index that holds rows and can be told to keep what is purged in its file."""

    rows: Held = field(default_factory=dict)
    copy: Held | None = None
    position: int = 0
    lives: int = 1
    keeps_text: bool = False
    unerased: int = 0
    loads: int = 0
    rebuilds: int = 0

    async def status(self) -> Applied:
        await asyncio.sleep(0)
        return self._applied()

    def _applied(self) -> Applied:
        return Applied(f"life {self.lives}", self.position, self.unerased)

    async def apply(self, batch: ChangeBatch) -> Applied:
        await asyncio.sleep(0)
        if self.position >= batch.after:
            vectors = iter(batch.vectors)
            for change in batch.changes:
                self._take(change, next(vectors) if change.version else None)
            self.position = max(self.position, batch.until)
        return self._applied()

    def _take(self, change: Change, vector: FloatArray | None) -> None:
        known = self.rows.get(change.memory_id)
        if change.position <= (known[0].live_from if known else self.position):
            return
        self._erase(change)
        if change.version is None or vector is None:
            self.rows.pop(change.memory_id, None)
        else:
            self.rows[change.memory_id] = change.version, vector

    def _erase(self, change: Change) -> None:
        if change.kind is EventKind.PURGE and self.keeps_text:
            self.unerased = self.unerased or change.position

    async def audit(self, after: str, until: str | None) -> AuditAnswer:
        await asyncio.sleep(0)
        rows = [
            AuditRow(memory_id, version.live_from, digests.vector_digest(version, vector))
            for memory_id, (version, vector) in self.rows.items()
            if after < memory_id and (until is None or memory_id <= until)
        ]
        return AuditAnswer(self._applied(), tuple(rows))

    async def mend(self, mending: Mending) -> Applied:
        await asyncio.sleep(0)
        vectors = iter(mending.vectors)
        for change in mending.changes:
            vector = next(vectors) if change.version else None
            known = self.rows.get(change.memory_id)
            if known and known[0].live_from > change.position:
                continue
            self._erase(change)
            self.rows.pop(change.memory_id, None)
            if change.version and vector is not None:
                self.rows[change.memory_id] = change.version, vector
        return self._applied()

    async def begin_rebuild(self) -> None:
        self.copy = {}

    async def load(self, rows: LiveRows) -> None:
        await asyncio.sleep(0)
        self.loads += 1
        if self.copy is None:
            raise Conflict("no rebuild is under way")
        self.copy |= {
            version.memory_id: (version, vector) for version, vector in zip(rows.versions, rows.vectors, strict=True)
        }

    async def finish_rebuild(self, position: int) -> Applied:
        await asyncio.sleep(0)
        if self.copy is None:
            raise Conflict("no rebuild is under way")
        self.rows, self.copy = self.copy, None
        self.position, self.unerased = position, 0
        self.lives += 1
        self.rebuilds += 1
        return self._applied()

    def restart(self) -> None:
        """The process is another one: the copy is gone."""
        self.lives += 1
        self.copy = None


class World:
    """A ledger, a table and a graph, each fed; `subjects` in this order."""

    def __init__(self, check_s: float = 0.02) -> None:
        self.truth = Truth()
        self.table = Table()
        self.graph = graph.in_memory()
        self.tasks = TaskSet()
        self.subjects = [
            vector_subject(self.table, IndexFeed("vector", self.table, self.truth.changes, check_s=check_s)),
            graph_subject(self.graph, IndexFeed("graph", self.graph, self.truth.changes, check_s=check_s)),
        ]
        self.feeds = [subject.feed for subject in self.subjects]

    async def __aenter__(self) -> World:
        for feed in self.feeds:
            feed.start(self.truth.position)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.tasks.close()
        for feed in self.feeds:
            await feed.close()
        await self.graph.close()

    def put(self, memory_id: str, text: str) -> None:
        self._offer(self.truth.put(memory_id, text))

    def end(self, memory_id: str, kind: EventKind = EventKind.DELETE) -> None:
        self._offer(self.truth.end(memory_id, kind))

    def _offer(self, batch: ChangeBatch) -> None:
        for feed in self.feeds:
            feed.offer(batch)

    async def caught_up(self) -> None:
        async with asyncio.timeout(10):
            for feed in self.feeds:
                await feed.reached(self.truth.position)

    def verification(self, patience_s: float = 10.0) -> Verification:
        return Verification(self.truth, self.subjects, patience_s=patience_s)  # type: ignore[arg-type]

    def rebuild_of(self, subject: Subject, index: Index | None = None) -> Rebuild:
        chosen = subject if index is None else replace(subject, index=index)
        return Rebuild(self.truth, chosen, self.tasks)  # type: ignore[arg-type]

    def scribble(self, dice: random.Random, number: int) -> None:
        """One of the writes that people do."""
        memory_id = f"m{dice.randrange(60):02}"
        if memory_id in self.truth.live_now and dice.random() < 0.4:
            self.end(memory_id, dice.choice([EventKind.DELETE, EventKind.PURGE]))
        else:
            self.put(f"m{dice.randrange(60):02}" if dice.random() < 0.5 else f"n{number:05}", f"Thing {number}")
