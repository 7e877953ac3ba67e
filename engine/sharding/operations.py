"""Operations of all shards: one as it stands, a page of them, and one to be carried out again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from engine.api import CallFields, OperationsFields, RetryFields
from engine.config import LimitSettings
from engine.errors import NotFound
from engine.requests import OperationsRequest
from engine.shard_api import ShardApi
from engine.sharding import merging, routing
from engine.sharding.asking import Until, every, or_none
from engine.sharding.everywhere import part_ids
from engine.types import Json


class OperationsOverShards:
    """Looks operations up in the shards that have them.

    Args:
        shards: all of them.
        limits: how long a shard's page may be.
    """

    def __init__(self, shards: Sequence[ShardApi], limits: LimitSettings) -> None:
        self._shards = shards
        self._count = len(shards)
        self._limits = limits

    async def one(self, operation_id: str | None, name: str, fields: CallFields) -> Json:
        """By its id, or by the name that its caller gave it; see `MemoryApi.operation`."""
        found = None if operation_id is None else await or_none(self._at_home(operation_id, fields), NotFound)
        return await self._whole(found or await self._named(name, fields), fields)

    async def retry(self, operation_id: str, fields: RetryFields, until: Until) -> tuple[str, Json]:
        """The operation's kind, and what `MemoryApi.retry` answers. Over shards, its failed parts are done again."""
        call = _call_of(fields)
        found = await self._at_home(operation_id, call)
        fields["deadline_s"] = until.left()
        if not found.get("parts"):
            shard = routing.shard_in(operation_id, self._count)
            answer = await self._shards[shard].retry(operation_id, **fields)
            return found["event_type"], routing.placed(answer, shard, self._count)
        parts = part_ids(operation_id, self._count)
        answers = await every(self._shards[shard].retry(one, **fields) for shard, one in enumerate(parts))
        return found["event_type"], merging.whole_answer(operation_id, answers)

    async def page(self, request: OperationsRequest, shards: Sequence[ShardApi], until: Until) -> Json:
        """See `MemoryApi.operations`: those of `shards`, merged by the time of acceptance."""
        first = (request.page - 1) * request.page_size
        beyond = first + request.page_size
        streams = [_Stream(shard, request, until, min(beyond, self._limits.page_size)) for shard in shards]
        await every(stream.fill() for stream in streams)
        count = sum(stream.count for stream in streams)
        shown = await _between(streams, first, beyond) if first < count else []
        call: CallFields = {"project": request.call.project, "deadline_s": until.left()}
        return {
            "count": count,
            "page": request.page,
            "page_size": request.page_size,
            "results": await every(self._whole(one, call) for one in shown),
        }

    async def _at_home(self, operation_id: str, fields: CallFields) -> Json:
        return await self._shards[routing.shard_in(operation_id, self._count)].operation(operation_id, **fields)

    async def _named(self, name: str, fields: CallFields) -> Json:
        """A name doesn't tell its shard. A deletion over all of them is known by its id only."""
        asked = [shard.operation(name, **fields) for shard in self._shards]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        for outcome in outcomes:
            if not isinstance(outcome, BaseException):
                return outcome
        failures = [one for one in outcomes if isinstance(one, BaseException)]
        raise next((one for one in failures if not isinstance(one, NotFound)), failures[0])

    async def _whole(self, found: Json, fields: CallFields) -> Json:
        """An operation with what its parts in other shards say."""
        if not found.pop("parts", 0):
            return found
        home = routing.shard_in(found["id"], self._count)
        of = part_ids(found["id"], self._count)
        others = [shard for shard in range(self._count) if shard != home]
        parts = await every(self._shards[shard].operation(of[shard], **fields) for shard in others)
        return merging.whole_operation(found, parts)


class _Stream:
    """The operations of one shard, newest first, a page at a time."""

    def __init__(self, shard: ShardApi, request: OperationsRequest, until: Until, size: int) -> None:
        self._shard = shard
        self._request = request
        self._until = until
        self._size = size
        self._page = 0
        self.count = 0
        self.rows: deque[Json] = deque()

    async def fill(self) -> None:
        """Get the next page."""
        self._page += 1
        call, scope = self._request.call, self._request.scope
        fields: OperationsFields = {
            "project": call.project,
            "deadline_s": self._until.left(),
            "state": self._request.state,
            "page": self._page,
            "page_size": self._size,
        }
        for name, value in (scope.ids() if scope is not None else {}).items():
            fields[name] = value
        answer = await self._shard.operations(**fields)
        self.count = answer["count"]
        self.rows.extend(answer["results"])

    @property
    def newest(self) -> tuple[str, str]:
        return self.rows[0]["created_at"], self.rows[0]["id"]


async def _between(streams: Sequence[_Stream], first: int, beyond: int) -> list[Json]:
    """The operations from one place to another in all streams together."""
    shown = []
    for place in range(beyond):
        stream = max((one for one in streams if one.rows), key=lambda one: one.newest, default=None)
        if stream is None:
            break
        row = stream.rows.popleft()
        if place >= first:
            shown.append(row)
        if not stream.rows and place + 1 < beyond:
            await stream.fill()
    return shown


def _call_of(fields: RetryFields) -> CallFields:
    call: CallFields = {}
    if "project" in fields:
        call["project"] = fields["project"]
    if "deadline_s" in fields:
        call["deadline_s"] = fields["deadline_s"]
    return call
