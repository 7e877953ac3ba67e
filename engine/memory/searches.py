"""Searches, contexts made of them, and what signals count in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from engine import requests
from engine.api import CallFields, ContextFields, SearchFields
from engine.batches import Budget
from engine.context.answer import Parts as ContextParts
from engine.context.answer import context_answer
from engine.context.request import parse_context
from engine.memory.calls import read_call
from engine.memory.verbs import Verbs
from engine.ranking.given import weights_of
from engine.rankings import ranking_answer
from engine.requests import SearchRequest
from engine.times import day_of
from engine.types import Json, JsonList, MemoryVersion
from engine.weighing import results_load, search_load


class SearchVerbs(Verbs):
    """Answered by the indexes of the state that is asked about."""

    async def search(self, query: str, **fields: Unpack[SearchFields]) -> Json:
        """The best memories for a query; see `MemoryApi`."""
        return await self._search(query, fields)

    async def search_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        """Many searches at once; see `MemoryApi`. As many are under way as keep the models busy, and no more."""
        asked = requests.parse_batch(items, self._parts.limits)
        budget = Budget(self._parts.limits.batch_results)

        async def search(query: str, given: Json) -> Json:
            budget.check()
            answer = await self._search(query, given, waited=False)
            budget.spend(len(answer["results"]))
            return answer

        at_once = 2 * self._parts.settings.embed.batch_texts
        return await self._parts.door.batch(asked, "query", fields, search, at_once=at_once)

    async def context(self, query: str, **fields: Unpack[ContextFields]) -> Json:
        """What fits into a prompt; see `MemoryApi`."""
        settings = self._parts.settings.search
        request = parse_context(query, fields, self._parts.limits, settings)
        call, as_of = request.search.call, request.search.as_of

        async def versions(memory_ids: Sequence[str]) -> list[MemoryVersion | None]:
            async with self._parts.door.reading(call, results_load(len(memory_ids))):
                return await self._parts.moments.versions(call.project, memory_ids, as_of)

        async def count(texts: Sequence[str]) -> list[int]:
            async with self._parts.door.reading(call, results_load(len(texts))):
                return await self._parts.models.count_tokens(texts)

        parts = ContextParts(
            search=lambda given: self._search(query, given),
            versions=versions,
            count=count,
            deadline_s=settings.leg_deadline_s,
        )
        async with self._parts.door.within(call):
            return await context_answer(request, parts)

    async def ranking(self, **fields: Unpack[CallFields]) -> Json:
        """What signals count in a project; see `MemoryApi`."""
        call = read_call(fields)
        async with self._parts.door.reading(call):
            known = await self._parts.rankings.of(call.project)
        return ranking_answer(known, self._parts.settings.search.weights)

    async def set_ranking(self, weights: Json | None, **fields: Unpack[CallFields]) -> Json:
        """Let them count otherwise; see `MemoryApi`."""
        call, given = read_call(fields), weights_of(weights)
        epoch = self._parts.writes.ownership.epoch
        async with self._parts.door.within(call):
            await self._parts.rankings.put(epoch, call.project, given)
        set_now = {signal.value: weight for signal, weight in given.items()}
        return ranking_answer(set_now, self._parts.settings.search.weights)

    async def _search(self, query: str, fields: Mapping[str, Any], *, waited: bool = True) -> Json:
        parts = self._parts
        request = self._request(query, fields)
        async with parts.door.reading(request.call, search_load(request), waited=waited):
            ranked, known = await parts.rankings.within(request.call.project, fields)
            if ranked is not fields:
                request = self._request(query, ranked)
            async with parts.moments.search_at(request) as (searches, asked, at_us):
                answer = await searches.search(asked, today=day_of(at_us), at_us=at_us)
            return answer if known else {**answer, "degraded": [*answer["degraded"], "ranking"]}

    def _request(self, query: str, fields: Mapping[str, Any]) -> SearchRequest:
        return requests.parse_search(query, fields, self._parts.limits, self._parts.settings.search)
