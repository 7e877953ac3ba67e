"""What an index holds beside what it has to hold, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.types import AuditRow, Change, EventKind, FloatArray, Json, MemoryVersion, Mending


class Problem(StrEnum):
    """How an index is wrong about a memory."""

    MISSING = "missing"
    STALE = "stale"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Expected:
    """What an index has to hold of a live memory. `digest` None: any will do."""

    position: int
    digest: bytes | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A memory of which an index doesn't hold what it has to. None: nothing."""

    memory_id: str
    problem: Problem
    expected: Expected | None
    found: AuditRow | None


def compare(expected: Mapping[str, Expected], held: Iterable[AuditRow]) -> list[Difference]:
    """All differences, by memory id. A memory that is held more than once is wrong if one of its rows is."""
    rows: dict[str, list[AuditRow]] = {}
    for row in held:
        rows.setdefault(row.memory_id, []).append(row)
    ids = sorted(expected.keys() | rows.keys())
    judged = (_judge(memory_id, expected.get(memory_id), rows.get(memory_id, [])) for memory_id in ids)
    return [difference for difference in judged if difference is not None]


def _judge(memory_id: str, expected: Expected | None, rows: Sequence[AuditRow]) -> Difference | None:
    if expected is None:
        return Difference(memory_id, Problem.UNKNOWN, None, rows[0])
    if not rows:
        return Difference(memory_id, Problem.MISSING, expected, None)
    wrong = next((row for row in rows if not _is_right(expected, row)), None)
    if wrong is None:
        return None
    problem = Problem.STALE if wrong.position < expected.position else Problem.DIFFERENT
    return Difference(memory_id, problem, expected, wrong)


def _is_right(expected: Expected, row: AuditRow) -> bool:
    return row.position == expected.position and expected.digest in (None, row.digest)


@dataclass(frozen=True, slots=True)
class Truth:
    """What the ledger says of some memories: those that are live with their vectors, read between `seen_at` and
    `position`."""

    position: int
    live: Mapping[str, tuple[MemoryVersion, FloatArray]]
    seen_at: int

    def since(self, memory_id: str) -> int | None:
        """Since when the memory is what it is; None: it isn't live."""
        found = self.live.get(memory_id)
        return None if found is None else found[0].live_from

    def mending(self, memory_ids: Sequence[str]) -> Mending:
        """What makes an index say the same of these memories.

        What isn't live may have been deleted, purged, or never have been here: so it leaves the index's files too.
        """
        changes: list[Change] = []
        vectors: list[FloatArray] = []
        for memory_id in memory_ids:
            if memory_id in self.live:
                version, vector = self.live[memory_id]
                changes.append(Change(version.live_from, EventKind.UPDATE, memory_id, version.project, version))
                vectors.append(vector)
            else:
                changes.append(Change(self.position, EventKind.PURGE, memory_id, "", None))
        return Mending(tuple(changes), np.stack(vectors) if vectors else np.zeros((0, 0), dtype=np.float32))


def difference_object(difference: Difference, *, shard: int, index: str, repaired: bool) -> Json:
    """A difference as callers see it."""
    expected, found = difference.expected, difference.found
    return {
        "shard": shard,
        "index": index,
        "memory_id": difference.memory_id,
        "problem": difference.problem.value,
        "expected": None if expected is None else _row_object(expected.position, expected.digest),
        "found": None if found is None else _row_object(found.position, found.digest),
        "repaired": repaired,
    }


def _row_object(position: int, digest: bytes | None) -> Json:
    return {"position": position, "digest": None if digest is None else digest.hex()}
