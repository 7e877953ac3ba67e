"""How a question about the graph is answered: asked of the index when that has all it should, memories from the ledger.

An index that was restarted and has lost something is caught up first, as for a search.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from engine.answers import memory_object, mentioned_object, relation_objects
from engine.errors import NotFound, Unavailable
from engine.graph.communities import communities
from engine.graph_around import widened
from engine.graph_port import (
    AskedGraph,
    BesideQuery,
    EntitiesQuery,
    LinksQuery,
    Neighbourhood,
    NeighboursQuery,
    PathAnswer,
    PathQuery,
    View,
)
from engine.index_feed import IndexFeed
from engine.ledger_port import Known
from engine.requests import CommunitiesRequest, GraphEntitiesRequest, NeighboursRequest, PathRequest
from engine.types import Applied, Json, JsonList

_ROUNDS = 6
_ALL = 2**31


class _Answer(Protocol):
    @property
    def applied(self) -> Applied: ...


A = TypeVar("A", bound=_Answer)


class GraphPath:
    """Answers what the graph knows of a scope.

    Args:
        graph: entity graph.
        feed: tells whether the graph has lost something.
        ledger: what the memories that it names say.
    """

    def __init__(self, *, graph: AskedGraph, feed: IndexFeed, ledger: Known) -> None:
        self._graph = graph
        self._feed = feed
        self._ledger = ledger

    async def entities(self, request: GraphEntitiesRequest) -> Json:
        """See `MemoryApi.graph_entities`."""
        query = EntitiesQuery(
            project=request.call.project,
            scope=request.scope,
            offset=(request.page - 1) * request.page_size,
            limit=request.page_size,
            name=request.name,
            view=View(request.at_us),
        )
        answer = await self._whole(lambda: self._graph.entities(query))
        return {
            "count": answer.count,
            "page": request.page,
            "page_size": request.page_size,
            "results": [mentioned_object(one) for one in answer.entities],
        }

    async def mentioned(self, request: GraphEntitiesRequest) -> JsonList:
        """See `ShardApi.mentioned`."""
        query = EntitiesQuery(request.call.project, request.scope, 0, _ALL, request.name, View(request.at_us))
        answer = await self._whole(lambda: self._graph.entities(query))
        return [mentioned_object(one) for one in answer.entities]

    async def beside(self, request: GraphEntitiesRequest, keys: Sequence[str]) -> list[tuple[str, ...]]:
        """See `ShardApi.beside`."""
        query = BesideQuery(request.call.project, request.scope, tuple(keys), View(request.at_us))
        return list((await self._whole(lambda: self._graph.beside(query))).beside)

    async def neighbours(self, request: NeighboursRequest) -> Json:
        """See `MemoryApi.neighbours`."""
        around = await self._around(request, request.entity)
        if around is None:
            raise nothing_mentions(request.entity)
        memories = await self._memories(request.call.project, around.memory_ids)
        told = {
            **_around_object(around),
            "memories": [memories[one] for one in around.memory_ids if one in memories],
        }
        if request.depth == 1:
            return told

        async def look(name: str) -> Json | None:
            near = await self._around(request, name)
            return None if near is None else _around_object(near)

        return await widened(told, request.depth, request.limit, look)

    async def _around(self, request: NeighboursRequest, name: str) -> Neighbourhood | None:
        view = View(request.at_us)
        query = NeighboursQuery(request.call.project, request.scope, name, request.limit, view)
        return (await self._whole(lambda: self._graph.neighbours(query))).around

    async def links(self, request: CommunitiesRequest) -> Json:
        """See `ShardApi.links`."""
        query = LinksQuery(request.call.project, request.scope, View(request.at_us))
        found = await self._whole(lambda: self._graph.links(query))
        return {
            "entities": [mentioned_object(one) for one in found.entities],
            "pairs": [[*pair] for pair in found.pairs],
            "relations": relation_objects(found.relations),
        }

    async def communities(self, request: CommunitiesRequest) -> Json:
        """See `MemoryApi.communities`."""
        return await asyncio.to_thread(communities, await self.links(request), request.limit)

    async def path(self, request: PathRequest) -> Json:
        """See `MemoryApi.path`."""
        view = View(request.at_us)
        query = PathQuery(request.call.project, request.scope, request.source, request.target, request.most_steps, view)
        for _ in range(_ROUNDS):
            answer = await self._whole(lambda: self._graph.path(query))
            if answer.unknown:
                raise nothing_mentions(answer.unknown[0])
            memories = await self._memories(query.project, [step.memory_id for step in answer.steps])
            if all(step.memory_id in memories for step in answer.steps):
                return _path_object(answer, memories)
            # A memory of the way has been deleted since: the graph hears of it, and there may be another way.
            await self._feed.reached(self._feed.position + self._feed.lag)
        raise Unavailable("the graph is behind the ledger", {"retry_after_s": 1})

    async def _whole(self, ask: Callable[[], Awaitable[A]]) -> A:
        """An answer of an index that has lost nothing."""
        await self._feed.known()
        for _ in range(_ROUNDS):
            since = self._feed.confirmed
            answer = await ask()
            if self._feed.observe(answer.applied, since):
                return answer
            await self._feed.caught_up()
        raise Unavailable("the graph is being caught up", {"retry_after_s": 1})

    async def _memories(self, project: str, memory_ids: Sequence[str]) -> dict[str, Json]:
        """By id, those that are still there."""
        asked = list(dict.fromkeys(memory_ids))
        found = await self._ledger.get(project, asked) if asked else []
        return {version.memory_id: memory_object(version) for version in found if version is not None}


def _around_object(around: Neighbourhood) -> Json:
    return {
        "entity": mentioned_object(around.entity),
        "relations": relation_objects(around.relations),
        "entities": [mentioned_object(one) for one in around.entities],
    }


def _path_object(answer: PathAnswer, memories: dict[str, Json]) -> Json:
    steps = [
        {**relation, "memory": memories[step.memory_id]}
        for step in answer.steps
        for relation in relation_objects([replace(step.relation, memory_id=None)])
    ]
    return {
        "found": answer.entities is not None,
        "length": len(steps),
        "entities": list(answer.entities or ()),
        "steps": steps,
    }


def nothing_mentions(name: str) -> NotFound:
    """What a question about an entity gets that no memory of the scope mentions."""
    return NotFound(f"no memory of this scope mentions {name!r}", {"entity": name})
