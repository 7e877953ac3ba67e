"""Which state a request is about, that of now or an earlier one, and who answers there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol

from engine.as_of import AsOf, Moment, at_position, not_ahead
from engine.filters import Compare, Filter, Not, Op, conjunction
from engine.graph_path import GraphPath
from engine.ledger_port import Keys, Ledger, Page
from engine.past.worlds import Worlds
from engine.requests import Call, ListRequest, SearchRequest
from engine.search_path import SearchPath
from engine.times import day_of
from engine.types import BlockKey, MemoryVersion


class OfGraph(Protocol):
    """A question about the graph."""

    @property
    def call(self) -> Call: ...

    @property
    def block(self) -> BlockKey | None: ...

    @property
    def as_of(self) -> AsOf | None: ...


class Moments:
    """The state of now and the earlier ones.

    Args:
        ledger: has the versions of all of them.
        past: makes indexes of earlier ones.
        searches: those of now.
        graphs: that of now.
        clock: now in microseconds UTC.
    """

    def __init__(
        self, *, ledger: Ledger, past: Worlds, searches: SearchPath, graphs: GraphPath, clock: Callable[[], int]
    ) -> None:
        self._ledger = ledger
        self._past = past
        self._searches = searches
        self._graphs = graphs
        self._clock = clock

    async def versions(self, project: str, memory_ids: Sequence[str], as_of: AsOf | None) -> list[MemoryVersion | None]:
        """What memories say, or said then; None for what isn't there."""
        if as_of is None:
            return await self._ledger.get(project, memory_ids)
        moment = await self._moment(as_of)
        return await self._ledger.get_at(project, memory_ids, moment.position)

    async def facts(
        self, project: str, memory_ids: Sequence[str], as_of: AsOf | None
    ) -> dict[str, tuple[MemoryVersion, ...]]:
        """Of messages that have been read for facts, those that are live, or were then."""
        if as_of is None:
            return await self._ledger.facts_of(project, memory_ids)
        moment = await self._moment(as_of)
        return await self._ledger.facts_of(project, memory_ids, moment.position)

    async def page(self, request: ListRequest) -> Page:
        """A page of what hasn't expired, unless that is wanted too."""
        project, size = request.call.project, request.page_size
        offset = (request.page - 1) * size
        if request.as_of is None:
            return await self._ledger.page(
                project, self._wanted(request), offset, size, evidence=request.include_messages
            )
        moment = await self._moment(request.as_of)
        node = self._wanted(request, moment)
        return await self._ledger.page_at(
            project, node, moment.position, offset, size, evidence=request.include_messages
        )

    async def keys(self, request: ListRequest, limit: int) -> Keys:
        """The newest of what hasn't expired, unless that is wanted too."""
        if request.as_of is None:
            return await self._ledger.keys(
                request.call.project, self._wanted(request), limit, evidence=request.include_messages
            )
        moment = await self._moment(request.as_of)
        node = self._wanted(request, moment)
        return await self._ledger.keys_at(
            request.call.project, node, moment.position, limit, evidence=request.include_messages
        )

    @asynccontextmanager
    async def search_at(self, request: SearchRequest) -> AsyncIterator[tuple[SearchPath, SearchRequest, int]]:
        """Who answers the search, how it is asked, and when that is."""
        if request.as_of is None:
            yield self._searches, request, self._clock()
            return
        moment = await self._moment(request.as_of)
        if self._is_now(moment):
            yield self._searches, request, moment.at_us
            return
        async with self._past.at(request.call.project, request.block, moment) as world:
            await world.prepare(request.block)
            # There is no index to wait for.
            yield world.searches, replace(request, min_position=None), moment.at_us

    @asynccontextmanager
    async def graph_at(self, request: OfGraph) -> AsyncIterator[GraphPath]:
        """The graph as it was then; that of now where nothing has happened since, and days haven't gone by."""
        moment = None if request.as_of is None else await self._moment(request.as_of)
        if moment is None or self._is_now(moment):
            yield self._graphs
            return
        async with self._past.at(request.call.project, request.block, moment) as world:
            yield world.graphs

    async def _moment(self, as_of: AsOf) -> Moment:
        """Raises InvalidInput for one that lies in the future."""
        asked = not_ahead(as_of, self._clock())
        return at_position(await self._ledger.moment(asked), asked)

    def _is_now(self, moment: Moment) -> bool:
        """Whether nothing has happened since, and days haven't gone by."""
        return moment.latest and day_of(moment.at_us) == self._today()

    def _wanted(self, request: ListRequest, moment: Moment | None = None) -> Filter:
        if request.include_expired:
            return request.filter
        today = self._today() if moment is None else day_of(moment.at_us)
        return conjunction(request.filter, Not(Compare("expiration_date", Op.LT, today)))

    def _today(self) -> str:
        return day_of(self._clock())
