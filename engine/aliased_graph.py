"""The graph as questions see it: names that mean the same are one. What the graph holds is no other for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from engine.alias_book import AliasBook
from engine.graph_port import (
    BesideAnswer,
    BesideQuery,
    EntitiesAnswer,
    EntitiesQuery,
    GraphAnswer,
    GraphQuery,
    GraphStore,
    LinksAnswer,
    LinksQuery,
    MentionsAnswer,
    NeighboursAnswer,
    NeighboursQuery,
    PathAnswer,
    PathQuery,
)
from engine.types import Applied, AuditAnswer, ChangeBatch, LiveRows, Mending

Q = TypeVar("Q", EntitiesQuery, NeighboursQuery, PathQuery, BesideQuery, LinksQuery)


class AliasedGraph:
    """A graph store whose questions are asked with the aliases of their scope. All else is the store's.

    Args:
        graph: is asked.
        book: knows the aliases.
    """

    def __init__(self, graph: GraphStore, book: AliasBook) -> None:
        self._graph = graph
        self._book = book

    async def search(self, queries: Sequence[GraphQuery]) -> GraphAnswer:
        """Of the store."""
        return await self._graph.search([await self._searched(query) for query in queries])

    async def mentions(self, queries: Sequence[GraphQuery]) -> MentionsAnswer:
        """Of the store."""
        return await self._graph.mentions([await self._searched(query) for query in queries])

    async def entities(self, query: EntitiesQuery) -> EntitiesAnswer:
        """Of the store."""
        return await self._graph.entities(await self._asked(query))

    async def neighbours(self, query: NeighboursQuery) -> NeighboursAnswer:
        """Of the store."""
        return await self._graph.neighbours(await self._asked(query))

    async def path(self, query: PathQuery) -> PathAnswer:
        """Of the store."""
        return await self._graph.path(await self._asked(query))

    async def beside(self, query: BesideQuery) -> BesideAnswer:
        """Of the store."""
        return await self._graph.beside(await self._asked(query))

    async def links(self, query: LinksQuery) -> LinksAnswer:
        """Of the store."""
        return await self._graph.links(await self._asked(query))

    async def _asked(self, query: Q) -> Q:
        aliases = await self._book.standing(query.project, query.scope.ids())
        return replace(query, view=replace(query.view, aliases=aliases)) if aliases else query

    async def _searched(self, query: GraphQuery) -> GraphQuery:
        scope = {} if query.block is None else {query.block.field: query.block.value}
        aliases = await self._book.standing(query.project, scope)
        return replace(query, view=replace(query.view, aliases=aliases)) if aliases else query

    async def status(self) -> Applied:
        """Of the store."""
        return await self._graph.status()

    async def apply(self, batch: ChangeBatch) -> Applied:
        """Of the store."""
        return await self._graph.apply(batch)

    async def audit(self, after: str, until: str | None) -> AuditAnswer:
        """Of the store."""
        return await self._graph.audit(after, until)

    async def mend(self, mending: Mending) -> Applied:
        """Of the store."""
        return await self._graph.mend(mending)

    async def begin_rebuild(self) -> None:
        """Of the store."""
        await self._graph.begin_rebuild()

    async def load(self, rows: LiveRows) -> None:
        """Of the store."""
        await self._graph.load(rows)

    async def finish_rebuild(self, position: int) -> Applied:
        """Of the store."""
        return await self._graph.finish_rebuild(position)

    async def close(self) -> None:
        """Of the store."""
        await self._graph.close()
