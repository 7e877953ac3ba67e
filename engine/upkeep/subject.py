"""What upkeep needs of an index, whichever it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine import digests
from engine.index_feed import IndexFeed
from engine.ledger_port import LedgerAuditRow
from engine.types import Applied, AuditAnswer, FloatArray, LiveRows, MemoryVersion, Mending


class Index(Protocol):
    """The part of `VectorStore` and `GraphStore` that is for upkeep."""

    async def audit(self, after: str, until: str | None) -> AuditAnswer: ...

    async def mend(self, mending: Mending) -> Applied: ...

    async def begin_rebuild(self) -> None: ...

    async def load(self, rows: LiveRows) -> None: ...

    async def finish_rebuild(self, position: int) -> Applied: ...


@dataclass(frozen=True, slots=True)
class Subject:
    """An index and its feed.

    `listed` and `of`: the digest that it has to have of a memory, as the ledger lists it and of the version itself;
    None: the ledger doesn't say.
    """

    index: Index
    feed: IndexFeed
    listed: Callable[[LedgerAuditRow], bytes | None]
    of: Callable[[MemoryVersion, FloatArray], bytes | None]

    @property
    def name(self) -> str:
        """`vector` or `graph`."""
        return self.feed.name


def vector_subject(index: Index, feed: IndexFeed) -> Subject:
    """The vector index."""
    return Subject(index, feed, lambda row: row.vector, digests.vector_digest)


def graph_subject(index: Index, feed: IndexFeed) -> Subject:
    """The graph; what it must hold is known only of memories whose entities the ledger has."""
    return Subject(index, feed, lambda row: row.graph, lambda version, _: digests.graph_digest(version))
