"""Questions about the entity graph of all shards, and names that mean the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Unpack

from engine import requests
from engine.api import AliasFields, CommunitiesFields, GraphEntitiesFields, NeighboursFields, PathFields
from engine.errors import NotFound
from engine.graph.communities import communities
from engine.graph_around import widened
from engine.graph_path import nothing_mentions
from engine.requests import MergeRequest
from engine.shard_api import ShardApi
from engine.sharding import graph_merging, routing
from engine.sharding.asking import every, or_none
from engine.sharding.paths import PathOverShards
from engine.sharding.verbs import Verbs
from engine.types import Json, JsonList

_MORE = 4
"""So many times what is asked for, each shard says of what surrounds an entity: what is rare in one may be common."""


class GraphVerbs(Verbs):
    """Answered by the shard that holds all memories of the scope, else by all."""

    async def graph_entities(self, **fields: Unpack[GraphEntitiesFields]) -> Json:
        """What memories mention; see `MemoryApi`."""
        request = requests.parse_graph_entities(fields, self._parts.limits)
        shard = self._parts.home_of(request.call, request.scope)
        if shard is not None:
            return await self._parts.shards[shard].graph_entities(**self._parts.past(fields, shard))
        routing.no_position(request.as_of)
        found = graph_merging.summed(await every(one.mentioned(**fields) for one in self._parts.shards))
        page, page_size = request.page, request.page_size
        shown = found[(page - 1) * page_size : page * page_size]
        return {"count": len(found), "page": page, "page_size": page_size, "results": shown}

    async def neighbours(self, entity: str, **fields: Unpack[NeighboursFields]) -> Json:
        """What surrounds an entity; see `MemoryApi`."""
        request = requests.parse_neighbours(entity, fields, self._parts.limits)
        shard = self._parts.home_of(request.call, request.scope)
        if shard is not None:
            return await self._parts.shards[shard].neighbours(entity, **self._parts.past(fields, shard))
        routing.no_position(request.as_of)
        fields["limit"] = min(_MORE * request.limit, self._parts.limits.page_size)
        fields["depth"] = 1

        async def look(name: str) -> Json | None:
            return await self._around(name, fields, request.limit)

        found = await look(entity)
        if found is None:
            raise nothing_mentions(request.entity)
        return found if request.depth == 1 else await widened(found, request.depth, request.limit, look)

    async def communities(self, **fields: Unpack[CommunitiesFields]) -> Json:
        """Which entities belong together; see `MemoryApi`."""
        request = requests.parse_communities(fields, self._parts.limits)
        shard = self._parts.home_of(request.call, request.scope)
        if shard is not None:
            return await self._parts.shards[shard].communities(**self._parts.past(fields, shard))
        routing.no_position(request.as_of)
        found = await every(one.links(**fields) for one in self._parts.shards)
        links = graph_merging.links(found, self._parts.settings.graph.functional_keys)
        return await asyncio.to_thread(communities, links, request.limit)

    async def path(self, source: str, target: str, **fields: Unpack[PathFields]) -> Json:
        """The way from one entity to another; see `MemoryApi`."""
        request = requests.parse_path(source, target, fields, self._parts.limits)
        shard = self._parts.home_of(request.call, request.scope)
        if shard is not None:
            return await self._parts.shards[shard].path(source, target, **self._parts.past(fields, shard))
        routing.no_position(request.as_of)
        return await PathOverShards(
            self._parts.shards, request, self._parts.until(request.call), self._parts.limits.id_chars
        ).find()

    async def merge_entities(self, name: str, into: str, **fields: Unpack[AliasFields]) -> Json:
        """Let a name mean another, wherever memories of the scope may be; see `MemoryApi`."""
        request = requests.parse_merge(name, into, fields, self._parts.limits)
        return _same(await every(one.merge_entities(name, into, **fields) for one in self._holding(request)))

    async def split_entity(self, name: str, **fields: Unpack[AliasFields]) -> Json:
        """Let a name mean what it says again; see `MemoryApi`."""
        request = requests.parse_split(name, fields, self._parts.limits)
        return _same(await every(one.split_entity(name, **fields) for one in self._holding(request)))

    async def _around(self, entity: str, fields: NeighboursFields, limit: int) -> Json | None:
        """What surrounds an entity in all shards; None: none knows it."""
        found = await every(or_none(one.neighbours(entity, **fields), NotFound) for one in self._parts.shards)
        known = [one for one in found if one is not None]
        functional = self._parts.settings.graph.functional_keys
        return graph_merging.neighbourhood(known, limit, functional) if known else None

    def _holding(self, request: MergeRequest) -> Sequence[ShardApi]:
        """The shards that may hold memories of its scope."""
        shard = self._parts.home_of(request.call, request.scope)
        return self._parts.shards if shard is None else [self._parts.shards[shard]]


def _same(answers: JsonList) -> Json:
    """What shards say that all did the same; one that had done it before says so."""
    return {**answers[0], "changed": any(one["changed"] for one in answers)}
