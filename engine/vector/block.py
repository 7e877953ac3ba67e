"""One scope block: the live rows of a scope in memory, searched exactly. Which blocks there are: `blocks`."""

from __future__ import annotations

from collections.abc import KeysView, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.filters import And, Compare, Everything, Filter, Op, conjunction, matches
from engine.ports import KeywordStatistics, VectorHit, VectorQuery
from engine.text.analyzer import Analyzer
from engine.types import BlockKey, Change, FloatArray, MemoryVersion
from engine.vector.keywords import KeywordIndex

_LEAST_GROWTH_ROWS = 16
_BLOCK_BYTES = 3000
_ROW_BYTES = 1500
_POSTING_BYTES = 12
_COMPACT_ABOVE_ROWS = 64
_ASKED_FIRST = 4


@dataclass(frozen=True, slots=True)
class Row:
    """A change with its vector, float32 (d,); None when the memory is gone."""

    change: Change
    vector: FloatArray | None


class ScopeBlock:
    """Versions, unit vectors and keywords of one scope, as of a ledger position.

    One owner at a time: nothing here is safe to call from two threads.
    """

    def __init__(self, dimensions: int, analyzer: Analyzer, position: int = 0) -> None:
        self.position = position
        self._keywords = KeywordIndex(analyzer)
        self._vectors: FloatArray = np.zeros((0, dimensions), dtype=np.float32)
        self._live: npt.NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self._row_bytes = 0
        self._versions: list[MemoryVersion | None] = []
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
        version = None if at is None else self._versions[at]
        return None if version is None else (version, self._vectors[at])

    @property
    def bytes(self) -> int:
        """About what the block takes in memory."""
        return _BLOCK_BYTES + self._vectors.nbytes + self._row_bytes

    def apply(self, rows: Sequence[Row], until: int) -> None:
        """Takes in changes in order. One that isn't younger than the block is in it already and changes nothing."""
        for row in rows:
            if row.change.position > self.position:
                self._take(row)
        self.position = max(self.position, until)
        self._compact()

    def extend(self, versions: Sequence[MemoryVersion], vectors: FloatArray) -> None:
        """Adds live versions, whatever their position; `vectors` float32 (n, d)."""
        self._reserve(len(self._versions) + len(versions))
        for version, vector in zip(versions, unit(vectors), strict=True):
            self._put(version, vector)

    def drop(self, memory_id: str) -> None:
        """Lets go of a memory."""
        self._drop(memory_id)
        self._compact()

    def search(
        self, queries: Sequence[VectorQuery], key: BlockKey | None = None, population: int = 0
    ) -> list[tuple[VectorHit, ...]]:
        """Per query the union of the best `limit` rows of each leg that it has, every hit with both scores.

        `key` names what every row of this block is known to match. `population`: see `KeywordIndex.shares`.
        """
        dense = self._dense([query.vector for query in queries])
        matchers = _Matchers(self._versions, key)
        return [
            self._answer(query, cosines, matchers.of(query.filter), population)
            for query, cosines in zip(queries, dense, strict=True)
        ]

    def statistics(self, text: str) -> KeywordStatistics:
        """What the rows say of the terms of the query `text`."""
        return self._keywords.statistics(text)

    def _take(self, row: Row) -> None:
        if row.change.version is None or row.vector is None:
            self._drop(row.change.memory_id)
        else:
            self._put(row.change.version, unit(row.vector))

    def _put(self, version: MemoryVersion, vector: FloatArray) -> None:
        self._drop(version.memory_id)
        at = len(self._versions)
        if at == len(self._vectors):
            self._reserve(at + max(_LEAST_GROWTH_ROWS, at // 2))
        self._vectors[at] = vector
        self._live[at] = True
        self._versions.append(version)
        self._row_of[version.memory_id] = at
        postings = self._keywords.append(version.indexed_text)
        self._row_bytes += _ROW_BYTES + 2 * len(version.text) + _POSTING_BYTES * postings

    def _drop(self, memory_id: str) -> None:
        if (at := self._row_of.pop(memory_id, None)) is None:
            return
        version = self._versions[at]
        if version is not None:
            self._keywords.remove(at, version.indexed_text)
        self._versions[at] = None
        self._live[at] = False

    def _reserve(self, capacity: int) -> None:
        """Room for `capacity` rows."""
        if (more := capacity - len(self._vectors)) > 0:
            self._vectors = np.concatenate([self._vectors, np.zeros((more, self._vectors.shape[1]), np.float32)])
            self._live = np.concatenate([self._live, np.zeros(more, np.bool_)])

    def _compact(self) -> None:
        """Gives back the room of dropped rows once they are the most, so that each row is moved once on average."""
        if len(self._versions) < _COMPACT_ABOVE_ROWS or 2 * len(self._row_of) >= len(self._versions):
            return
        kept = np.fromiter(self._row_of.values(), dtype=np.int64, count=len(self._row_of))
        self._row_bytes = self._row_bytes * len(kept) // len(self._versions)
        self._vectors = self._vectors[kept]
        self._live = self._live[kept]
        self._versions = [self._versions[at] for at in kept]
        self._row_of = {memory_id: at for at, memory_id in enumerate(self._row_of)}
        self._keywords.compact(kept)

    def _dense(self, vectors: Sequence[FloatArray | None]) -> list[FloatArray | None]:
        """Cosine of every row with every vector, in one product: float32 (rows,) each."""
        given = [vector for vector in vectors if vector is not None]
        if not given or not self._versions:
            return [None] * len(vectors)
        cosines = np.clip(unit(np.stack(given).astype(np.float32)) @ self._vectors[: len(self._versions)].T, -1.0, 1.0)
        each = iter(cosines)
        return [None if vector is None else next(each) for vector in vectors]

    def _answer(
        self, query: VectorQuery, dense: FloatArray | None, matcher: Matcher | None, population: int
    ) -> tuple[VectorHit, ...]:
        keywords = None if query.text is None else self._keywords.shares(query.text, population, query.statistics)
        live = self._live[: len(self._versions)]
        rows: set[int] = set()
        if dense is not None:
            rows.update(best(dense, live, query.limit, matcher))
        if keywords is not None:
            rows.update(best(keywords, live & (keywords > 0), query.limit, matcher))
        return self._hits(list(rows), dense, keywords)

    def _hits(
        self, rows: Sequence[int], dense: FloatArray | None, keywords: FloatArray | None
    ) -> tuple[VectorHit, ...]:
        nothing: list[None] = [None] * len(rows)
        versions = [self._versions[at] for at in rows]
        scores = zip(
            nothing if dense is None else dense[rows].tolist(),
            nothing if keywords is None else keywords[rows].tolist(),
            strict=True,
        )
        return tuple(
            VectorHit(version, cosine, share)
            for version, (cosine, share) in zip(versions, scores, strict=True)
            if version is not None
        )


class Matcher:
    """Which rows match a filter; each is asked at most once, which costs far more than a score."""

    def __init__(self, versions: Sequence[MemoryVersion | None], node: Filter) -> None:
        self._versions = versions
        self._node = node
        self._known: dict[int, bool] = {}
        self._all: npt.NDArray[np.bool_] | None = None

    def __call__(self, at: int) -> bool:
        """Whether the row matches."""
        if (known := self._known.get(at)) is None:
            version = self._versions[at]
            known = self._known[at] = version is not None and matches(self._node, version)
        return known

    def all(self) -> npt.NDArray[np.bool_]:
        """The answer for every row: bool (rows,)."""
        if self._all is None:
            self._all = np.fromiter(map(self, range(len(self._versions))), np.bool_, len(self._versions))
        return self._all


class _Matchers:
    """The matchers of one search: queries with the same filter share one."""

    def __init__(self, versions: Sequence[MemoryVersion | None], key: BlockKey | None) -> None:
        self._versions = versions
        self._key = key
        self._made: list[tuple[Filter, Matcher]] = []

    def of(self, node: Filter) -> Matcher | None:
        """None when every row matches."""
        left = remainder(node, self._key)
        if isinstance(left, Everything):
            return None
        for known, matcher in self._made:
            if known == left:
                return matcher
        self._made.append((left, matcher := Matcher(self._versions, left)))
        return matcher


def unit(vectors: FloatArray) -> FloatArray:
    """Vectors (…, d) at length 1, so that a dot product is the cosine; a zero vector stays what it is."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: FloatArray = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return scaled


def remainder(node: Filter, key: BlockKey | None) -> Filter:
    """What is left of `node` to be asked of a row that is known to be in the block `key`."""
    match node:
        case And(parts):
            return conjunction(*(remainder(part, key) for part in parts))
        case Compare(field, Op.EQ, value, None) | Compare(field, Op.IN, [value], None):
            return Everything() if key is not None and (field, value) == (key.field, key.value) else node
        case _:
            return node


def best(scores: FloatArray, allowed: npt.NDArray[np.bool_], limit: int, matcher: Matcher | None) -> list[int]:
    """The rows with the `limit` highest scores among those allowed that match, best first.

    Most filters let most rows pass, so the best few are asked first, and all rows only if that isn't enough.
    """
    candidates = np.flatnonzero(allowed)
    if matcher is None:
        return _highest(scores, candidates, limit)
    first = _highest(scores, candidates, _ASKED_FIRST * limit)
    accepted = [at for at in first if matcher(at)]
    if len(accepted) >= limit or len(first) == len(candidates):
        return accepted[:limit]
    return _highest(scores, np.flatnonzero(allowed & matcher.all()), limit)


def _highest(scores: FloatArray, candidates: npt.NDArray[np.int64], size: int) -> list[int]:
    if size < len(candidates):
        candidates = candidates[np.argpartition(-scores[candidates], size)[:size]]
    order = np.argsort(-scores[candidates], kind="stable")
    rows: list[int] = candidates[order].tolist()
    return rows
