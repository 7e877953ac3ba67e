"""What a vector index holds, as rows to compare: those of the table, and of blocks that say something else. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from engine.digests import vector_digest
from engine.types import AuditRow, BlockKey, FloatArray, MemoryVersion
from engine.vector.block import ScopeBlock, unit

Held: TypeAlias = tuple[MemoryVersion, FloatArray]
_CLOSE = 1e-5


@dataclass(frozen=True, slots=True)
class Odd:
    """A memory that a loaded block doesn't hold as the table does. `held` None: the block lacks it."""

    memory_id: str
    held: Held | None


def odd_rows(
    blocks: Mapping[BlockKey, ScopeBlock], table: Sequence[Held], after: str, until: str | None
) -> dict[str, Odd]:
    """Per memory of the range, where a block differs from the table, what the block has.

    `table`: all that the table has of the range.
    """
    rows = {version.memory_id: (version, vector) for version, vector in table}
    odd = {one.memory_id: one for one in _lacking(blocks, table)}
    for block in blocks.values():
        for memory_id in block.ids:
            if memory_id > after and (until is None or memory_id <= until):
                held = block.row(memory_id)
                if held is not None and not _same(held, rows.get(memory_id)):
                    odd[memory_id] = Odd(memory_id, (held[0], held[1].copy()))
    return odd


def audit_rows(table: Iterable[Held], odd: Mapping[str, Odd]) -> list[AuditRow]:
    """One row a memory. That of a block which differs stands for it: with no digest where the block lacks it."""
    rows = {version.memory_id: (version, vector) for version, vector in table}
    rows |= {memory_id: one.held for memory_id, one in odd.items() if one.held is not None}
    return [
        AuditRow(
            version.memory_id,
            version.live_from,
            b""
            if (one := odd.get(version.memory_id)) is not None and one.held is None
            else vector_digest(version, vector),
        )
        for version, vector in rows.values()
    ]


def _lacking(blocks: Mapping[BlockKey, ScopeBlock], table: Iterable[Held]) -> Iterable[Odd]:
    for version, _ in table:
        for name, value in version.scope.ids().items():
            block = blocks.get(BlockKey(version.project, name, value))
            if block is not None and version.memory_id not in block:
                yield Odd(version.memory_id, None)


def _same(held: Held, other: Held | None) -> bool:
    if other is None or not np.allclose(held[1], unit(other[1]), atol=_CLOSE):
        return False
    return held[0] == other[0] or vector_digest(held[0], other[1]) == vector_digest(*other)
