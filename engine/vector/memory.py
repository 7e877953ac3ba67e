"""A vector store that keeps everything in memory and forgets it at the end. The lasting one: `store`."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from engine.digests import vector_digest
from engine.errors import Conflict
from engine.ports import StatisticsAnswer, VectorAnswer, VectorHit, VectorQuery
from engine.text.analyzer import Analyzer
from engine.types import (
    Applied,
    AuditAnswer,
    AuditRow,
    Block,
    BlockKey,
    Change,
    ChangeBatch,
    Derived,
    FloatArray,
    LiveRows,
    MemoryVersion,
    Mending,
)
from engine.vector.block import Row, ScopeBlock
from engine.vector.changes import loaded, paired, rows_of
from engine.vector.journal import Journal


class InMemoryVectorStore:
    """`VectorStore` over numpy arrays: exact, never cold, the same answers as the Milvus one. For your own tests.

    What it says of rebuilds and older changes holds as for `MilvusVectorStore`.
    """

    def __init__(self, dimensions: int, language: str = "english") -> None:
        """`language`: see `Analyzer`."""
        self._dimensions = dimensions
        self._analyzer = Analyzer(language)
        self._incarnation = secrets.token_hex(8)
        self._position = 0
        self._rows = self._no_rows()
        self._gone: dict[str, int] = {}
        self._copy: _Rows | None = None
        self._journal = Journal()
        self._begun_at = 0
        self._ahead: dict[str, int] = {}

    async def status(self) -> Applied:
        """Which life this is and how far it has come."""
        return Applied(self._incarnation, self._position)

    async def apply(self, batch: ChangeBatch) -> Applied:
        """See `VectorStore.apply`."""
        if self._position >= batch.after:
            rows = rows_of(batch, self._position)
            self._rows.take(row for row in rows if row.change.position >= self._ahead.get(row.change.memory_id, 0))
            self._gone.update((row.change.memory_id, row.change.position) for row in rows if row.vector is None)
            if self._copy is not None and batch.until > self._position:
                self._journal.note(rows, batch.until)
            self._position = max(self._position, batch.until)
        return await self.status()

    async def search(self, queries: Sequence[VectorQuery]) -> VectorAnswer:
        """See `VectorStore.search`."""
        hits = tuple(self._answer(query) for query in queries)
        return VectorAnswer(await self.status(), hits, (None,) * len(queries), self._speakers(queries))

    async def statistics(self, queries: Sequence[VectorQuery]) -> StatisticsAnswer:
        """See `VectorStore.statistics`; exact for wide searches too."""
        counted = tuple(
            None if query.text is None else self._rows.block(query).statistics(query.text) for query in queries
        )
        return StatisticsAnswer(await self.status(), counted, (None,) * len(queries), self._speakers(queries))

    async def fill(self, block: Block) -> Applied:
        """No block is ever cold; but what is derived may be new."""
        self._rows.derive(block.derived)
        return await self.status()

    async def derive(self, rows: Sequence[Derived]) -> None:
        """See `VectorStore.derive`."""
        self._rows.derive(rows)

    async def resident(self) -> Mapping[str, int]:
        """See `VectorStore.resident`."""
        return self._rows.resident

    async def audit(self, after: str, until: str | None) -> AuditAnswer:
        """See `VectorStore.audit`."""
        rows = tuple(
            AuditRow(memory_id, version.live_from, vector_digest(version, vector))
            for memory_id, (version, vector) in self._rows.held.items()
            if memory_id > after and (until is None or memory_id <= until)
        )
        return AuditAnswer(await self.status(), rows)

    async def mend(self, mending: Mending) -> Applied:
        """See `VectorStore.mend`."""
        rows = paired(mending.changes, mending.vectors)
        self._rows.take(row for row in rows if not self._is_outdated(row.change))
        return await self.status()

    async def begin_rebuild(self) -> None:
        """See `VectorStore.begin_rebuild`."""
        self._copy, self._journal, self._begun_at = self._no_rows(), Journal(), self._position

    async def load(self, rows: LiveRows) -> None:
        """See `VectorStore.load`."""
        self._copy_under_way().take(loaded(rows))
        self._journal.loaded(rows.versions, self._begun_at)

    async def finish_rebuild(self, position: int) -> Applied:
        """See `VectorStore.finish_rebuild`. The position may be further than asked for."""
        copy = self._copy_under_way()
        copy.take(self._journal.take(position))
        copy.derive(self._rows.derived.values())
        self._rows, self._copy = copy, None
        self._position = self._journal.reached(position)
        self._ahead = self._journal.ahead(self._position)
        self._incarnation = secrets.token_hex(8)
        return await self.status()

    async def close(self) -> None:
        """Forgets everything."""
        self._rows, self._copy = self._no_rows(), None

    def _copy_under_way(self) -> _Rows:
        if self._copy is None:
            raise Conflict("no rebuild of the vector index is under way; begin it again")
        return self._copy

    def _is_outdated(self, change: Change) -> bool:
        held = self._rows.held.get(change.memory_id)
        newer = 0 if held is None else held[0].live_from
        return max(newer, 0 if change.version is None else self._gone.get(change.memory_id, 0)) > change.position

    def _no_rows(self) -> _Rows:
        return _Rows(self._dimensions, self._analyzer)

    def _speakers(self, queries: Sequence[VectorQuery]) -> tuple[tuple[str, ...], ...]:
        return tuple(() if query.block is None else self._rows.block(query).speakers(query) for query in queries)

    def _answer(self, query: VectorQuery) -> tuple[VectorHit, ...]:
        return self._rows.block(query).search([query], query.block)[0]


class _Rows:
    """Live versions with their vectors as they came.

    Every memory is also held once for its project and once for each id of its scope, so that keyword statistics are
    those of the block that is searched.
    """

    def __init__(self, dimensions: int, analyzer: Analyzer) -> None:
        self.held: dict[str, tuple[MemoryVersion, FloatArray]] = {}
        self._dimensions = dimensions
        self._analyzer = analyzer
        self._blocks: dict[BlockKey | str, ScopeBlock] = {}
        self.derived: dict[str, Derived] = {}

    def take(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if row.change.version is None or row.vector is None:
                self._drop(row.change.memory_id)
                self.derived.pop(row.change.memory_id, None)
            else:
                self._put(row.change.version, row.vector)

    def derive(self, rows: Iterable[Derived]) -> None:
        for one in rows:
            self.derived[one.memory_id] = one
            if (held := self.held.get(one.memory_id)) is not None:
                for key in _keys(held[0]):
                    self._blocks[key].derive([one])

    @property
    def resident(self) -> Mapping[str, int]:
        total: Counter[str] = Counter()
        for block in self._blocks.values():
            total.update(block.resident)
        return total

    def block(self, query: VectorQuery) -> ScopeBlock:
        return self._blocks.get(query.project if query.block is None else query.block) or self._empty()

    def _put(self, version: MemoryVersion, vector: FloatArray) -> None:
        self._drop(version.memory_id)
        self.held[version.memory_id] = version, vector
        for key in _keys(version):
            block = self._blocks.setdefault(key, self._empty())
            block.extend([version], vector[np.newaxis])
            if (derived := self.derived.get(version.memory_id)) is not None:
                block.derive([derived])

    def _drop(self, memory_id: str) -> None:
        if (held := self.held.pop(memory_id, None)) is not None:
            for key in _keys(held[0]):
                self._blocks[key].drop(memory_id)

    def _empty(self) -> ScopeBlock:
        return ScopeBlock(self._dimensions, self._analyzer)


def _keys(version: MemoryVersion) -> list[BlockKey | str]:
    return [
        version.project,
        *(BlockKey(version.project, name, value) for name, value in version.scope.ids().items()),
    ]
