"""One earlier state of a project in a shard, with the paths that answer questions about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine import graph
from engine.as_of import Moment
from engine.config import Settings
from engine.errors import TooLarge
from engine.graph_path import GraphPath
from engine.graph_port import GraphStore
from engine.index_feed import IndexFeed
from engine.ledger_port import Ledger, PastRows
from engine.models import Models
from engine.named_graph import NamedGraph
from engine.types import BlockKey, LiveRows, MemoryVersion

MOST_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Parts:
    """What every state is made with."""

    ledger: Ledger
    models: Models
    settings: Settings


class Versions:
    """What memories said then."""

    def __init__(self, ledger: Ledger, position: int) -> None:
        self._ledger = ledger
        self._position = position

    async def get(self, project: str, memory_ids: Sequence[str]) -> list[MemoryVersion | None]:
        """As `Ledger.get` would have answered."""
        return await self._ledger.get_at(project, memory_ids, self._position)


class World:
    """A state as it was: `graphs` answers as that of the present did then."""

    def __init__(self, graphs: GraphPath, store: GraphStore, rows: int) -> None:
        self.graphs = graphs
        self.rows = rows
        self._store = store

    async def close(self) -> None:
        """End its threads and tasks."""
        await self._store.close()


async def made(parts: Parts, project: str, block: BlockKey | None, moment: Moment) -> World:
    """The state of a project at a moment, as far as questions about a block need it (None: all of it).

    Raises:
        TooLarge: that is too much to look through.
    """
    past = await _rows(parts.ledger, project, block, moment.position)
    store = graph.in_memory(lambda: moment.at_us, parts.settings.graph)
    named = NamedGraph(store, parts.models)
    await named.begin_rebuild()
    await named.load(LiveRows(moment.position, past.versions, past.vectors))
    # Nothing is fed to it: it is where it has to be.
    feed = IndexFeed("graph", named, parts.ledger.changes)
    feed.note(await named.finish_rebuild(moment.position))
    graphs = GraphPath(graph=store, feed=feed, ledger=Versions(parts.ledger, moment.position))
    return World(graphs, store, len(past.versions))


async def _rows(ledger: Ledger, project: str, block: BlockKey | None, position: int) -> PastRows:
    past = await ledger.rows_at(project, block, position, MOST_ROWS)
    if past.count <= MOST_ROWS:
        return past
    raise TooLarge(
        f"as_of would have to look through {past.count} memories, and takes {MOST_ROWS} at most: name a user_id",
        {"field": "as_of", "limit": MOST_ROWS},
    )
