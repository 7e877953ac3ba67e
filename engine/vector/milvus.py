"""The only use of pymilvus, with `collection`, `lite` and `server`: one table of live versions.

Everything here blocks, and belongs to one thread: Lite's engine allows one writer and isn't thread-safe.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from pymilvus import MilvusClient

from engine.filters import matches
from engine.ports import VectorHit, VectorQuery
from engine.text.analyzer import Analyzer
from engine.types import SCOPE_FIELDS, EventKind, FloatArray, MemoryVersion
from engine.vector.block import Row, ScopeBlock
from engine.vector.collection import MOST_VARCHAR_BYTES, row_count, translated
from engine.vector.expressions import Pushed, pushed, quoted
from engine.vector.id_window import IdWindow
from engine.vector.mark import Mark
from engine.vector.payload import pack, unpack
from engine.vector.rows import is_over

_MOST_CANDIDATES = 16_384
_LEAST_CANDIDATES = 32
_WIDEN_BY = 4
_CALL_BYTES = 8 * 1024 * 1024
_CALL_ROWS = 500
NO_PROJECT: dict[str, Any] = {
    "project": "",
    **dict.fromkeys(SCOPE_FIELDS, ""),
    "created_at_us": 0,
    "updated_at_us": 0,
    "terms": "",
}


class MilvusTable:
    """Live versions with their vectors, terms and the columns that expressions can compare.

    Where it lies, and how it becomes durable, is what `LiteTable` and `ServerTable` add.
    """

    def __init__(self, client: MilvusClient, collection: str, mark: Mark) -> None:
        """Use the functions that open one."""
        self.mark = mark
        self._client = client
        self._collection = collection
        self._analyzer = Analyzer.of(mark.language)
        self._ids = IdWindow(self._fetch_ids)

    def write(self, rows: Sequence[Row]) -> None:
        """Upserts the versions and deletes what is gone; each memory at most once.

        Raises:
            Unavailable: Milvus didn't take it, or only a part; the same again is harmless.
        """
        try:
            for part, part_bytes in _parts(row for row in map(self._row_of, rows) if row is not None):
                self._upsert(part, part_bytes)
            gone = [row.change.memory_id for row in rows if row.change.version is None]
            if gone:
                self._delete(gone)
            if any(row.change.kind is EventKind.PURGE for row in rows):
                self._purged()
        except BaseException:
            self._ids.forget()
            raise
        self._ids.put(row.change.memory_id for row in rows if row.change.version is not None)
        self._ids.drop(gone)

    def search(self, queries: Sequence[VectorQuery]) -> list[tuple[VectorHit, ...]]:
        """Milvus chooses the candidates of both legs; they are scored and filtered here as the rows of a block are.

        So the sign and scale of Milvus' own scores, which differ between Lite and a server, don't matter. The share
        that a keyword hit gets is near that of a block: term statistics come from the candidates and the row count.
        """
        answers: dict[int, tuple[VectorHit, ...]] = {}
        with translated():
            for push, at in _grouped(queries).items():
                group = [queries[index] for index in at]
                answers.update(zip(at, self._search_group(push, group), strict=True))
        return [answers[index] for index in range(len(queries))]

    def ids(self, after: str, most: int) -> list[str]:
        """The first `most` ids after one, ascending."""
        with translated():
            return self._ids.after(after, most)

    def read(self, ids: Sequence[str]) -> list[tuple[MemoryVersion, FloatArray]]:
        """Those of the rows that are there, each with its vector, float32 (d,), as it was written."""
        with translated():
            found = [self._read(set(ids[at : at + _CALL_ROWS])) for at in range(0, len(ids), _CALL_ROWS)]
        return [(version, np.asarray(vector, dtype=np.float32)) for part in found for version, vector in part.values()]

    def _upsert(self, part: list[dict[str, Any]], part_bytes: int) -> None:
        """Writes one call's rows. `part_bytes`: about how large they are."""
        with translated():
            self._client.upsert(self._collection, part)

    def _delete(self, ids: list[str]) -> None:
        with translated():
            self._client.delete(self._collection, ids=ids)

    def _purged(self) -> None:
        """Something was deleted that mustn't stay on disk."""

    def _fetch_ids(self, after: str, most: int) -> list[str]:
        """In order of id, as iterators get them: a plain query has no order, and at most 16,384 rows.

        pymilvus' own iterator warns each time that Lite doesn't tell its time.
        """
        rows = self._client.query(
            self._collection,
            filter=f'project != "" and memory_id > {quoted(after)}',
            output_fields=["memory_id"],
            limit=most,
            iterator="True",
            reduce_stop_for_best="False",
        )
        return sorted(row["memory_id"] for row in rows)

    def _search_group(self, push: Pushed, queries: Sequence[VectorQuery]) -> list[tuple[VectorHit, ...]]:
        size = max(_LEAST_CANDIDATES, *(query.limit for query in queries))
        while True:
            size = min(size, _MOST_CANDIDATES)
            dense = self._dense_leg(push, queries, size)
            keywords = self._keyword_leg(push, queries, size)
            wanted = {memory_id for query in queries for memory_id in query.among}
            wanted.update(memory_id for ids in (*dense.values(), *keywords.values()) for memory_id in ids)
            found = {one: row for one, row in self._read(wanted).items() if row[0].project == queries[0].project}
            legs = [(queries[at], ids) for leg in (dense, keywords) for at, ids in leg.items()]
            if size == _MOST_CANDIDATES or all(
                len(ids) < size or _enough(query, ids, found, exact=push.exact) for query, ids in legs
            ):
                return self._scored(queries, found)
            size *= _WIDEN_BY

    def _dense_leg(self, push: Pushed, queries: Sequence[VectorQuery], size: int) -> dict[int, list[str]]:
        asked = {at: query.vector for at, query in enumerate(queries) if query.vector is not None}
        return self._leg(push, asked, "vector", size)

    def _keyword_leg(self, push: Pushed, queries: Sequence[VectorQuery], size: int) -> dict[int, list[str]]:
        words = {at: self._analyzer.query(query.text) for at, query in enumerate(queries) if query.text is not None}
        texts = {at: _joined(term for word in found for term in word) for at, found in words.items()}
        return self._leg(push, {at: text for at, text in texts.items() if text}, "keywords", size)

    def _leg(self, push: Pushed, asked: Mapping[int, Any], column: str, size: int) -> dict[int, list[str]]:
        """The ids of the best `size` rows by one column, for each query that has that leg."""
        if not asked:
            return {}
        results = self._client.search(
            self._collection,
            data=list(asked.values()),
            anns_field=column,
            filter=push.expression,
            limit=size,
            output_fields=["created_at_us"],  # an empty list means all columns to Lite, which costs 20 ms a query
        )
        return {at: [hit["memory_id"] for hit in hits] for at, hits in zip(asked, results, strict=True)}

    def _read(self, ids: set[str]) -> dict[str, tuple[MemoryVersion, Any]]:
        if not ids:
            return {}
        rows = self._client.get(self._collection, ids=sorted(ids), output_fields=["payload", "vector"])
        return {row["memory_id"]: (unpack(row["payload"]), row["vector"]) for row in rows}

    def _scored(
        self, queries: Sequence[VectorQuery], found: Mapping[str, tuple[MemoryVersion, Any]]
    ) -> list[tuple[VectorHit, ...]]:
        block = ScopeBlock(self.mark.dimensions, self._analyzer)
        vectors = [vector for _, vector in found.values()]
        if vectors:
            block.extend([version for version, _ in found.values()], np.asarray(vectors, dtype=np.float32))
        return block.search(queries, population=row_count(self._client, self._collection))

    def _row_of(self, row: Row) -> dict[str, Any] | None:
        version = row.change.version
        if version is None or row.vector is None:
            return None
        return {
            **NO_PROJECT,
            **{name: getattr(version.scope, name) or "" for name in SCOPE_FIELDS},
            "memory_id": version.memory_id,
            "project": version.project,
            "created_at_us": version.created_at_us,
            "updated_at_us": version.updated_at_us,
            "terms": _joined(self._analyzer.terms(version.indexed_text)),
            "payload": pack(version),
            "vector": row.vector,
        }


def _joined(terms: Iterable[str]) -> str:
    """Terms as words that any tokenizer leaves whole, as many as a column holds."""
    words = " ".join(map(_word, terms))
    return words if len(words) <= MOST_VARCHAR_BYTES else words[:MOST_VARCHAR_BYTES].rpartition(" ")[0]


def _word(term: str) -> str:
    if term.isascii() and term.isalnum():
        return term
    return "x" + hashlib.blake2b(term.encode(errors="replace"), digest_size=8).hexdigest()


def _parts(rows: Iterable[dict[str, Any]]) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """`rows` in lists that are small enough for one call, with their size in bytes, about."""
    part: list[dict[str, Any]] = []
    held_bytes = 0
    for row in rows:
        row_bytes = len(row["terms"]) + sum(map(len, row["payload"])) + 4 * len(row["vector"])
        if part and (len(part) == _CALL_ROWS or held_bytes + row_bytes > _CALL_BYTES):
            yield part, held_bytes
            part, held_bytes = [], 0
        part.append(row)
        held_bytes += row_bytes
    if part:
        yield part, held_bytes


def _grouped(queries: Sequence[VectorQuery]) -> dict[Pushed, list[int]]:
    groups: dict[Pushed, list[int]] = {}
    for at, query in enumerate(queries):
        groups.setdefault(pushed(query.project, query.filter), []).append(at)
    return groups


def _enough(
    query: VectorQuery, ids: Sequence[str], found: Mapping[str, tuple[MemoryVersion, Any]], *, exact: bool
) -> bool:
    """Whether as many as are asked for match and haven't expired. `exact`: they match."""
    versions = [found[one][0] for one in ids if one in found]
    fresh = [one for one in versions if query.include_expired or not is_over(one, query.at_us)]
    if exact and len(fresh) == len(versions):
        return True
    return sum(exact or matches(query.filter, version) for version in fresh) >= query.limit
