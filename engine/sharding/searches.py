"""Finding memories over all shards: searches and the context for a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack, cast

from engine import requests
from engine.api import CallFields, ContextFields, GetFields, PastFields, SearchFields
from engine.batches import Budget, each, time_left
from engine.context.answer import Parts, context_answer
from engine.context.request import parse_context
from engine.errors import RemoraError
from engine.rankings import laid_under
from engine.requests import SearchRequest
from engine.scatter import scattered_search
from engine.sharding import routing
from engine.sharding.asking import every
from engine.sharding.verbs import CALL, Verbs
from engine.times import day_of
from engine.types import Json, JsonList, MemoryVersion


class SearchVerbs(Verbs):
    """Answered by the one shard that holds every match, else by all; see `engine.scatter`."""

    async def search(self, query: str, **fields: Unpack[SearchFields]) -> Json:
        """The best memories for a query; see `MemoryApi`."""
        return await self._search(query, fields)

    async def search_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        """Many searches at once; see `MemoryApi`."""
        call = requests.parse_call(fields, CALL)
        until = self._parts.until(call)
        budget = Budget(self._parts.limits.batch_results)

        async def one(item: Json) -> Json:
            budget.check()
            query, rest = requests.parse_item(item, "query")
            rest |= {"project": call.project, "deadline_s": time_left(rest.get("deadline_s"), until.left())}
            answer = await self._search(query, rest)
            budget.spend(len(answer["results"]))
            return answer

        asked = requests.parse_batch(items, self._parts.limits)
        return await each(asked, one, at_once=2 * self._parts.settings.embed.batch_texts)

    async def embed(self, texts: Sequence[str], **fields: Unpack[CallFields]) -> Json:
        """Texts as vectors; see `MemoryApi`. All shards have the same model."""
        return await self._parts.nearest.embed(texts, **fields)

    async def context(self, query: str, **fields: Unpack[ContextFields]) -> Json:
        """What fits into a prompt; see `MemoryApi`."""
        request = parse_context(query, fields, self._parts.limits, self._parts.settings.search)
        call, until = request.search.call, self._parts.until(request.search.call)

        def shared() -> CallFields:
            return {"project": call.project, "deadline_s": until.left()}

        past: PastFields = {"as_of": fields.get("as_of"), "as_of_position": fields.get("as_of_position")}
        parts = Parts(
            search=lambda given: self._search(query, given),
            versions=lambda memory_ids: self._versions(memory_ids, {**shared(), **past}),
            count=lambda texts: self._parts.nearest.count_tokens(texts, **shared()),
            deadline_s=self._parts.settings.search.leg_deadline_s,
        )
        return await context_answer(request, parts)

    async def _search(self, query: str, given: Mapping[str, Any]) -> Json:
        request = requests.parse_search(query, given, self._parts.limits, self._parts.settings.search)
        fields = cast(SearchFields, {**given})
        shard = routing.sole_shard(request.call.project, request.filter, self._parts.count)
        if shard is None:
            return await self._search_everywhere(request, fields)
        fields["min_position"] = routing.local_position(request.min_position, shard, self._parts.count)
        return self._parts.placed(
            await self._parts.shards[shard].search(query, **self._parts.past(fields, shard)), shard
        )

    async def _search_everywhere(self, request: SearchRequest, fields: SearchFields) -> Json:
        routing.no_position(request.as_of)
        at_us = None if request.as_of is None else request.as_of.at_us
        fields, known = await self._ranked(request, fields)
        request = requests.parse_search(request.query, fields, self._parts.limits, self._parts.settings.search)

        def told(shard: int) -> SearchFields:
            return {**fields, "min_position": routing.local_position(request.min_position, shard, self._parts.count)}

        answer = await scattered_search(
            self._parts.nearest,
            self._parts.shards,
            request,
            [told(shard) for shard in range(self._parts.count)],
            circuits=self._parts.circuits,
            settings=self._parts.settings.search,
            deadline_s=self._parts.deadline_s(request.call),
            today=day_of(self._parts.clock() if at_us is None else at_us),
            infers=self._parts.settings.llm.is_set,
        )
        return answer if known else {**answer, "degraded": [*answer["degraded"], "ranking"]}

    async def _ranked(self, request: SearchRequest, fields: SearchFields) -> tuple[SearchFields, bool]:
        """The fields with the project's weights under them, and whether these are known."""
        shared: CallFields = {"project": request.call.project, "deadline_s": self._parts.settings.search.leg_deadline_s}
        try:
            ranking = await self._parts.nearest.ranking(**shared)
        except (RemoraError, TimeoutError):
            return fields, False
        return cast(SearchFields, laid_under(ranking["set"], fields)), True

    async def _versions(self, memory_ids: Sequence[str], shared: GetFields) -> list[MemoryVersion | None]:
        """Versions, in no order."""
        groups = routing.by_shard(routing.shard_in(memory_id, self._parts.count) for memory_id in memory_ids)
        found = await every(
            self._parts.shards[shard].versions(
                [memory_ids[place] for place in places], **self._parts.past(shared, shard)
            )
            for shard, places in groups.items()
        )
        return [version for some in found for version in some]
