"""Batches of changes as indexes take them in: what is new, and what is left of it in the end. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from engine.errors import InvariantViolated
from engine.types import Change, ChangeBatch, EventKind, FloatArray, LiveRows
from engine.vector.block import Row


def rows_of(batch: ChangeBatch, position: int) -> list[Row]:
    """The changes of `batch` after `position`, each with its vector.

    Raises:
        InvariantViolated: there isn't one vector for each change that has a version.
    """
    return [row for row in paired(batch.changes, batch.vectors) if row.change.position > position]


def paired(changes: Sequence[Change], vectors: FloatArray) -> list[Row]:
    """Each change with its vector. Raises as `rows_of`."""
    expected = sum(change.version is not None for change in changes)
    if len(vectors) != expected:
        raise InvariantViolated(f"{expected} versions came with {len(vectors)} vectors")
    each = iter(np.array(vectors, dtype=np.float32))  # a copy: what is kept mustn't hold the caller's memory
    return [Row(change, None if change.version is None else next(each)) for change in changes]


def loaded(live: LiveRows) -> list[Row]:
    """Live versions as the changes that made them."""
    changes = [Change(one.live_from, EventKind.ADD, one.memory_id, one.project, one) for one in live.versions]
    return paired(changes, live.vectors)


def purges(rows: Iterable[Row]) -> list[int]:
    """The positions of the purges among changes."""
    return [row.change.position for row in rows if row.change.kind is EventKind.PURGE]


def earliest(*positions: int) -> int:
    """The least of those that aren't 0; 0: all are."""
    return min((position for position in positions if position), default=0)


def last_of_each(rows: Iterable[Row]) -> list[Row]:
    """Per memory its last change, which is all that a table needs."""
    return list({row.change.memory_id: row for row in rows}.values())
