"""What the indexes have to hold, told by digests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LedgerAuditRow:
    """What a live version has to be in the indexes, told by the digests of `engine.digests`.

    `graph` None: nobody has looked for its entities yet, so what the graph holds isn't known from the ledger.
    """

    memory_id: str
    position: int
    vector: bytes
    graph: bytes | None


@dataclass(frozen=True, slots=True)
class LedgerAudit:
    """Live versions by memory id, at one position."""

    position: int
    rows: tuple[LedgerAuditRow, ...]
