"""The graph store: one thread owns the graphs, an async shell around it asks. No graph algorithm."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias, TypeVar

from engine.errors import Conflict, Unavailable
from engine.graph import search, survey
from engine.graph.aliases import Aliases
from engine.graph.index import GraphIndex
from engine.graph.project_graph import ProjectGraph
from engine.graph.snapshot_file import SnapshotFile
from engine.graph.survey import Survey
from engine.graph_port import (
    BesideAnswer,
    BesideQuery,
    EntitiesAnswer,
    EntitiesQuery,
    GraphAnswer,
    GraphQuery,
    LinksAnswer,
    LinksQuery,
    MentionsAnswer,
    NeighboursAnswer,
    NeighboursQuery,
    PathAnswer,
    PathQuery,
)
from engine.naming import relationship_key
from engine.types import Applied, AuditAnswer, Change, ChangeBatch, EventKind, LiveRows, Mending

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_OfScope: TypeAlias = EntitiesQuery | NeighboursQuery | PathQuery | BesideQuery | LinksQuery

# Writing all memories is worth it only after a fair share of them has changed.
_MEMORIES_PER_CHANGE = 4


def _now_us() -> int:
    return time.time_ns() // 1000


def _report(saving: Future[None]) -> None:
    if (error := saving.exception()) is not None:
        _log.error("writing the graph snapshot failed", exc_info=error)


class NetworkxGraphStore:
    """A `GraphStore` in memory, with a snapshot file if it is given a path.

    Without a path it forgets everything when it goes: the orchestrator then pushes the whole ledger again.

    Args:
        path: The snapshot file; its folder is made when it is first written.
        shard: Whose memories these are; another shard's snapshot is not taken.
        snapshot_changes: A snapshot is written after so many changes (or a quarter of the memories, if that is more),
            and by `close`.
        functional: Relationships that have one target at a time: what says another closes what was said before.
        now_us: The clock, in microseconds: it says which relations are still true.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        shard: int = 0,
        snapshot_changes: int = 5000,
        functional: Iterable[str] = (),
        now_us: Callable[[], int] = _now_us,
    ) -> None:
        self._file = None if path is None else SnapshotFile(path, shard)
        self._snapshot_changes = snapshot_changes
        self._functional = frozenset(map(relationship_key, functional))
        self._now_us = now_us
        self._incarnation = uuid.uuid4().hex
        self._index = GraphIndex()
        self._copy: GraphIndex | None = None
        self._unsaved = 0
        self._dirty = False
        self._erasing = False
        self._unerased = 0
        self._closed = False
        if self._file is not None and (saved := self._file.load()) is not None:
            self._index.restore(saved.position, saved.memories)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"graph-{shard}")

    @property
    def notice(self) -> str | None:
        """What an operator should know: a snapshot was set aside, or could not be written. None: nothing."""
        return None if self._file is None else self._file.notice

    @property
    def notices(self) -> Sequence[str]:
        """The same as a list."""
        return () if self.notice is None else (self.notice,)

    async def status(self) -> Applied:
        """How far the graphs have come."""
        return await self._run(self._status)

    async def apply(self, batch: ChangeBatch) -> Applied:
        """Take the changes in; a batch that leaves a gap changes nothing."""
        applied, due = await self._run(lambda: self._apply(batch))
        if due and not self._closed:
            self._thread.submit(self._save).add_done_callback(_report)
        return applied

    async def search(self, queries: Sequence[GraphQuery]) -> GraphAnswer:
        """Memories near the entities of each query, by personalised PageRank."""
        return await self._run(lambda: self._search(queries))

    async def mentions(self, queries: Sequence[GraphQuery]) -> MentionsAnswer:
        """How many memories mention each entity that a search would start from."""
        return await self._run(lambda: self._mentions(queries))

    async def entities(self, query: EntitiesQuery) -> EntitiesAnswer:
        """What the memories of a scope mention."""
        return await self._run(lambda: self._entities(query))

    async def neighbours(self, query: NeighboursQuery) -> NeighboursAnswer:
        """What surrounds an entity."""
        return await self._run(lambda: self._neighbours(query))

    async def path(self, query: PathQuery) -> PathAnswer:
        """The shortest way between two entities."""
        return await self._run(lambda: self._way(query))

    async def beside(self, query: BesideQuery) -> BesideAnswer:
        """Who is mentioned together with each of some entities."""
        return await self._run(lambda: self._beside(query))

    async def links(self, query: LinksQuery) -> LinksAnswer:
        """What links the entities of a scope."""
        return await self._run(lambda: self._links(query))

    async def audit(self, after: str, until: str | None) -> AuditAnswer:
        """What is held of a range of memories, as digests."""
        return await self._run(lambda: self._audit(after, until))

    async def mend(self, mending: Mending) -> Applied:
        """Make single memories what they have to be."""
        return await self._run(lambda: self._mend(mending))

    async def begin_rebuild(self) -> None:
        """Begin an empty graph beside the one in use."""
        await self._run(self._begin)

    async def load(self, rows: LiveRows) -> None:
        """Put live versions into it."""
        await self._run(lambda: self._fill(rows))

    async def finish_rebuild(self, position: int) -> Applied:
        """Use it from now on, and leave nothing of the old one in any file."""
        return await self._run(lambda: self._finish(position))

    async def save(self) -> None:
        """Write the snapshot now, if anything has changed."""
        await self._run(self._save)

    async def close(self) -> None:
        """Write what has changed since the last snapshot and stop the thread; closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._save)
        finally:
            self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], _T]) -> _T:
        if self._closed:
            raise Unavailable("the graph store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # What follows runs in the thread, except `_load`, which runs before there is one.

    def _applied(self) -> Applied:
        return Applied(self._incarnation, self._index.position, self._unerased)

    def _status(self) -> Applied:
        if self._erasing:
            self._save()
        return self._applied()

    def _mentions(self, queries: Sequence[GraphQuery]) -> MentionsAnswer:
        counted = tuple(self._ask(search.mentions, query) for query in queries)
        return MentionsAnswer(self._applied(), counted)

    def _ask(self, ask: Callable[[ProjectGraph | None, GraphQuery, int, frozenset[str]], _T], query: GraphQuery) -> _T:
        return ask(self._index.project(query.project), query, self._now_us(), self._functional)

    def _survey(self, query: _OfScope) -> Survey:
        return Survey(
            self._index.project(query.project) or ProjectGraph(),
            query.scope,
            self._now_us(),
            at_us=query.view.at_us,
            functional=self._functional,
            aliases=Aliases(query.view.aliases),
        )

    def _entities(self, query: EntitiesQuery) -> EntitiesAnswer:
        count, page = survey.entities(self._survey(query), query)
        return EntitiesAnswer(self._applied(), count, page)

    def _neighbours(self, query: NeighboursQuery) -> NeighboursAnswer:
        around = survey.neighbourhood(self._survey(query), query)
        return NeighboursAnswer(self._applied(), around)

    def _way(self, query: PathQuery) -> PathAnswer:
        seen = self._survey(query)
        if unknown := survey.unknown(seen, (query.source, query.target)):
            return PathAnswer(self._applied(), unknown)
        found = survey.path(seen, query)
        return PathAnswer(self._applied(), (), *found) if found else PathAnswer(self._applied())

    def _beside(self, query: BesideQuery) -> BesideAnswer:
        return BesideAnswer(self._applied(), survey.beside(self._survey(query), query.keys))

    def _links(self, query: LinksQuery) -> LinksAnswer:
        return LinksAnswer(self._applied(), *survey.links(self._survey(query)))

    def _apply(self, batch: ChangeBatch) -> tuple[Applied, bool]:
        before = self._index.position
        changes = self._index.apply(batch)
        after = self._index.position
        self._unsaved += changes
        self._dirty = self._dirty or changes > 0 or after > before
        # Also those of memories that aren't here any more: the files may have been written when they were.
        purges = (change for change in batch.changes if change.kind is EventKind.PURGE)
        self._erase(change for change in purges if before < change.position <= after)
        due = self._unsaved >= max(self._snapshot_changes, len(self._index) // _MEMORIES_PER_CHANGE)
        return self._applied(), due and self._file is not None

    def _search(self, queries: Sequence[GraphQuery]) -> GraphAnswer:
        found = [self._ask(search.search, query) for query in queries]
        return GraphAnswer(self._applied(), tuple(hits for hits, _ in found), tuple(edges for _, edges in found))

    def _audit(self, after: str, until: str | None) -> AuditAnswer:
        return AuditAnswer(self._applied(), self._index.audit(after, until))

    def _mend(self, mending: Mending) -> Applied:
        changes = self._index.mend(mending.changes)
        self._unsaved += changes
        self._dirty = self._dirty or changes > 0
        self._erase(change for change in mending.changes if change.kind is EventKind.PURGE)
        return self._applied()

    def _begin(self) -> None:
        self._copy = GraphIndex()

    def _fill(self, rows: LiveRows) -> None:
        self._under_way().load(rows.versions)

    def _finish(self, position: int) -> Applied:
        index = self._under_way()
        index.position = position
        self._copy = None
        self._index = index
        self._incarnation = uuid.uuid4().hex
        self._dirty = self._erasing = True
        self._save()
        return self._applied()

    def _under_way(self) -> GraphIndex:
        if self._copy is None:
            raise Conflict("no rebuild of the graph is under way")
        return self._copy

    def _erase(self, purges: Iterable[Change]) -> None:
        """Leave nothing of what was purged in any file, before anybody hears that it is done."""
        first = min((change.position for change in purges), default=0)
        if first and self._file is not None:
            self._unerased = min(self._unerased or first, first)
            self._dirty = self._erasing = True
            self._save()

    def _save(self) -> None:
        """The graph is derived: without its file the next start costs time, nothing else."""
        if self._file is None or not self._dirty:
            return
        self._unsaved = 0
        self._dirty = not self._file.write(self._index.position, self._index.memories())
        if self._erasing and self._file.erase(keep=not self._dirty):
            self._erasing, self._unerased = False, 0
