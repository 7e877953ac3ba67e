"""The verbs as calls by name: what every handle over an orchestrator has in common. Whom they reach is its own."""

from __future__ import annotations

import builtins
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from engine.api import (
    AddFields,
    AliasFields,
    CallFields,
    CommunitiesFields,
    ContextFields,
    DeleteAllFields,
    ExportFields,
    FeedbackFields,
    GetFields,
    GraphEntitiesFields,
    ListFields,
    MemoryApi,
    NeighboursFields,
    OperationsFields,
    PageFields,
    PathFields,
    PreviewFields,
    PurgeFields,
    RebuildFields,
    ReinferFields,
    RetryFields,
    SearchFields,
    UpdateFields,
    VerifyFields,
    WriteFields,
)
from engine.ids import made_up_key
from engine.ledger_port import FeedbackPage, ScopeCount
from engine.shard_api import Evidence, Found, Keys, ShardApi, Statistics
from engine.types import Json, JsonList, MemoryVersion

MEMORY_VERBS = frozenset(
    {
        "add",
        "search",
        "context",
        "get",
        "list",
        "update",
        "delete",
        "delete_all",
        "history",
        "rate",
        "feedback",
        "make_export",
        "export",
        "entities",
        "embed",
        "ranking",
        "set_ranking",
        "preview",
        "inference",
        "set_inference",
        "operation",
        "add_batch",
        "search_batch",
        "graph_entities",
        "neighbours",
        "path",
        "communities",
        "merge_entities",
        "split_entity",
        "operations",
        "retry",
        "purge",
        "reinfer",
        "verify",
        "rebuild",
    }
)
"""What everybody may call; `status` is apart, since it answers also while nothing else does."""

SHARD_VERBS = MEMORY_VERBS | {
    "evidence",
    "statistics",
    "candidates",
    "keys",
    "facts",
    "versions",
    "count_tokens",
    "rerank",
    "get_many",
    "mentioned",
    "beside",
    "links",
    "scopes",
    "ratings",
    "claim",
    "delete_part",
    "purge_part",
    "erased_keys",
    "forget",
    "status",
}
"""What orchestrators may ask of each other's own shard."""

CHANGING_VERBS = frozenset(
    {
        "add",
        "add_batch",
        "update",
        "delete",
        "delete_all",
        "purge",
        "retry",
        "reinfer",
        "rebuild",
        "set_ranking",
        "set_inference",
        "rate",
        "make_export",
        "claim",
        "delete_part",
        "purge_part",
        "forget",
    }
)
"""Those that leave some places to the others."""

SHARD_PREFIX = "shard."
"""In front of a verb between orchestrators: of that shard alone."""


def named(fields: Mapping[str, Any]) -> Json:
    """The fields of a write with an idempotency key, so that it may be sent twice: the caller's, or one made up.

    One that was given as `operation_id` is that key. An empty one is left to the engine, which refuses it.
    """
    given = (fields.get("idempotency_key"), fields.get("operation_id"))
    key = next((one for one in given if one is not None), None)
    return {**fields, "idempotency_key": made_up_key(uuid.uuid4().bytes) if key is None else key}


def keyed(items: Any) -> Any:
    """A batch's items, each with a key of its own. What isn't an item stays as it is: the engine refuses it."""
    if not isinstance(items, Sequence) or isinstance(items, str | bytes):
        return items
    return [_keyed(item) for item in items]


def _keyed(item: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    return named(item)


class MemoryVerbs(MemoryApi, ABC):
    """The users' verbs, each one call by its name."""

    @abstractmethod
    async def _read(self, verb: str, args: tuple[Any, ...], fields: Json) -> Any:
        """The answer; the call may be done twice."""

    async def _write(self, verb: str, args: tuple[Any, ...], fields: Json) -> Any:
        """The same for a call that changes something."""
        return await self._read(verb, args, fields)

    async def add(self, messages: str | Json | Sequence[Json], **fields: Unpack[AddFields]) -> Json:
        answer: Json = await self._write("add", (messages,), {**fields})
        return answer

    async def update(self, memory_id: str, **fields: Unpack[UpdateFields]) -> Json:
        answer: Json = await self._write("update", (memory_id,), {**fields})
        return answer

    async def delete(self, memory_id: str, **fields: Unpack[WriteFields]) -> Json:
        answer: Json = await self._write("delete", (memory_id,), {**fields})
        return answer

    async def delete_all(self, **fields: Unpack[DeleteAllFields]) -> Json:
        answer: Json = await self._write("delete_all", (), {**fields})
        return answer

    async def search(self, query: str, **fields: Unpack[SearchFields]) -> Json:
        answer: Json = await self._read("search", (query,), {**fields})
        return answer

    async def context(self, query: str, **fields: Unpack[ContextFields]) -> Json:
        answer: Json = await self._read("context", (query,), {**fields})
        return answer

    async def get(self, memory_id: str, **fields: Unpack[GetFields]) -> Json:
        answer: Json = await self._read("get", (memory_id,), {**fields})
        return answer

    async def list(self, **fields: Unpack[ListFields]) -> Json:
        answer: Json = await self._read("list", (), {**fields})
        return answer

    async def history(self, memory_id: str, **fields: Unpack[CallFields]) -> JsonList:
        answer: JsonList = await self._read("history", (memory_id,), {**fields})
        return answer

    async def entities(self, **fields: Unpack[PageFields]) -> Json:
        answer: Json = await self._read("entities", (), {**fields})
        return answer

    async def add_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        answer: JsonList = await self._read("add_batch", (keyed(items),), {**fields})
        return answer

    async def search_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        answer: JsonList = await self._read("search_batch", (items,), {**fields})
        return answer

    async def graph_entities(self, **fields: Unpack[GraphEntitiesFields]) -> Json:
        answer: Json = await self._read("graph_entities", (), {**fields})
        return answer

    async def neighbours(self, entity: str, **fields: Unpack[NeighboursFields]) -> Json:
        answer: Json = await self._read("neighbours", (entity,), {**fields})
        return answer

    async def path(self, source: str, target: str, **fields: Unpack[PathFields]) -> Json:
        answer: Json = await self._read("path", (source, target), {**fields})
        return answer

    async def merge_entities(self, name: str, into: str, **fields: Unpack[AliasFields]) -> Json:
        # Twice is harmless: the same again changes nothing.
        answer: Json = await self._read("merge_entities", (name, into), {**fields})
        return answer

    async def split_entity(self, name: str, **fields: Unpack[AliasFields]) -> Json:
        answer: Json = await self._read("split_entity", (name,), {**fields})
        return answer

    async def communities(self, **fields: Unpack[CommunitiesFields]) -> Json:
        answer: Json = await self._read("communities", (), {**fields})
        return answer

    async def embed(self, texts: Sequence[str], **fields: Unpack[CallFields]) -> Json:
        answer: Json = await self._read("embed", (texts,), {**fields})
        return answer

    async def ranking(self, **fields: Unpack[CallFields]) -> Json:
        answer: Json = await self._read("ranking", (), {**fields})
        return answer

    async def set_ranking(self, weights: Json | None, **fields: Unpack[CallFields]) -> Json:
        # Twice is harmless: the second sets what is set already.
        answer: Json = await self._read("set_ranking", (weights,), {**fields})
        return answer

    async def preview(self, messages: str | Json | Sequence[Json], **fields: Unpack[PreviewFields]) -> Json:
        answer: Json = await self._read("preview", (messages,), {**fields})
        return answer

    async def inference(self, **fields: Unpack[CallFields]) -> Json:
        answer: Json = await self._read("inference", (), {**fields})
        return answer

    async def rate(
        self, memory_id: str, feedback: str | None, reason: str | None = None, **fields: Unpack[CallFields]
    ) -> Json:
        # Twice is harmless, as with `set_ranking`.
        answer: Json = await self._read("rate", (memory_id, feedback, reason), {**fields})
        return answer

    async def make_export(self, schema: Any, **fields: Unpack[ExportFields]) -> Json:
        # Twice is harmless: there are two of the same.
        answer: Json = await self._read("make_export", (schema,), {**fields})
        return answer

    async def export(self, export_id: str | None = None, **fields: Unpack[ExportFields]) -> Json:
        answer: Json = await self._read("export", (export_id,), {**fields})
        return answer

    async def feedback(self, **fields: Unpack[FeedbackFields]) -> Json:
        answer: Json = await self._read("feedback", (), {**fields})
        return answer

    async def set_inference(self, inference: Json | None, **fields: Unpack[CallFields]) -> Json:
        # Twice is harmless, as with `set_ranking`.
        answer: Json = await self._read("set_inference", (inference,), {**fields})
        return answer

    async def operation(self, operation_id: str, **fields: Unpack[CallFields]) -> Json:
        answer: Json = await self._read("operation", (operation_id,), {**fields})
        return answer

    async def operations(self, **fields: Unpack[OperationsFields]) -> Json:
        answer: Json = await self._read("operations", (), {**fields})
        return answer

    async def retry(self, operation_id: str, **fields: Unpack[RetryFields]) -> Json:
        # Twice is harmless: what is open or done is left alone.
        answer: Json = await self._read("retry", (operation_id,), {**fields})
        return answer

    async def purge(self, **fields: Unpack[PurgeFields]) -> Json:
        answer: Json = await self._write("purge", (), {**fields})
        return answer

    async def reinfer(self, **fields: Unpack[ReinferFields]) -> Json:
        # Twice is harmless: what is under way is joined, and what has been applied is the same then.
        answer: Json = await self._read("reinfer", (), {**fields})
        return answer

    async def verify(self, **fields: Unpack[VerifyFields]) -> Json:
        answer: Json = await self._read("verify", (), {**fields})
        return answer

    async def rebuild(self, index: str, **fields: Unpack[RebuildFields]) -> Json:
        answer: Json = await self._read("rebuild", (index,), {**fields})
        return answer


class ShardVerbs(MemoryVerbs, ShardApi):
    """One shard's verbs, each one call by its name."""

    async def evidence(self, query: str, **fields: Unpack[SearchFields]) -> Evidence:
        answer: Evidence = await self._read("evidence", (query,), {**fields})
        return answer

    async def statistics(self, query: str, evidence: Evidence, **fields: Unpack[SearchFields]) -> Statistics:
        answer: Statistics = await self._read("statistics", (query, evidence), {**fields})
        return answer

    async def candidates(self, query: str, evidence: Evidence, **fields: Unpack[SearchFields]) -> Found:
        answer: Found = await self._read("candidates", (query, evidence), {**fields})
        return answer

    async def keys(self, limit: int, **fields: Unpack[ListFields]) -> Keys:
        answer: Keys = await self._read("keys", (limit,), {**fields})
        return answer

    async def versions(
        self, memory_ids: Sequence[str], **fields: Unpack[GetFields]
    ) -> builtins.list[MemoryVersion | None]:
        answer: builtins.list[MemoryVersion | None] = await self._read("versions", (memory_ids,), {**fields})
        return answer

    async def facts(
        self, memory_ids: Sequence[str], **fields: Unpack[GetFields]
    ) -> dict[str, tuple[MemoryVersion, ...]]:
        answer: dict[str, tuple[MemoryVersion, ...]] = await self._read("facts", (memory_ids,), {**fields})
        return answer

    async def rerank(self, query: str, texts: Sequence[str], **fields: Unpack[CallFields]) -> builtins.list[float]:
        answer: builtins.list[float] = await self._read("rerank", (query, texts), {**fields})
        return answer

    async def count_tokens(self, texts: Sequence[str], **fields: Unpack[CallFields]) -> builtins.list[int]:
        answer: builtins.list[int] = await self._read("count_tokens", (texts,), {**fields})
        return answer

    async def get_many(self, memory_ids: Sequence[str], **fields: Unpack[GetFields]) -> list[Json | None]:
        answer: list[Json | None] = await self._read("get_many", (memory_ids,), {**fields})
        return answer

    async def mentioned(self, **fields: Unpack[GraphEntitiesFields]) -> JsonList:
        answer: JsonList = await self._read("mentioned", (), {**fields})
        return answer

    async def beside(self, keys: Sequence[str], **fields: Unpack[GraphEntitiesFields]) -> list[tuple[str, ...]]:
        answer: list[tuple[str, ...]] = await self._read("beside", (keys,), {**fields})
        return answer

    async def links(self, **fields: Unpack[CommunitiesFields]) -> Json:
        answer: Json = await self._read("links", (), {**fields})
        return answer

    async def ratings(self, **fields: Unpack[FeedbackFields]) -> FeedbackPage:
        answer: FeedbackPage = await self._read("ratings", (), {**fields})
        return answer

    async def scopes(self, **fields: Unpack[CallFields]) -> list[ScopeCount]:
        answer: list[ScopeCount] = await self._read("scopes", (), {**fields})
        return answer

    async def claim(self, digest: str, **fields: Unpack[WriteFields]) -> str:
        answer: str = await self._read("claim", (digest,), {**fields})
        return answer

    async def delete_part(self, part_id: str, parts: int, wait: bool, **fields: Unpack[DeleteAllFields]) -> Json:
        answer: Json = await self._read("delete_part", (part_id, parts, wait), {**fields})
        return answer

    async def purge_part(self, part_id: str, parts: int, wait: bool, **fields: Unpack[PurgeFields]) -> Json:
        answer: Json = await self._read("purge_part", (part_id, parts, wait), {**fields})
        return answer

    async def erased_keys(self, operation_id: str, **fields: Unpack[CallFields]) -> builtins.list[str]:
        answer: builtins.list[str] = await self._read("erased_keys", (operation_id,), {**fields})
        return answer

    async def forget(self, keys: Sequence[str], **fields: Unpack[CallFields]) -> None:
        await self._read("forget", (keys,), {**fields})

    async def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = await self._read("status", (), {})
        return answer
