"""Questions about the entity graph, and names that mean the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Unpack

from engine import requests
from engine.api import AliasFields, CommunitiesFields, GraphEntitiesFields, NeighboursFields, PathFields
from engine.graph_path import GraphPath
from engine.ledger_port import Alias
from engine.memory.moments import OfGraph
from engine.memory.verbs import Verbs
from engine.types import Entity, Json, JsonList


class GraphVerbs(Verbs):
    """Answered by the graph of the state that is asked about."""

    async def graph_entities(self, **fields: Unpack[GraphEntitiesFields]) -> Json:
        """What memories mention; see `MemoryApi`."""
        request = requests.parse_graph_entities(fields, self._parts.limits)
        async with self._graph(request) as graph:
            return await graph.entities(request)

    async def neighbours(self, entity: str, **fields: Unpack[NeighboursFields]) -> Json:
        """What surrounds an entity; see `MemoryApi`."""
        request = requests.parse_neighbours(entity, fields, self._parts.limits)
        async with self._graph(request) as graph:
            return await graph.neighbours(request)

    async def path(self, source: str, target: str, **fields: Unpack[PathFields]) -> Json:
        """The way from one entity to another; see `MemoryApi`."""
        request = requests.parse_path(source, target, fields, self._parts.limits)
        async with self._graph(request) as graph:
            return await graph.path(request)

    async def communities(self, **fields: Unpack[CommunitiesFields]) -> Json:
        """Which entities belong together; see `MemoryApi`."""
        request = requests.parse_communities(fields, self._parts.limits)
        async with self._graph(request) as graph:
            return await graph.communities(request)

    async def merge_entities(self, name: str, into: str, **fields: Unpack[AliasFields]) -> Json:
        """Let a name mean another; see `MemoryApi`."""
        request = requests.parse_merge(name, into, fields, self._parts.limits)
        alias = Alias(request.scope, Entity(request.name).key, request.name, request.into)
        epoch = self._parts.writes.ownership.epoch
        async with self._parts.door.reading(request.call):
            return await self._parts.aliases.merge(epoch, request.call.project, alias)

    async def split_entity(self, name: str, **fields: Unpack[AliasFields]) -> Json:
        """Let a name mean what it says again; see `MemoryApi`."""
        request = requests.parse_split(name, fields, self._parts.limits)
        epoch = self._parts.writes.ownership.epoch
        async with self._parts.door.reading(request.call):
            return await self._parts.aliases.split(epoch, request.call.project, request.scope, request.name)

    async def links(self, **fields: Unpack[CommunitiesFields]) -> Json:
        """What links the entities here; see `ShardApi`."""
        request = requests.parse_communities(fields, self._parts.limits)
        async with self._graph(request) as graph:
            return await graph.links(request)

    async def mentioned(self, **fields: Unpack[GraphEntitiesFields]) -> JsonList:
        """All that memories here mention; see `ShardApi`."""
        request = requests.parse_graph_entities(fields, self._parts.limits)
        async with self._graph(request) as graph:
            return await graph.mentioned(request)

    async def beside(self, keys: Sequence[str], **fields: Unpack[GraphEntitiesFields]) -> list[tuple[str, ...]]:
        """Who is mentioned together with each entity here; see `ShardApi`."""
        request = requests.parse_graph_entities(fields, self._parts.limits)
        async with self._graph(request) as graph:
            return await graph.beside(request, keys)

    @asynccontextmanager
    async def _graph(self, request: OfGraph) -> AsyncIterator[GraphPath]:
        async with self._parts.door.reading(request.call), self._parts.moments.graph_at(request) as graph:
            yield graph
