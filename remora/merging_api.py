"""HTTP for many callers at once: their adds and searches travel together in bulk calls."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

from remora.bulk import Merger
from remora.errors import DeadlineExceeded, Unavailable
from remora.http_api import HttpApi
from remora.http_requests import encoded, header_key
from remora.operation_keys import key_of

if TYPE_CHECKING:
    import httpx

    from engine.api import AddFields, SearchFields

Json: TypeAlias = dict[str, Any]


class MergingHttpApi(HttpApi):
    """An `HttpApi` whose concurrent `add` and `search` calls share bulk calls; a lone one is sent as it is."""

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout_s: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(url, api_key, timeout_s=timeout_s, transport=transport)
        self._adds = Merger(self._add_one, self.add_batch)
        self._searches = Merger(self._search_one, self.search_batch)

    async def add(self, messages: str | Json | Sequence[Json], **fields: Unpack[AddFields]) -> Json:
        """See `MemoryApi.add`."""
        item: Json = {"messages": messages, **fields}
        given = key_of(item.pop("idempotency_key", None), item.pop("operation_id", None))
        key = item["idempotency_key"] = uuid.uuid4().hex if given is None else header_key(given)
        try:
            return await self._merged(self._adds, item)
        except (DeadlineExceeded, Unavailable) as error:
            raise Unavailable(error.message, {**error.details, "idempotency_key": key}, error.request_id) from error

    async def search(self, query: str, **fields: Unpack[SearchFields]) -> Json:
        """See `MemoryApi.search`. One that waits for a write goes alone: the others shouldn't wait with it."""
        if fields.get("min_position") is not None:
            return await super().search(query, **fields)
        return await self._merged(self._searches, {"query": query, **fields})

    async def aclose(self) -> None:
        """Close the connections; calls that are under way fail."""
        await self._adds.close()
        await self._searches.close()
        await super().aclose()

    async def _merged(self, merger: Merger, item: Json) -> Json:
        self.check(item)
        # Encoded here already: what can't be sent fails its own caller and not all that share the call, and what the
        # caller changes while it waits isn't sent.
        said = encoded(item)
        return await merger.call(json.loads(said), len(said), self.patience_s(item.get("deadline_s")))

    async def _add_one(self, item: Json) -> Json:
        return await super().add(**item)

    async def _search_one(self, item: Json) -> Json:
        return await super().search(**item)
