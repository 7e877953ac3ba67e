"""The shortest way between two entities over the memories of all shards, as one shard would find it.

Breadth first: in each round every shard says who stands beside the entities that were reached last. Then every shard
is asked for each step of the way, and the best of what they say is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from engine.api import CallFields, ScopeFields
from engine.errors import NotFound, Unavailable
from engine.graph_path import nothing_mentions
from engine.requests import PathRequest
from engine.shard_api import ShardApi
from engine.sharding import graph_merging
from engine.sharding.asking import Until, every, or_none
from engine.times import iso
from engine.types import MENTIONED_WITH, Entity, Json, JsonList
from engine.ways import reach, way_back

_TRIES = 3
_MOST_REACHED = 200_000


class _Fields(ScopeFields, CallFields, total=False):
    as_of: int | float | str | None
    at: int | float | str | None


class PathOverShards:
    """Looks for one way.

    Args:
        shards: all of them.
        request: from where to where.
        until: when an answer is due.
        most_chars: of a name that can be asked for; longer ones are no part of a way.
    """

    def __init__(self, shards: Sequence[ShardApi], request: PathRequest, until: Until, most_chars: int) -> None:
        self._shards = shards
        self._request = request
        self._until = until
        self._most_chars = most_chars

    async def find(self) -> Json:
        """As `MemoryApi.path`.

        Raises:
            NotFound: no memory mentions one of the two.
            Unavailable: a shard can't answer, or the memories of every way found were deleted meanwhile.
        """
        ends = self._request.source, self._request.target
        for name, known in zip(ends, await every(self._entity(name) for name in ends), strict=True):
            if known is None:
                raise nothing_mentions(name)
        for _ in range(_TRIES):
            keys = await self._keys(*(Entity(name).key for name in ends))
            if keys is None:
                return _answer([], [], found=False)
            told = await self._told(keys)
            if told is not None:
                return told
        raise Unavailable("the memories of each way are being deleted", {"retry_after_s": 1})

    async def _keys(self, source: str, target: str) -> list[str] | None:
        """The keys along the shortest way."""
        came_from = {source: source}
        frontier = [source]
        for _ in range(self._request.most_steps):
            if target in came_from or not frontier or len(came_from) > _MOST_REACHED:
                break
            asked = frontier
            found = await every(shard.beside(asked, **self._fields()) for shard in self._shards)
            frontier = reach(
                came_from,
                (
                    (key, other)
                    for key, *others in zip(asked, *found, strict=True)
                    for other in (other for of_shard in others for other in of_shard)
                    if len(other) <= self._most_chars
                ),
            )
        return way_back(came_from, source, target)

    async def _told(self, keys: Sequence[str]) -> Json | None:
        """The way as it is answered; None: a memory of it is gone."""
        entities, steps = await asyncio.gather(
            every(map(self._entity, keys)), every(self._step(one, other) for one, other in pairwise(keys))
        )
        names = {key: one["name"] for key, one in zip(keys, entities, strict=True) if one is not None}
        known = [step for step in steps if step is not None]
        if len(names) < len(keys) or len(known) < len(steps):
            return None
        named = [{**step, **{end: names[Entity(step[end]).key] for end in ("source", "target")}} for step in known]
        return _answer([names[key] for key in keys], named, found=True)

    async def _entity(self, name: str) -> Json | None:
        """The entity in all shards; None: no memory mentions it."""
        calls = (or_none(shard.neighbours(name, **self._fields(), limit=1), NotFound) for shard in self._shards)
        found = [one["entity"] for one in await every(calls) if one is not None]
        return graph_merging.summed([found])[0] if found else None

    async def _step(self, one: str, other: str) -> Json | None:
        """What links two entities: a relation before a common memory, the newest before others."""
        fields = self._fields()
        calls = (or_none(shard.path(one, other, **fields, most_steps=1), NotFound) for shard in self._shards)
        steps = [way["steps"][0] for way in await every(calls) if way is not None and way["steps"]]
        return max(steps, key=_worth, default=None)

    def _fields(self) -> _Fields:
        call = self._request.call
        times: _Fields = {"at": _iso(self._request.at_us)}
        if self._request.as_of is not None:
            times["as_of"] = _iso(self._request.as_of.at_us)
        shared: _Fields = {"project": call.project, "deadline_s": self._until.left()}
        return {**self._request.scope.ids(), **shared, **times}  # type: ignore[typeddict-item]


def _iso(at_us: int | None) -> str | None:
    return None if at_us is None else iso(at_us)


def _worth(step: Json) -> tuple[bool, str, str]:
    memory = step["memory"]
    return step["relationship"] != MENTIONED_WITH, memory["created_at"], memory["id"]


def _answer(entities: list[str], steps: JsonList, *, found: bool) -> Json:
    return {"found": found, "length": len(steps), "entities": entities, "steps": steps}
