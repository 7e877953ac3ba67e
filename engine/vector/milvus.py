"""The only use of pymilvus: one table of live versions, in a Milvus Lite file or on a server.

Everything here blocks, and belongs to one thread: Lite's engine allows one writer and isn't thread-safe.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from milvus_lite.server_manager import server_manager_instance
from pymilvus import (
    CollectionSchema,
    DataType,
    Function,
    FunctionType,
    MilvusClient,
    MilvusException,
)

from engine.errors import Conflict, Unavailable
from engine.filters import matches
from engine.ports import VectorHit, VectorQuery
from engine.types import SCOPE_FIELDS, MemoryVersion
from engine.vector.block import Row, ScopeBlock
from engine.vector.expressions import Pushed, pushed, quoted
from engine.vector.keywords import K1, Analyzer, B
from engine.vector.lite_file import is_locked, mark_path
from engine.vector.mark import DamagedMark, Mark, read_mark, sync_directory, write_mark
from engine.vector.payload import PIECE_CHARS, pack, unpack

_MOST_VARCHAR_BYTES = 65_535
_MOST_CANDIDATES = 16_384
_MOST_PIECES = 64
_ID_BYTES = 2048
_LEAST_CANDIDATES = 32
_WIDEN_BY = 4
_CALL_BYTES = 8 * 1024 * 1024
_CALL_ROWS = 500
_MARK_ID = "remora:mark"
_NO_PROJECT: dict[str, Any] = {
    "project": "",
    **dict.fromkeys(SCOPE_FIELDS, ""),
    "created_at_us": 0,
    "updated_at_us": 0,
    "terms": "",
}


class MarkStore(Protocol):
    """Where a table's mark is kept."""

    def read(self) -> Mark | None: ...

    def write(self, mark: Mark) -> None: ...


@dataclass(frozen=True, slots=True)
class _MarkFile:
    """Beside a Lite file."""

    path: Path

    def read(self) -> Mark | None:
        return read_mark(self.path)

    def write(self, mark: Mark) -> None:
        write_mark(self.path, mark)


@dataclass(frozen=True, slots=True)
class _MarkRow:
    """In a server's collection itself, as a row of no project, so that it is there wherever the actor runs next."""

    client: MilvusClient
    collection: str

    def read(self) -> Mark | None:
        if not self.client.has_collection(self.collection):
            return None
        self.client.load_collection(self.collection)
        expression = f"memory_id == {quoted(_MARK_ID)}"
        rows = self.client.query(self.collection, filter=expression, output_fields=["payload"])
        return Mark.parse("".join(rows[0]["payload"])) if rows else None

    def write(self, mark: Mark) -> None:
        vector = np.full(mark.dimensions, mark.dimensions**-0.5, dtype=np.float32)
        row = {**_NO_PROJECT, "memory_id": _MARK_ID, "payload": [mark.text()], "vector": vector}
        self.client.upsert(self.collection, [row])


class MilvusTable:
    """Live versions with their vectors, terms and the columns that expressions can compare."""

    def __init__(self, client: MilvusClient, collection: str, marks: MarkStore, mark: Mark, lite: Path | None) -> None:
        """Use `open_lite` or `open_server`."""
        self.mark = mark
        self._client = client
        self._collection = collection
        self._marks = marks
        self._lite = lite
        self._analyzer = Analyzer(mark.language)

    def write(self, rows: Sequence[Row]) -> None:
        """Upserts the versions and deletes what is gone; each memory at most once.

        Raises:
            Unavailable: Milvus didn't take it, or only a part; the same again is harmless.
        """
        live = [row for row in map(self._row_of, rows) if row is not None]
        gone = [row.change.memory_id for row in rows if row.change.version is None]
        with _translated():
            for part in _parts(live):
                self._client.upsert(self._collection, part)
            if gone:
                self._client.delete(self._collection, ids=gone)

    def flush(self, position: int) -> None:
        """Makes all writes durable, then says so in the mark.

        A server has them durable when it answers, and limits flushes, so there only the mark is written.
        """
        with _translated():
            if self._lite is not None:
                self._client.flush(self._collection)
                _sync_tree(self._lite)
            self._marks.write(self.mark.at(position))
        self.mark = self.mark.at(position)

    def search(self, queries: Sequence[VectorQuery]) -> list[tuple[VectorHit, ...]]:
        """Milvus chooses the candidates of both legs; they are scored and filtered here as the rows of a block are.

        So the sign and scale of Milvus' own scores, which differ between Lite and a server, don't matter. The share
        that a keyword hit gets is near that of a block: term statistics come from the candidates and the row count.
        """
        answers: dict[int, tuple[VectorHit, ...]] = {}
        with _translated():
            for push, at in _grouped(queries).items():
                group = [queries[index] for index in at]
                answers.update(zip(at, self._search_group(push, group), strict=True))
        return [answers[index] for index in range(len(queries))]

    def close(self) -> None:
        """Lets go of the file or the connection."""
        self._client.close()
        if self._lite is not None:
            server_manager_instance.release_server(str(self._lite))

    def _search_group(self, push: Pushed, queries: Sequence[VectorQuery]) -> list[tuple[VectorHit, ...]]:
        size = max(_LEAST_CANDIDATES, *(query.limit for query in queries))
        while True:
            size = min(size, _MOST_CANDIDATES)
            dense = self._dense_leg(push, queries, size)
            keywords = self._keyword_leg(push, queries, size)
            found = self._read({memory_id for ids in (*dense.values(), *keywords.values()) for memory_id in ids})
            legs = [(queries[at], ids) for leg in (dense, keywords) for at, ids in leg.items()]
            if size == _MOST_CANDIDATES or all(
                push.exact or len(ids) < size or _enough(query, ids, found) for query, ids in legs
            ):
                return self._scored(queries, found)
            size *= _WIDEN_BY

    def _dense_leg(self, push: Pushed, queries: Sequence[VectorQuery], size: int) -> dict[int, list[str]]:
        asked = {at: query.vector for at, query in enumerate(queries) if query.vector is not None}
        return self._leg(push, asked, "vector", size)

    def _keyword_leg(self, push: Pushed, queries: Sequence[VectorQuery], size: int) -> dict[int, list[str]]:
        texts = {at: self._terms(query.text) for at, query in enumerate(queries) if query.text is not None}
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
        population = int(self._client.get_collection_stats(self._collection)["row_count"])
        return block.search(queries, population=population)

    def _row_of(self, row: Row) -> dict[str, Any] | None:
        version = row.change.version
        if version is None or row.vector is None:
            return None
        return {
            **_NO_PROJECT,
            **{name: getattr(version.scope, name) or "" for name in SCOPE_FIELDS},
            "memory_id": version.memory_id,
            "project": version.project,
            "created_at_us": version.created_at_us,
            "updated_at_us": version.updated_at_us,
            "terms": self._terms(version.indexed_text),
            "payload": pack(version),
            "vector": row.vector,
        }

    def _terms(self, text: str) -> str:
        """The terms of a text as words that any tokenizer leaves whole, as many as a column holds."""
        words = " ".join(map(_word, self._analyzer.terms(text)))
        return words if len(words) <= _MOST_VARCHAR_BYTES else words[:_MOST_VARCHAR_BYTES].rpartition(" ")[0]


def open_lite(path: Path, collection: str, wanted: Mark) -> tuple[MilvusTable, list[str]]:
    """The table in a Lite file (made if there is none), and notices of what had to be set aside.

    A file or mark that can't be read is renamed and an empty table begun; the ledger fills it again.

    Raises:
        Unavailable: another process has it open.
        Conflict: another model made it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    marks = _MarkFile(mark_path(path))
    notices: list[str] = []
    try:
        mark = marks.read()
    except DamagedMark as error:
        notices.append(f"{_set_aside(marks.path)}: damaged mark ({error}); the index is rebuilt")
        mark = None
    usable = mark is not None and mark.serves(wanted, str(path))
    try:
        client, fresh = _begin(str(path), "", collection, wanted, usable)
    except (MilvusException, OSError) as error:
        server_manager_instance.release_server(str(path))
        if is_locked(path):
            raise Unavailable(f"{path} is open in another process", {"path": str(path)}) from error
        if path.exists():
            notices.append(f"{_set_aside(path)}: damaged vectors ({error}); the index is rebuilt")
        with _translated():
            client, fresh = _begin(str(path), "", collection, wanted, usable=False)
    return _opened(client, collection, marks, wanted if fresh or mark is None else mark, fresh, path), notices


def open_server(uri: str, token: str, collection: str, wanted: Mark) -> tuple[MilvusTable, list[str]]:
    """The table on a server (2.5 or later, for keyword search), and notices.

    Raises:
        Unavailable: the server doesn't answer.
        Conflict: the collection was made by another model, or not by Remora.
    """
    with _translated():
        probe = MilvusClient(uri, token=token)
        marks = _MarkRow(probe, collection)
        try:
            mark = marks.read()
        except DamagedMark:
            mark = None
        if mark is None and probe.has_collection(collection) and _row_count(probe, collection):
            raise Conflict(f"the collection {collection} at {uri} holds rows without Remora's mark; remove it first")
        usable = mark is not None and mark.serves(wanted, f"the collection {collection} at {uri}")
        client, fresh = _begin(uri, token, collection, wanted, usable)
        marks = _MarkRow(client, collection)
        return _opened(client, collection, marks, wanted if fresh or mark is None else mark, fresh, None), []


def _opened(
    client: MilvusClient, collection: str, marks: MarkStore, mark: Mark, fresh: bool, lite: Path | None
) -> MilvusTable:
    if fresh:
        marks.write(mark)
    return MilvusTable(client, collection, marks, mark, lite)


def _begin(uri: str, token: str, collection: str, mark: Mark, usable: bool) -> tuple[MilvusClient, bool]:
    """A client with the collection loaded, and whether it is a new one. Rows that aren't usable are dropped."""
    client = MilvusClient(uri, token=token)
    exists = client.has_collection(collection)
    if exists and not usable:
        client.drop_collection(collection)
    fresh = not (exists and usable)
    if fresh:
        _create(client, collection, mark, is_lite=not token and not _is_url(uri))
    client.load_collection(collection)
    client.query(collection, filter='project != ""', limit=1, output_fields=["payload", "vector"])
    return client, fresh


def _create(client: MilvusClient, collection: str, mark: Mark, is_lite: bool) -> None:
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT" if is_lite else "AUTOINDEX", metric_type="COSINE")
    index.add_index(
        "keywords", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25", params={"bm25_k1": K1, "bm25_b": B}
    )
    client.create_collection(collection, schema=_schema(client, mark, is_lite), consistency_level="Strong")
    client.create_index(collection, index, sync=False)  # otherwise it sleeps half a second for each, over no rows


def _schema(client: MilvusClient, mark: Mark, is_lite: bool) -> CollectionSchema:
    """Only what expressions compare has a column; the rest of a version is in `payload`.

    A server keeps projects apart by partition key. In Lite that wouldn't prune (measured), so it has none.
    """
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("memory_id", DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field("project", DataType.VARCHAR, max_length=_ID_BYTES, is_partition_key=not is_lite)
    for name in SCOPE_FIELDS:
        schema.add_field(name, DataType.VARCHAR, max_length=_ID_BYTES)
    schema.add_field("created_at_us", DataType.INT64)
    schema.add_field("updated_at_us", DataType.INT64)
    schema.add_field(
        "terms",
        DataType.VARCHAR,
        max_length=_MOST_VARCHAR_BYTES,
        enable_analyzer=True,
        analyzer_params={"tokenizer": "standard"},
    )
    schema.add_field(
        "payload", DataType.ARRAY, element_type=DataType.VARCHAR, max_length=PIECE_CHARS, max_capacity=_MOST_PIECES
    )
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=mark.dimensions)
    schema.add_field("keywords", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_function(
        Function(
            name="bm25", function_type=FunctionType.BM25, input_field_names=["terms"], output_field_names=["keywords"]
        )
    )
    return schema


def _word(term: str) -> str:
    if term.isascii() and term.isalnum():
        return term
    return "x" + hashlib.blake2b(term.encode(errors="replace"), digest_size=8).hexdigest()


def _parts(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """`rows` in lists that are small enough for one call."""
    part: list[dict[str, Any]] = []
    held_bytes = 0
    for row in rows:
        row_bytes = len(row["terms"]) + sum(map(len, row["payload"])) + 4 * len(row["vector"])
        if part and (len(part) == _CALL_ROWS or held_bytes + row_bytes > _CALL_BYTES):
            yield part
            part, held_bytes = [], 0
        part.append(row)
        held_bytes += row_bytes
    if part:
        yield part


def _grouped(queries: Sequence[VectorQuery]) -> dict[Pushed, list[int]]:
    groups: dict[Pushed, list[int]] = {}
    for at, query in enumerate(queries):
        groups.setdefault(pushed(query.project, query.filter), []).append(at)
    return groups


def _enough(query: VectorQuery, ids: Sequence[str], found: Mapping[str, tuple[MemoryVersion, Any]]) -> bool:
    return sum(matches(query.filter, found[one][0]) for one in ids if one in found) >= query.limit


def _row_count(client: MilvusClient, collection: str) -> int:
    return int(client.get_collection_stats(collection)["row_count"])


def _is_url(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except MilvusException as error:
        raise Unavailable(f"Milvus: {error.message}", {"milvus_code": error.code}) from error


def _set_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{secrets.token_hex(4)}")
    path.rename(aside)
    sync_directory(path.parent)
    return aside


def _sync_tree(path: Path) -> None:
    """Lite syncs its manifests, not the data files that they name."""
    for folder, _, names in os.walk(path):
        for name in names:
            descriptor = os.open(Path(folder, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_directory(Path(folder))
