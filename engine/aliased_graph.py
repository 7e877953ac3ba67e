"""The graph as it is asked: names that a person has merged (`alias_book`) are one. What the graph holds stays as it is.

Changes don't come this way: the graph's feed and its upkeep go through `named_graph`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from engine.alias_book import AliasBook
from engine.graph_port import (
    AskedGraph,
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

Q = TypeVar("Q", EntitiesQuery, NeighboursQuery, PathQuery, BesideQuery, LinksQuery)


class AliasedGraph:
    """A graph of which every question is asked with the aliases of its scope.

    Args:
        graph: answers.
        book: knows the aliases.
    """

    def __init__(self, graph: AskedGraph, book: AliasBook) -> None:
        self._graph = graph
        self._book = book

    async def search(self, queries: Sequence[GraphQuery]) -> GraphAnswer:
        """Of the graph."""
        return await self._graph.search([await self._searched(query) for query in queries])

    async def mentions(self, queries: Sequence[GraphQuery]) -> MentionsAnswer:
        """Of the graph."""
        return await self._graph.mentions([await self._searched(query) for query in queries])

    async def entities(self, query: EntitiesQuery) -> EntitiesAnswer:
        """Of the graph."""
        return await self._graph.entities(await self._asked(query))

    async def neighbours(self, query: NeighboursQuery) -> NeighboursAnswer:
        """Of the graph."""
        return await self._graph.neighbours(await self._asked(query))

    async def path(self, query: PathQuery) -> PathAnswer:
        """Of the graph."""
        return await self._graph.path(await self._asked(query))

    async def beside(self, query: BesideQuery) -> BesideAnswer:
        """Of the graph."""
        return await self._graph.beside(await self._asked(query))

    async def links(self, query: LinksQuery) -> LinksAnswer:
        """Of the graph."""
        return await self._graph.links(await self._asked(query))

    async def _asked(self, query: Q) -> Q:
        aliases = await self._book.standing(query.project, query.scope.ids())
        return replace(query, view=replace(query.view, aliases=aliases)) if aliases else query

    async def _searched(self, query: GraphQuery) -> GraphQuery:
        scope = {} if query.block is None else {query.block.field: query.block.value}
        aliases = await self._book.standing(query.project, scope)
        return replace(query, view=replace(query.view, aliases=aliases)) if aliases else query
