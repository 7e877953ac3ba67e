"""How many memories a project may hold: held before whatever adds, at every door of a process that answers HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from engine.api import MemoryApi
from engine.errors import TooLarge
from engine.types import DEFAULT_PROJECT, SCOPE_FIELDS, Json, JsonList

OF_OTHERS: Final = "*"
"""The name of the quota of all projects that have none of their own."""
_COUNTED_S: Final = 60.0
_COUNTED_AGAIN_S: Final = 5.0
_EVERYBODY: Final[Json] = {"OR": [{name: "*"} for name in SCOPE_FIELDS]}


def within_quotas(api: MemoryApi, quotas: Mapping[str, int], clock: Callable[[], float]) -> MemoryApi:
    """The same memory system, which takes no more memories than projects may hold.

    A count is up to a minute old, five seconds where it would refuse; what was added through here since is added to it.
    So a project may come to hold more by what other processes add in the meantime, and by facts that a language model
    makes of what was let in.

    Args:
        api: any.
        quotas: live memories, by project, `OF_OTHERS` for the rest; empty: none has one.
        clock: seconds.
    """
    return cast(MemoryApi, _Within(api, quotas, clock)) if quotas else api


class _Count:
    """What is known of a project's memories."""

    def __init__(self, memories: int, at_s: float) -> None:
        self.memories = memories
        self.at_s = at_s


class _Within:
    """Every verb as it is, but for those that add."""

    def __init__(self, api: MemoryApi, quotas: Mapping[str, int], clock: Callable[[], float]) -> None:
        self._api = api
        self._quotas = quotas
        self._clock = clock
        self._counts: dict[str, _Count] = {}

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._api, verb)

    async def add(self, messages: Any, **fields: Any) -> Json:
        """As `MemoryApi.add`.

        Raises:
            TooLarge: the project would hold more than it may.
        """
        project = _project(fields)
        await self._admit(project, _messages(messages))
        answer = await self._api.add(messages, **fields)
        self._added(project, answer)
        return answer

    async def add_batch(self, items: Sequence[Json], **fields: Any) -> JsonList:
        """As `MemoryApi.add_batch`; all or none are let in.

        Raises:
            TooLarge: a project would hold more than it may.
        """
        wanted: dict[str, int] = {}
        for item in items if isinstance(items, list | tuple) else ():
            if isinstance(item, Mapping):
                project = _project({**fields, **item})
                wanted[project] = wanted.get(project, 0) + _messages(item.get("messages"))
        for project, count in wanted.items():
            await self._admit(project, count)
        answers = await self._api.add_batch(items, **fields)
        for project in wanted:
            self._counts.pop(project, None)
        return answers

    async def _admit(self, project: str, count: int) -> None:
        quota = self._quotas.get(project, self._quotas.get(OF_OTHERS))
        if quota is None:
            return
        known = await self._counted(project, _COUNTED_S)
        if known.memories + count > quota:
            known = await self._counted(project, _COUNTED_AGAIN_S)
        if known.memories + count > quota:
            raise TooLarge(
                f"this project has {known.memories} memories and may hold {quota}. Nothing was kept: delete some, or "
                "have its quota raised (access.quotas)",
                {"setting": "access.quotas", "limit": quota, "memories": known.memories},
            )

    async def _counted(self, project: str, no_older_s: float) -> _Count:
        now_s = self._clock()
        known = self._counts.get(project)
        if known is None or now_s - known.at_s > no_older_s:
            page = await self._api.list(
                filters=_EVERYBODY, project=project, page_size=1, include_messages=True, include_expired=True
            )
            known = self._counts[project] = _Count(page["count"], now_s)
        return known

    def _added(self, project: str, answer: Json) -> None:
        if project in self._counts:
            self._counts[project].memories += sum(row.get("event") == "ADD" for row in answer.get("results") or ())


def _project(fields: Mapping[str, Any]) -> str:
    return str(fields.get("project") or DEFAULT_PROJECT)


def _messages(messages: Any) -> int:
    return len(messages) if isinstance(messages, list | tuple) else 1
