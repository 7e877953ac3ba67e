"""A search over several shards: three rounds, then one ranking, as if a single shard had everything.

1. The models say once what the query is (`evidence`).
2. Every shard counts what its legs weigh by: texts and terms for BM25, mentions for the graph (`statistics`).
3. With the sums, every shard finds its best (`candidates`); together they are cut to what one shard would have found.

Cosines don't depend on what else there is, and with the sums neither do shares of keywords: both are exact wherever a
store can count. A wide search of Milvus can't; there each shard weighs terms by its own texts. The graph is near: a
walk starts as it would with everything in one place, but goes on only over the memories of its shard.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

from engine import ids
from engine.api import CallFields, GetFields, SearchFields
from engine.circuit import Circuit
from engine.concurrency import TaskSet
from engine.config import SearchSettings
from engine.errors import DeadlineExceeded, InvalidInput, Overloaded, RemoraError, Unavailable
from engine.finishing import Rerank
from engine.ports import KeywordStatistics, VectorHit
from engine.ranked_answer import LegsFound, LookUp, ranked_answer
from engine.ranking.weights import SHIPPED_WEIGHTS, Weights
from engine.requests import SearchRequest
from engine.retrieve import candidates_of, met, nearest
from engine.shard_api import Evidence, Found, ShardApi, Statistics
from engine.telling import relative
from engine.types import Json, MemoryVersion

T = TypeVar("T")

_ROUNDS = 4
"""Rounds of a search with the one for what only the graph has found: each may take its part of the deadline."""
_SHARE_OF_ROUND = 0.9
_MARGIN_S = 0.25
"""So much longer a shard may take than its legs: then it can still say itself which of them is late. And so much longer
again it is waited for, so that it is known to be late before a search goes on without it."""


def circuits_of(shards: int, settings: SearchSettings, deadline_s: float, tasks: TaskSet) -> tuple[Circuit, ...]:
    """One in front of each shard, for all searches of a process. `deadline_s`: the server's own."""
    late_s = min(settings.leg_deadline_s + _MARGIN_S, _SHARE_OF_ROUND * deadline_s / _ROUNDS)
    return tuple(Circuit(f"shard {number}", tasks, deadline_s=late_s) for number in range(shards))


async def scattered_search(
    own: ShardApi,
    shards: Sequence[ShardApi],
    request: SearchRequest,
    fields: Sequence[SearchFields],
    *,
    circuits: Sequence[Circuit],
    settings: SearchSettings,
    deadline_s: float,
    today: str,
    infers: bool = False,
) -> Json:
    """The best memories of all shards, as `MemoryApi.search` answers; its position is None: each shard has its own.

    A shard that is down or late is left out, and its legs are named in `degraded`. One that has been late is left
    alone until it answers.

    Args:
        own: the shard that asks the models.
        shards: all of them, by number.
        request: the search, parsed.
        fields: what each shard is told of it; a `min_position` is that shard's own.
        circuits: of each shard, see `circuits_of`.
        settings: weights and deadlines.
        deadline_s: how long the caller waits.
        today: `YYYY-MM-DD`.
        infers: facts are made of messages.

    Raises:
        Unavailable: no shard could answer.
        Overloaded: no shard has room.
        DeadlineExceeded: a shard hasn't come to its `min_position` in time.
        RemoraError: a shard with a `min_position` can't answer.
    """
    search = _Search(shards, request, fields, circuits, settings, deadline_s)
    try:
        async with asyncio.timeout(deadline_s):
            evidence = await search.evidence(own)
            evidence, reached = await search.counted(evidence)
            found = await search.found(evidence, reached)
            look_up = LookUp(
                hits=lambda memory_ids: search.known(evidence, memory_ids),
                versions=search.versions,
                facts=search.facts,
                infers=infers,
            )
            answer = await ranked_answer(
                request,
                search.together(evidence, found),
                search.weights,
                today,
                look_up,
                evidence.floors,
                search.reranker(own),
            )
    except TimeoutError:
        raise DeadlineExceeded(f"no answer within {deadline_s} s", {"deadline_s": deadline_s}) from None
    return {**answer, "position": None}


@dataclass(slots=True)
class _Search:
    """One search under way."""

    shards: Sequence[ShardApi]
    request: SearchRequest
    fields: Sequence[SearchFields]
    circuits: Sequence[Circuit]
    settings: SearchSettings
    deadline_s: float
    overloaded: Overloaded | None = None

    async def evidence(self, own: ShardApi) -> Evidence:
        """What the models say; without them words are searched for."""
        asked = await self._leg(lambda: own.evidence(self.request.query, **self._told(self.fields[0])))
        if asked is None and self.overloaded is not None:
            raise self.overloaded
        return asked or Evidence(None, None)

    def reranker(self, own: ShardApi) -> Rerank:
        """Asks the reranker by way of that shard."""
        told: CallFields = {"project": self.request.call.project, "deadline_s": self._limit_s}

        async def rerank(query: str, texts: Sequence[str]) -> Sequence[float] | None:
            return await self._leg(lambda: own.rerank(query, texts, **told))

        return rerank

    async def counted(self, evidence: Evidence) -> tuple[Evidence, list[int]]:
        """The evidence with the statistics of all shards that answer, and which those are."""

        async def count(number: int) -> Statistics | None:
            told = self._told(self.fields[number])
            return await self._shard(number, lambda shard: shard.statistics(self.request.query, evidence, **told))

        counts = await asyncio.gather(*map(count, range(len(self.shards))))
        reached = [number for number, one in enumerate(counts) if one is not None]
        return replace(evidence, statistics=_sum(one for one in counts if one is not None)), reached

    async def found(self, evidence: Evidence, reached: Iterable[int]) -> list[Found | None]:
        """What each shard has found; None of one that is late or down."""
        found: list[Found | None] = [None] * len(self.shards)

        async def ask(number: int) -> None:
            fields = self.fields[number]
            waits = fields.get("min_position") is not None
            told = {**self._told(fields), "deadline_s": self.deadline_s} if waits else self._told(fields)
            if waits:
                told["min_position"] = fields["min_position"]

            def candidates(shard: ShardApi) -> Awaitable[Found]:
                return shard.candidates(self.request.query, evidence, **told)

            found[number] = await (candidates(self.shards[number]) if waits else self._shard(number, candidates))

        # Who has to wait for a position is asked in any case: an answer without it would not be what was asked for.
        waiting = [number for number, fields in enumerate(self.fields) if fields.get("min_position") is not None]
        await asyncio.gather(*map(ask, {*reached, *waiting}))
        return found

    def together(self, evidence: Evidence, found: Sequence[Found | None]) -> LegsFound:
        """What all shards found, as one shard would have; raises when there is nothing to rank by."""
        answered = [one for one in found if one is not None]
        words = len(answered) == len(found) and all(one.hits is not None for one in answered)
        near = len(answered) == len(found) and all(one.graph is not None for one in answered)
        legs = {"dense": words and evidence.vector is not None, "keywords": words, "graph": near}
        degraded = [leg for leg, whole in legs.items() if not whole]
        limit = candidates_of(self.request, self.settings)
        shares = heapq.nlargest(
            limit, chain.from_iterable(one.graph or () for one in answered), key=lambda hit: (hit.score, hit.memory_id)
        )
        heard = [one.hits for one in answered if one.hits is not None]
        if not shares and not heard:
            raise self.overloaded or Unavailable("no shard can answer now", {"degraded": degraded, "retry_after_s": 1})
        mentions = (evidence.statistics.mentions if evidence.statistics else None) or {}
        return LegsFound(
            hits=nearest(chain.from_iterable(heard), limit, self.weights, evidence.floors) if heard else None,
            graph=relative(shares, mentions.values()),
            relations=met(one.relations for one in answered),
            limit=limit,
            degraded=degraded,
        )

    async def known(self, evidence: Evidence, memory_ids: Sequence[str]) -> list[VectorHit] | None:
        """Single memories with their signals, from the shards that have them; None when one can't be asked."""

        async def ask(number: int, mine: Sequence[str]) -> Found | None:
            told, only = self._told(self.fields[number]), replace(evidence, among=tuple(mine))
            return await self._shard(number, lambda shard: shard.candidates(self.request.query, only, **told))

        parts = await asyncio.gather(*[ask(number, mine) for number, mine in self._places(memory_ids).items()])
        heard = [part.hits for part in parts if part is not None and part.hits is not None]
        return list(chain.from_iterable(heard)) if len(heard) == len(parts) else None

    async def versions(self, memory_ids: Sequence[str]) -> list[MemoryVersion | None] | None:
        """Live versions from the shards that have them; None when one can't be asked."""
        told: GetFields = {
            "project": self.request.call.project,
            "deadline_s": self._limit_s,
            "as_of": self.fields[0].get("as_of"),
        }

        async def read(number: int, mine: Sequence[str]) -> list[MemoryVersion | None] | None:
            return await self._shard(number, lambda shard: shard.versions(mine, **told))

        parts = await asyncio.gather(*[read(number, mine) for number, mine in self._places(memory_ids).items()])
        whole = [part for part in parts if part is not None]
        return [version for part in whole for version in part] if len(whole) == len(parts) else None

    async def facts(self, memory_ids: Sequence[str]) -> dict[str, tuple[MemoryVersion, ...]] | None:
        """Of messages those made of them, from the shards that have them; None when one can't be asked."""
        told: GetFields = {
            "project": self.request.call.project,
            "deadline_s": self._limit_s,
            "as_of": self.fields[0].get("as_of"),
        }

        async def read(number: int, mine: Sequence[str]) -> dict[str, tuple[MemoryVersion, ...]] | None:
            return await self._shard(number, lambda shard: shard.facts(mine, **told))

        parts = await asyncio.gather(*[read(number, mine) for number, mine in self._places(memory_ids).items()])
        whole = [part for part in parts if part is not None]
        return {key: one for part in whole for key, one in part.items()} if len(whole) == len(parts) else None

    @property
    def weights(self) -> Weights:
        """What the signals count."""
        return SHIPPED_WEIGHTS.but(self.settings.weights).but(self.request.weights)

    def _places(self, memory_ids: Sequence[str]) -> dict[int, list[str]]:
        """Which shard has which of them."""
        places: dict[int, list[str]] = {}
        for memory_id in memory_ids:
            places.setdefault(ids.shard_of(ids.slot_in(memory_id), len(self.shards)), []).append(memory_id)
        return places

    @property
    def _limit_s(self) -> float:
        return min(self.settings.leg_deadline_s + 2 * _MARGIN_S, self.deadline_s / _ROUNDS)

    def _told(self, fields: SearchFields) -> SearchFields:
        """What a shard is told that has nothing to wait for."""
        return {**fields, "min_position": None, "deadline_s": self._limit_s}

    async def _shard(self, number: int, ask: Callable[[ShardApi], Awaitable[T]]) -> T | None:
        """What a shard answers, or None when it is late, down, or left alone."""
        shard = self.shards[number]
        return await self._leg(lambda: self.circuits[number].call(lambda: ask(shard)))

    async def _leg(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """The answer, or None of who is late or down."""
        try:
            async with asyncio.timeout(self._limit_s):
                return await call()
        except InvalidInput:
            raise
        except Overloaded as error:
            self.overloaded = error
            return None
        except (RemoraError, TimeoutError):
            return None


def _sum(counts: Iterable[Statistics]) -> Statistics:
    """The statistics of shards as those of one."""
    every = list(counts)
    mentions: Counter[str] = Counter()
    for one in every:
        mentions.update(one.mentions or {})
    keywords = [one.keywords for one in every if one.keywords is not None]
    frequencies: Counter[str] = Counter()
    for known in keywords:
        frequencies.update(known.frequencies)
    total = KeywordStatistics(
        sum(known.texts for known in keywords),
        sum(known.total_length for known in keywords),
        frequencies,
        sum(known.length_together for known in keywords),
    )
    # Who can't say may have all that there is; who could will notice by itself when it is asked for it.
    unknown = not mentions and any(one.mentions is None for one in every)
    return Statistics(total if keywords else None, None if unknown else mentions)
