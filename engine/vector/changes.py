"""Batches of changes as indexes take them in: what is new, and what is left of it in the end. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.errors import InvariantViolated
from engine.types import ChangeBatch
from engine.vector.block import Row


def rows_of(batch: ChangeBatch, position: int) -> list[Row]:
    """The changes of `batch` after `position`, each with its vector.

    Raises:
        InvariantViolated: there isn't one vector for each change that has a version.
    """
    expected = sum(change.version is not None for change in batch.changes)
    if len(batch.vectors) != expected:
        raise InvariantViolated(f"{expected} versions came with {len(batch.vectors)} vectors")
    vectors = iter(np.array(batch.vectors, dtype=np.float32))  # a copy: what is kept mustn't hold the caller's memory
    rows = [Row(change, None if change.version is None else next(vectors)) for change in batch.changes]
    return [row for row in rows if row.change.position > position]


def last_of_each(rows: Iterable[Row]) -> list[Row]:
    """Per memory its last change, which is all that a table needs."""
    return list({row.change.memory_id: row for row in rows}.values())
