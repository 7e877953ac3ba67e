"""Why a memory isn't there."""

from __future__ import annotations

from engine.errors import NotFound, Purged
from engine.memory.parts import Parts
from engine.requests import Call


async def absence(parts: Parts, call: Call, memory_id: str) -> Purged | NotFound:
    """Asks the ledger: one of another project costs the same look as one that never was."""
    async with parts.door.reading(call):
        erased = await parts.ledger.purged(call.project, memory_id)
    return purged(memory_id) if erased else not_found(memory_id)


def not_found(memory_id: str) -> NotFound:
    """It never was, or is deleted."""
    return NotFound("Memory not found!", {"memory_id": memory_id})


def purged(memory_id: str) -> Purged:
    """It was erased."""
    return Purged("The memory's content has been erased for good.", {"memory_id": memory_id})
