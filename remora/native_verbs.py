"""Remora's own verbs, which Mem0 doesn't have, with Remora's answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from remora.connection import Connection, Json, JsonList


def given(**fields: Any) -> Any:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


class NativeVerbs(Connection):
    """Pages, batches, operations, the graph and the runtime's state."""

    async def list(
        self,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        filters: Json | None = None,
        page: int = 1,
        page_size: int = 100,
        deadline_s: float | None = None,
    ) -> Json:
        """A page of memories, newest first: `{count, page, page_size, results}`. `page` counts from 1."""
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        fields = given(filters=filters, page=page, page_size=page_size, deadline_s=deadline_s)
        return await self._ask(lambda api: api.list(**scope, **fields))

    async def entities(self, *, page: int = 1, page_size: int = 100, deadline_s: float | None = None) -> Json:
        """Who has memories: `{count, page, page_size, total_users, …, results: [{id, type, total_memories, …}]}`."""
        fields = given(page=page, page_size=page_size, deadline_s=deadline_s)
        return await self._ask(lambda api: api.entities(**fields))

    async def operation(self, operation_id: str, *, deadline_s: float | None = None) -> Json:
        """How far an accepted write has come: `{id, event_type, status, results, error, …}`.

        `status` is PENDING, RUNNING, SUCCEEDED or FAILED. Raises NotFound.
        """
        return await self._ask(lambda api: api.operation(operation_id, **given(deadline_s=deadline_s)))

    async def add_batch(self, items: Sequence[Json], *, deadline_s: float | None = None) -> JsonList:
        """Many adds at once, at most 1,000: `[{"messages": …, "user_id": …}, …]`, each with the fields of `add`.

        Answers per item, in order, what `add` would or `{"error": {"code", "message", "details"}}`.
        """
        return await self._ask(lambda api: api.add_batch(items, **given(deadline_s=deadline_s)))

    async def search_batch(self, items: Sequence[Json], *, deadline_s: float | None = None) -> JsonList:
        """Many searches at once, at most 1,000: `[{"query": …, "user_id": …}, …]`, each with the fields of `search`.

        Answers per item, in order, what `search` would or `{"error": {"code", "message", "details"}}`.
        """
        return await self._ask(lambda api: api.search_batch(items, **given(deadline_s=deadline_s)))

    async def graph_entities(
        self,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        name: str | None = None,
        page: int = 1,
        page_size: int = 100,
        deadline_s: float | None = None,
    ) -> Json:
        """What the memories of a scope mention, most mentioned first: `{count, results: [{name, type, memories}]}`.

        `name`: only those whose name contains it.
        """
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        fields = given(name=name, page=page, page_size=page_size, deadline_s=deadline_s)
        return await self._ask(lambda api: api.graph_entities(**scope, **fields))

    async def neighbours(
        self,
        entity: str,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        limit: int | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """What surrounds an entity: `{entity, relations, entities, memories}`. Raises NotFound."""
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        fields = given(limit=limit, deadline_s=deadline_s)
        return await self._ask(lambda api: api.neighbours(entity, **scope, **fields))

    async def path(
        self,
        source: str,
        target: str,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        most_steps: int | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """The shortest way from one entity to another: `{found, length, entities, steps}`. Raises NotFound."""
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        fields = given(most_steps=most_steps, deadline_s=deadline_s)
        return await self._ask(lambda api: api.path(source, target, **scope, **fields))

    async def status(self) -> Json:
        """What runs, and how far it is: `{state, ready, version, extractor, shards, actors}`."""
        return await self._ask(lambda api: api.status())
