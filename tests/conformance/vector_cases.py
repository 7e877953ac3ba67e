"""What the suites of the vector store share: versions, vectors, the ledger's side, and stores of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.config import Settings, VectorSettings
from engine.digests import vector_digest
from engine.filters import Compare, Op
from engine.ports import EmbedderInfo, VectorQuery, VectorStore
from engine.types import (
    AuditRow,
    Block,
    BlockKey,
    Change,
    ChangeBatch,
    EventKind,
    FloatArray,
    LiveRows,
    MemoryVersion,
    Scope,
)
from engine.vector import build
from engine.vector.memory import InMemoryVectorStore

DIMENSIONS = 8
INFO = EmbedderInfo("test-model", DIMENSIONS, 128)
ANN = Scope(user_id="ann")


KINDS = ("memory", "lite", "served")
lasting_only = pytest.mark.parametrize("opened", ["lite", "served"], indirect=True)
lite_only = pytest.mark.parametrize("opened", ["lite"], indirect=True)

_shards: Iterator[int] = iter(range(1000))


def version(memory_id: str, text: str = "", scope: Scope = ANN, project: str = "p", **fields: object) -> MemoryVersion:
    alone = f"add of {memory_id}"
    known = {
        "version": 1,
        "live_from": 1,
        "created_at_us": 1000,
        "updated_at_us": 1000,
        "operation_id": alone,
        **fields,
    }
    return MemoryVersion(memory_id=memory_id, project=project, scope=scope, text=text or memory_id, **known)  # type: ignore[arg-type]


def axis(at: int, lean: float = 0.0) -> FloatArray:
    """A unit vector along one axis, leaning a little towards the next."""
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    vector[at] = 1.0
    vector[(at + 1) % DIMENSIONS] = lean
    return vector / np.float32(np.linalg.norm(vector))


class Ledger:
    """The caller's side: it numbers changes, and reads blocks out of what is live."""

    def __init__(self) -> None:
        self.position = 0
        self.live: dict[str, tuple[MemoryVersion, FloatArray]] = {}

    def add(self, *added: tuple[MemoryVersion, FloatArray]) -> ChangeBatch:
        after = self.position
        changes = []
        for one, vector in added:
            self.position += 1
            self.live[one.memory_id] = one, vector
            changes.append(Change(self.position, EventKind.ADD, one.memory_id, one.project, one))
        return ChangeBatch(after, self.position, tuple(changes), np.stack([vector for _, vector in added]))

    def delete(self, *memory_ids: str) -> ChangeBatch:
        after = self.position
        changes = []
        for memory_id in memory_ids:
            self.position += 1
            gone, _ = self.live.pop(memory_id)
            changes.append(Change(self.position, EventKind.DELETE, memory_id, gone.project, None))
        return ChangeBatch(after, self.position, tuple(changes), np.zeros((0, DIMENSIONS), dtype=np.float32))

    def block(self, key: BlockKey) -> Block:
        rows = [
            (one, vector)
            for one, vector in self.live.values()
            if one.project == key.project and getattr(one.scope, key.field) == key.value
        ]
        vectors = np.array([vector for _, vector in rows], dtype=np.float32).reshape(-1, DIMENSIONS)
        return Block(key, self.position, tuple(one for one, _ in rows), vectors)


def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., VectorStore]:
    """Opens the store of one test, of the kind that the fixture's parameter names; again: the same one."""
    shard = next(_shards)

    def open_store(info: EmbedderInfo = INFO, **vector: object) -> VectorStore:
        if request.param == "memory":
            return InMemoryVectorStore(info.dimensions)
        uri = request.getfixturevalue("served_lite") if request.param == "served" else None
        return build(Settings(data_dir=tmp_path, vector=VectorSettings(uri=uri, **vector)), shard, info)

    return open_store


class Shard:
    """The ledger's side and a store, with what an owner does to them."""

    def __init__(self, ledger: Ledger, store: VectorStore) -> None:
        self.ledger = ledger
        self.store = store

    async def add(self, *added: tuple[MemoryVersion, FloatArray]) -> None:
        """Versions that take the positions at which they are live, pushed to the store."""
        numbered = [
            (replace(one, live_from=self.ledger.position + at), vector) for at, (one, vector) in enumerate(added, 1)
        ]
        await self.store.apply(self.ledger.add(*numbered))

    async def delete(self, *memory_ids: str, kind: EventKind = EventKind.DELETE) -> None:
        """Deletions or purges, pushed to the store."""
        batch = self.ledger.delete(*memory_ids)
        changes = tuple(replace(change, kind=kind) for change in batch.changes)
        await self.store.apply(replace(batch, changes=changes))

    def rows(self, *memory_ids: str) -> LiveRows:
        """Live rows by id, as the ledger reads them; without ids all."""
        found = [self.ledger.live[one] for one in sorted(memory_ids or self.ledger.live) if one in self.ledger.live]
        vectors = np.array([vector for _, vector in found], dtype=np.float32).reshape(-1, DIMENSIONS)
        return LiveRows(self.ledger.position, tuple(one for one, _ in found), vectors)

    def expected(self) -> set[AuditRow]:
        """What an audit of everything has to say."""
        return {AuditRow(at, one.live_from, vector_digest(one, row)) for at, (one, row) in self.ledger.live.items()}

    async def audited(self, after: str = "", until: str | None = None) -> set[AuditRow]:
        """What the store says of a range, each memory once."""
        rows = (await self.store.audit(after, until)).rows
        assert len({row.memory_id for row in rows}) == len(rows)
        return set(rows)

    async def rebuild(self) -> None:
        """A whole rebuild while nothing else happens."""
        position = self.ledger.position
        await self.store.begin_rebuild()
        await self.store.load(self.rows())
        await self.store.finish_rebuild(position)

    async def found(self, text: str | None = None, *, by_block: bool) -> dict[str, str]:
        """The texts of ann's memories by id, those with a word of `text` or all."""
        key = BlockKey("p", "user_id", "ann") if by_block else None
        query = VectorQuery("p", Compare("user_id", Op.EQ, "ann"), 50, None if text else axis(0), text, key)
        answer = await self.store.search([query])
        if answer.cold[0] is not None:
            await self.store.fill(self.ledger.block(answer.cold[0]))
            answer = await self.store.search([query])
        return {hit.version.memory_id: hit.version.text for hit in answer.hits[0]}
