"""What a search over all shards asks of each: what the models say, what is counted, what is found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Unpack

from engine import requests
from engine.api import CallFields, SearchFields
from engine.errors import Unavailable
from engine.memory.calls import read_call
from engine.memory.verbs import Verbs
from engine.requests import SearchRequest
from engine.search_path import SearchPath
from engine.shard_api import Evidence, Found, Statistics
from engine.weighing import results_load, search_load


class LegVerbs(Verbs):
    """The steps of a search, one at a time; see `ShardApi`."""

    async def evidence(self, query: str, **fields: Unpack[SearchFields]) -> Evidence:
        """What the models say of a query; see `ShardApi`."""
        async with self._search_at(query, fields, waited=True) as (searches, asked, at_us):
            return await searches.evidence(asked, at_us=at_us)

    async def statistics(self, query: str, evidence: Evidence, **fields: Unpack[SearchFields]) -> Statistics:
        """What the legs count before they search; see `ShardApi`."""
        async with self._search_at(query, fields) as (searches, asked, _):
            return await searches.statistics(asked, evidence)

    async def candidates(self, query: str, evidence: Evidence, **fields: Unpack[SearchFields]) -> Found:
        """What the indexes find here; see `ShardApi`."""
        async with self._search_at(query, fields) as (searches, asked, _):
            return await searches.candidates(asked, evidence)

    async def rerank(self, query: str, texts: Sequence[str], **fields: Unpack[CallFields]) -> list[float]:
        """How well texts answer; see `ShardApi`."""
        call, reranker = read_call(fields), self._parts.reranker
        if reranker is None:
            raise Unavailable("no reranker is set", {"setting": "rerank.model"})
        async with self._parts.door.reading(call, results_load(len(texts))):
            return await reranker.score(query, texts)

    async def count_tokens(self, texts: Sequence[str], **fields: Unpack[CallFields]) -> list[int]:
        """How long texts are; see `ShardApi`."""
        call = read_call(fields)
        async with self._parts.door.reading(call, results_load(len(texts))):
            return await self._parts.models.count_tokens(texts)

    @asynccontextmanager
    async def _search_at(
        self, query: str, fields: Mapping[str, Any], *, waited: bool = False
    ) -> AsyncIterator[tuple[SearchPath, SearchRequest, int]]:
        parts = self._parts
        request = requests.parse_search(query, fields, parts.limits, parts.settings.search)
        reading = parts.door.reading(request.call, search_load(request), waited=waited)
        async with reading, parts.moments.search_at(request) as found:
            yield found
