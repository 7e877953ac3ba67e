"""Memories of Mem0's platform, or of any server that speaks as it does: all entities, then the pages of each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from remora.errors import Forbidden, RemoraError, Unauthorized, Unavailable
from remora.http_calls import HttpCalls
from remora.migration.records import Row
from remora.patience import patiently

_ENTITIES_AT_ONCE = 100
_MEMORIES_AT_ONCE = 100
_MOST_PAGES = 100_000
_PATIENCE_S = 600.0
"""How long a page is asked for again: a platform lets one wait for a minute and more."""
_FIRST_PATIENCE_S = 3.0
"""The same of the very first: nobody is there, more likely than away for a moment."""
_FIELDS = {"user": "user_id", "agent": "agent_id", "app": "app_id", "run": "run_id"}


class Mem0Server(HttpCalls):
    """Mem0's wire API at `url`; see `HttpCalls` for the arguments. Only reads."""

    _reached = False

    async def rows(self) -> AsyncIterator[Row]:
        """Every memory once, in the order in which they come.

        Raises:
            RemoraError: the server refuses, or can't be reached for too long.
        """
        seen: set[object] = set()
        number = 0
        async for name, entity in self._entities():
            async for memory in self._pages("POST", "/v3/memories/", _MEMORIES_AT_ONCE, {"filters": {name: entity}}):
                known = memory.get("id") if isinstance(memory, dict) else None
                if known is not None and known in seen:
                    continue
                seen.add(known)
                number += 1
                yield Row(number, memory)

    async def _entities(self) -> AsyncIterator[tuple[str, str]]:
        async for one in self._pages("GET", "/v1/entities/", _ENTITIES_AT_ONCE, None):
            entity = one.get("name") or one.get("id") if isinstance(one, dict) else None
            if not isinstance(entity, str) or one.get("type") not in _FIELDS:
                raise RemoraError(f"{self.url} lists an entity that is none: {str(one)[:200]}")
            yield _FIELDS[one["type"]], entity

    async def _pages(self, method: str, path: str, size: int, body: Any) -> AsyncIterator[Any]:
        """All that the pages of a list hold; a list that doesn't come to an end is given up."""
        seen = 0
        for page in range(1, _MOST_PAGES + 1):
            params = {"page": str(page), "page_size": str(size)}
            answer = await self._page(method, path, params, body)
            # Older servers answer a bare list, which is all there is.
            rows = answer if isinstance(answer, list) else answer.get("results")
            if not isinstance(rows, list):
                raise RemoraError(f"{self.url}{path} answers no list")
            for row in rows:
                yield row
            seen += len(rows)
            if not rows or isinstance(answer, list) or not _goes_on(answer, seen):
                return
        raise RemoraError(f"{self.url}{path} has more than {_MOST_PAGES} pages")

    async def _page(self, method: str, path: str, params: dict[str, str], body: Any) -> Any:
        async def ask() -> Any:
            return await self._send(method, path, {}, params=params, body=body, expects=(dict, list))

        try:
            answer = await patiently(ask, most_s=_PATIENCE_S if self._reached else _FIRST_PATIENCE_S)
        except (Unauthorized, Forbidden) as error:
            said = f"{self.url} refuses the key: {error.message}. `remora import --mem0-key KEY`, or MEM0_API_KEY"
            raise type(error)(said, error.details, error.request_id) from error
        except Unavailable as error:
            said = f"Mem0 can't be read: {error.message.partition(';')[0]}. `remora import --mem0-url` says where it is"
            raise Unavailable(said, error.details, error.request_id) from error
        self._reached = True
        return answer


def _goes_on(answer: dict[str, Any], seen: int) -> bool:
    """Whether a page has a next one; those that name none tell how many rows there are."""
    if "next" in answer:
        return answer["next"] is not None
    count = answer.get("count")
    return isinstance(count, int) and seen < count
