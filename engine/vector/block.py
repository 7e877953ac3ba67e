"""One scope block: the live rows of a scope in memory, searched exactly. Which blocks there are: `blocks`."""

from __future__ import annotations

from collections.abc import Iterable, KeysView, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.ports import KeywordStatistics, VectorHit, VectorQuery
from engine.ranking.signals import Signal
from engine.ranking.speakers import MOST_SPEAKERS, named
from engine.text.analyzer import Analyzer
from engine.types import BlockKey, Change, Derived, FloatArray, MemoryVersion
from engine.vector.matcher import Matchers
from engine.vector.rows import Rows
from engine.vector.scoring import Cosines, hits

_BLOCK_BYTES = 3000
_COMPACT_ABOVE_ROWS = 64


@dataclass(frozen=True, slots=True)
class Row:
    """A change with its vector, float32 (d,); None when the memory is gone."""

    change: Change
    vector: FloatArray | None


class ScopeBlock:
    """Versions, unit vectors, keywords and what is derived of one scope, as of a ledger position.

    One owner at a time: nothing here is safe to call from two threads.
    """

    def __init__(self, dimensions: int, analyzer: Analyzer, position: int = 0) -> None:
        self.position = position
        self._rows = Rows(dimensions, analyzer)
        self._row_of: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._row_of)

    def __contains__(self, memory_id: str) -> bool:
        return memory_id in self._row_of

    @property
    def ids(self) -> KeysView[str]:
        """Of the memories that are here."""
        return self._row_of.keys()

    def row(self, memory_id: str) -> tuple[MemoryVersion, FloatArray] | None:
        """A memory's version and its unit vector, float32 (d,)."""
        at = self._row_of.get(memory_id)
        version = None if at is None else self._rows.versions[at]
        return None if version is None else (version, self._rows.vectors[at])

    @property
    def bytes(self) -> int:
        """About what the block takes in memory."""
        return _BLOCK_BYTES + sum(self.resident.values())

    @property
    def resident(self) -> Mapping[str, int]:
        """The same by part."""
        return self._rows.resident

    def apply(self, rows: Sequence[Row], until: int) -> None:
        """Takes in changes in order. One that isn't younger than the block is in it already and changes nothing."""
        for row in rows:
            if row.change.position > self.position:
                self._take(row)
        self.position = max(self.position, until)
        self._compact()

    def extend(self, versions: Sequence[MemoryVersion], vectors: FloatArray) -> None:
        """Adds live versions, whatever their position; `vectors` float32 (n, d)."""
        self._rows.reserve(len(versions))
        for version, vector in zip(versions, unit(vectors), strict=True):
            self._put(version, vector)

    def derive(self, derived: Iterable[Derived]) -> None:
        """Takes in what was computed of versions that are here; of others it is ignored."""
        for one in derived:
            if (at := self._row_of.get(one.memory_id)) is None:
                continue
            version = self._rows.versions[at]
            if version is not None and version.version == one.version:
                self._rows.derive(at, one)

    def drop(self, memory_id: str) -> None:
        """Lets go of a memory."""
        self._drop(memory_id)
        self._compact()

    def search(
        self, queries: Sequence[VectorQuery], key: BlockKey | None = None, population: int = 0
    ) -> list[tuple[VectorHit, ...]]:
        """Per query the best `limit` rows, and those of `among`, with all that is known of each.

        `key` names what every row of this block is known to match. `population`: see `KeywordIndex.scores`.
        """
        matchers = Matchers(self._rows.versions, key)
        return [
            hits(self._rows, query, cosines, matchers.of(query.filter), self._rows_of(query.among), population)
            for query, cosines in zip(queries, self._cosines(queries), strict=True)
        ]

    def statistics(self, text: str) -> KeywordStatistics:
        """What the rows say of the terms of the query `text`."""
        return self._rows.keywords.statistics(text, self._rows.neighbours)

    def speakers(self, query: VectorQuery) -> tuple[str, ...]:
        """Who speaks here; where those are too many to tell, those whom the query names."""
        every = self._rows.speakers
        if len(every) <= MOST_SPEAKERS:
            return tuple(every)
        return tuple(dict.fromkeys([*query.named, *named(query.text or "", every)]))[:MOST_SPEAKERS]

    def _rows_of(self, memory_ids: Sequence[str]) -> list[int]:
        return [at for memory_id in memory_ids if (at := self._row_of.get(memory_id)) is not None]

    def _take(self, row: Row) -> None:
        if row.change.version is None or row.vector is None:
            self._drop(row.change.memory_id)
        else:
            self._put(row.change.version, unit(row.vector))

    def _put(self, version: MemoryVersion, vector: FloatArray) -> None:
        self._drop(version.memory_id)
        self._row_of[version.memory_id] = self._rows.append(version, vector)

    def _drop(self, memory_id: str) -> None:
        if (at := self._row_of.pop(memory_id, None)) is not None:
            self._rows.remove(at)

    def _compact(self) -> None:
        """Gives back the room of dropped rows once they are the most, so that each row is moved once on average."""
        if len(self._rows) < _COMPACT_ABOVE_ROWS or 2 * len(self._row_of) >= len(self._rows):
            return
        self._rows.keep(np.fromiter(self._row_of.values(), dtype=np.int64, count=len(self._row_of)))
        self._row_of = {memory_id: at for at, memory_id in enumerate(self._row_of)}

    def _cosines(self, queries: Sequence[VectorQuery]) -> list[Cosines]:
        """Of every query with every row, in one product for each kind of vector."""
        dense = _products([_asked(query, Signal.DENSE) for query in queries], self._rows.vectors)
        there = self._rows.in_context
        if not there.any():
            return [Cosines(one, None) for one in dense]
        context = _products([_asked(query, Signal.CONTEXT) for query in queries], self._rows.contexts)
        for one in context:
            if one is not None:
                one[~there] = np.nan
        return [Cosines(one, other) for one, other in zip(dense, context, strict=True)]


def _asked(query: VectorQuery, signal: Signal) -> FloatArray | None:
    return query.vector if query.weights[signal] > 0 else None


def _products(vectors: Sequence[FloatArray | None], rows: FloatArray) -> list[FloatArray | None]:
    given = [vector for vector in vectors if vector is not None]
    if not given or not len(rows):
        return [None] * len(vectors)
    cosines: npt.NDArray[np.float32] = np.clip(unit(np.stack(given).astype(np.float32)) @ rows.T, -1.0, 1.0)
    each = iter(cosines)
    return [None if vector is None else next(each) for vector in vectors]


def unit(vectors: FloatArray) -> FloatArray:
    """Vectors (…, d) at length 1, so that a dot product is the cosine; a zero vector stays what it is."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: FloatArray = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return scaled
