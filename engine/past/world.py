"""One earlier state of a project in a shard, with the paths that answer questions about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from engine import graph
from engine.alias_book import AliasBook
from engine.aliased_graph import AliasedGraph
from engine.as_of import Moment
from engine.config import Settings
from engine.errors import TooLarge
from engine.graph_path import GraphPath
from engine.graph_port import GraphStore
from engine.index_feed import IndexFeed
from engine.ledger_port import Known, Ledger, PastRows
from engine.models import Models
from engine.named_graph import NamedGraph
from engine.past.signals import derived_of
from engine.search_legs import SearchLegs
from engine.search_path import SearchPath
from engine.text.analyzer import Analyzer
from engine.types import BlockKey, Derived, LiveRows, MemoryVersion
from engine.vector.past import PastVectors

MOST_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Parts:
    """What every state is made with. `worker`: one thread, for what takes long."""

    ledger: Ledger
    models: Models
    settings: Settings
    aliases: AliasBook
    searches: Callable[[Known, SearchLegs], SearchPath]
    analyzer: Analyzer
    worker: Executor


class Versions:
    """What memories said then."""

    def __init__(self, ledger: Ledger, position: int) -> None:
        self._ledger = ledger
        self._position = position

    async def get(self, project: str, memory_ids: Sequence[str]) -> list[MemoryVersion | None]:
        """As `Ledger.get` would have answered."""
        return await self._ledger.get_at(project, memory_ids, self._position)

    async def facts_of(self, project: str, memory_ids: Sequence[str]) -> dict[str, tuple[MemoryVersion, ...]]:
        """As `Ledger.facts_of` would have answered."""
        return await self._ledger.facts_of(project, memory_ids, self._position)


class World:
    """A state as it was: `searches` and `graphs` answer as those of the present did then."""

    def __init__(
        self, searches: SearchPath, graphs: GraphPath, store: GraphStore, vectors: PastVectors, rows: int
    ) -> None:
        self.searches = searches
        self._vectors = vectors
        self.graphs = graphs
        self.rows = rows
        self._store = store

    async def prepare(self, block: BlockKey | None) -> None:
        """Make ready for searches of a block: the legs of a search have no time for that."""
        await self._vectors.prepare(block)

    async def close(self) -> None:
        """End its threads and tasks."""
        await self.searches.close()
        await self._store.close()


async def made(parts: Parts, project: str, block: BlockKey | None, moment: Moment) -> World:
    """The state of a project at a moment, as far as questions about a block need it (None: all of it).

    Raises:
        TooLarge: that is too much to look through.
    """
    ledger, settings, position = parts.ledger, parts.settings, moment.position
    past = await _rows(ledger, project, block, position)
    vectors = await _vectors(parts, past, position)
    store = graph.in_memory(lambda: moment.at_us, settings.graph)
    named = NamedGraph(store, parts.models)
    await named.begin_rebuild()
    await named.load(LiveRows(position, past.versions, past.vectors))
    # Nothing is fed to them: they are where they have to be.
    vector_feed = IndexFeed("vector", vectors, ledger.changes)
    vector_feed.note(await vectors.status())
    graph_feed = IndexFeed("graph", named, ledger.changes)
    graph_feed.note(await named.finish_rebuild(position))
    versions, asked = Versions(ledger, position), AliasedGraph(store, parts.aliases)
    legs = SearchLegs(
        ledger=ledger,
        vector=vectors,
        graph=asked,
        vector_feed=vector_feed,
        graph_feed=graph_feed,
        deadline_s=settings.search.leg_deadline_s,
    )
    graphs = GraphPath(graph=asked, feed=graph_feed, ledger=versions)
    return World(parts.searches(versions, legs), graphs, store, vectors, len(past.versions))


async def _vectors(parts: Parts, past: PastRows, position: int) -> PastVectors:
    derived: Sequence[Derived] = ()
    if parts.settings.signals.enabled and past.versions:
        derived = await derived_of(parts.models, past.versions, past.derived)
    return PastVectors(past.versions, past.vectors, derived, position, parts.analyzer, parts.worker)


async def _rows(ledger: Ledger, project: str, block: BlockKey | None, position: int) -> PastRows:
    past = await ledger.rows_at(project, block, position, MOST_ROWS)
    if past.count <= MOST_ROWS:
        return past
    raise TooLarge(
        f"as_of would have to look through {past.count} memories, and takes {MOST_ROWS} at most: name a user_id",
        {"field": "as_of", "limit": MOST_ROWS},
    )
