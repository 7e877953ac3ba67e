"""The rows of a Lite collection, read from where Lite itself has them in memory, column by column.

Lite is a library in this process. Asked over its own server it makes Python objects of all columns of each row, twice,
which costs half a millisecond a row. What is read here is Lite's inside: its version is fixed, and tests compare this
with what it answers.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from milvus_lite.server_manager import server_manager_instance

from engine.types import FloatArray

Stored: TypeAlias = tuple[list[str], FloatArray]
"""The payload and the vector, float32 (d,)."""


class LiteRows:
    """For the thread that writes the collection: Lite's own threads only merge segments, which are never changed."""

    def __init__(self, path: Path, collection: str) -> None:
        """`path`: of a Lite file that a client has open."""
        _, database, _ = server_manager_instance._servers[os.path.abspath(path)]  # noqa: PTH100 - its key
        self._collection = database.get_collection(collection)
        self._sorted: dict[str, tuple[list[str], list[str]]] = {}

    def ids(self, after: str, most: int) -> list[str]:
        """The first `most` ids after one, ascending."""
        segments, deleted = self._collection._read_snapshot()
        unflushed = self._collection._memtable
        in_segments = self._sorted_ids(segments)
        ordered = merge(
            sorted(one for one, _ in unflushed.pk_index_snapshot() if one > after),
            *(islice(one, bisect_right(one, after), None) for one in in_segments),
        )
        found: list[str] = []
        for one in ordered:
            if found and found[-1] == one:
                continue
            if one in unflushed._pk_index or _newest(segments, deleted, unflushed, one) is not None:
                found.append(one)
                if len(found) == most:
                    break
        return found

    def read(self, ids: Iterable[str]) -> dict[str, Stored]:
        """Those of the rows that are there."""
        segments, deleted = self._collection._read_snapshot()
        unflushed = self._collection._memtable
        found: dict[str, Stored] = {}
        places: dict[int, dict[str, int]] = {}
        for one in ids:
            if (row := unflushed.get(one)) is not None:
                found[one] = row["payload"], np.asarray(row["vector"], dtype=np.float32)
            elif (place := _newest(segments, deleted, unflushed, one)) is not None:
                places.setdefault(place[0], {})[one] = place[1]
        for number, rows in places.items():
            at = list(rows.values())
            payloads = segments[number].table.column("payload").take(at).to_pylist()
            found.update(zip(rows, zip(payloads, segments[number].vectors[at], strict=True), strict=True))
        return found

    def _sorted_ids(self, segments: Sequence[Any]) -> list[list[str]]:
        """Each segment's ids in order; those of segments that are still there are kept from before."""
        before, self._sorted = self._sorted, {}
        for segment in segments:
            kept = before.get(segment.file_path)
            if kept is None or kept[0] is not segment.pks:
                kept = segment.pks, sorted(segment.pks)
            self._sorted[segment.file_path] = kept
        return [ids for _, ids in self._sorted.values()]


def _newest(segments: Sequence[Any], deleted: Any, unflushed: Any, memory_id: str) -> tuple[int, int] | None:
    """The number of the segment that has the row, and where in it; None: it was deleted, or was never there."""
    if unflushed.is_locally_deleted(memory_id):
        return None
    newest, place = -1, None
    for number, segment in enumerate(segments):
        at = segment.pk_to_row.get(memory_id)
        if at is not None and (written := int(segment.seqs[at])) > newest:
            newest, place = written, (number, at)
    return None if place is None or deleted.is_deleted(memory_id, newest) else place
