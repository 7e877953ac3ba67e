"""Adds of a scope one after the other, in the order in which they came, a stretch of them a call.

A call may end before the language model has answered. What it has begun goes on, and the next call for the same takes
it up.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from engine.concurrency import TaskSet
from engine.errors import Overloaded
from engine.filters import matches, required_scope
from engine.ledger_port import Ledger, Operation
from engine.reinference.reinference import Reinference
from engine.reinference.said import is_verbatim, rows_of
from engine.reinference.shown import totals_of, usage_of
from engine.requests import ReinferRequest
from engine.types import Json, JsonList, MemoryVersion, Scope

_PAGE: Final = 20
"""Adds in memory at once."""
_SHARE: Final = 0.8
"""Of the caller's time is for the model; in the rest the answer is sent."""
_ROOM: Final = 64
"""So many adds are read at once, or have been for callers that went away."""
_KEPT_S: Final = 60.0
"""How long what came of one is kept for a caller that went away."""


@dataclass(slots=True)
class _Begun:
    """An add that is read. `until_s`: it counts up to then, on the loop's clock; None: it goes on."""

    task: asyncio.Task[Json]
    until_s: float | None = None


class Stretches:
    """Those of a shard. `close` ends what is under way.

    Args:
        ledger: knows the adds.
        reinference: reads each.
    """

    def __init__(self, ledger: Ledger, reinference: Reinference) -> None:
        self._ledger = ledger
        self._reinference = reinference
        self._begun: dict[str, _Begun] = {}
        self._tasks = TaskSet()

    async def close(self) -> None:
        """End what is under way; what was accepted takes effect."""
        await self._tasks.close()

    async def read(self, request: ReinferRequest, deadline_s: float) -> Json:
        """The next stretch; see `MemoryApi.reinfer`.

        Raises:
            Overloaded: too many are being read.
        """
        until_s = _now_s() + _SHARE * deadline_s
        shown: JsonList = []
        after, more = request.after, True
        while more and len(shown) < request.limit and (_now_s() < until_s or after == request.after):
            page = await self._page(request, after)
            meant = await self._meant(request, page)
            for add in page:
                if add.id in meant:
                    one = await self._joined(add, request, until_s)
                    if one is None:
                        return _answer(request, shown, str(after), under_way=1)
                    shown.append(one)
                after = add.seq
                if len(shown) == request.limit or _now_s() >= until_s:
                    break
            more = len(page) == _PAGE or after != (page[-1].seq if page else after)
        return _answer(request, shown, str(after) if more else None)

    async def _page(self, request: ReinferRequest, after: int) -> list[Operation]:
        demanded = required_scope(request.filter)
        scope = Scope() if demanded is None else Scope(**{demanded[0]: demanded[1]})
        return await self._ledger.adds(request.call.project, scope, after, _PAGE)

    async def _meant(self, request: ReinferRequest, adds: Collection[Operation]) -> set[str]:
        """Those of which a message is there still and selected, and that were read for facts, or may be."""
        project = request.call.project
        wanted = list(dict.fromkeys(row["id"] for add in adds for row in rows_of(add)))
        live = {one.memory_id: one for one in await self._ledger.get(project, wanted) if one is not None}
        read = set() if request.include_verbatim else set(await self._ledger.facts_of(project, list(live)))
        return {add.id for add in adds if _is_meant(add, request, live, read)}

    async def _joined(self, add: Operation, request: ReinferRequest, until_s: float) -> Json | None:
        """What came of an add; None: not before the time is over, and it goes on."""
        key = json.dumps([add.id, request.apply, request.wishes], sort_keys=True)
        self._forget()
        begun = self._begun.get(key)
        if begun is None:
            begun = self._begin(key, add, request)
        await asyncio.wait({begun.task}, timeout=max(until_s - _now_s(), 0.0))
        if not begun.task.done():
            return None
        self._begun.pop(key, None)
        return begun.task.result()

    def _begin(self, key: str, add: Operation, request: ReinferRequest) -> _Begun:
        if len(self._begun) >= _ROOM:
            raise Overloaded("too many messages are being read anew", {"retry_after_s": 1})
        work = self._reinference.read(add, request.wishes, apply=request.apply)
        begun = _Begun(self._tasks.start(work, name=f"new facts of {add.id}"))

        def over(_: asyncio.Task[Json]) -> None:
            begun.until_s = _now_s() + _KEPT_S

        begun.task.add_done_callback(over)
        self._begun[key] = begun
        return begun

    def _forget(self) -> None:
        now_s = _now_s()
        for key, one in [*self._begun.items()]:
            if one.until_s is not None and one.until_s < now_s:
                del self._begun[key]


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _is_meant(
    add: Operation, request: ReinferRequest, live: Mapping[str, MemoryVersion], read: Collection[str]
) -> bool:
    messages = [live[row["id"]] for row in rows_of(add) if row["id"] in live]
    if not any(matches(request.filter, one) for one in messages):
        return False
    return request.include_verbatim or not is_verbatim(add) or any(one.memory_id in read for one in messages)


def _answer(request: ReinferRequest, shown: JsonList, following: str | None, *, under_way: int = 0) -> Json:
    return {
        "applied": request.apply,
        "conversations": shown,
        "totals": totals_of(shown),
        "usage": usage_of(shown),
        "under_way": under_way,
        "problems": [],
        "next": following,
    }
