"""A running Remora over HTTP: the verbs of `engine.api.MemoryApi` with their native answers. Knows no other layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack, cast

from remora.errors import InvalidInput
from remora.http_answers import bulk_answers, embedded, page
from remora.http_calls import HttpCalls
from remora.http_requests import keyed, listed, params_of, segment

if TYPE_CHECKING:
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

Json: TypeAlias = dict[str, Any]
JsonList: TypeAlias = list[Json]

_MEMORIES = "/v1/memories/"
_OPERATIONS = "/v1/operations/"
_REBUILD = "/v1/rebuild/"
_RANKING = "/v1/ranking/"
_INFERENCE = "/v1/inference/"


class HttpApi(HttpCalls):
    """The verbs of the server at `url`; see `HttpCalls` for the arguments. Each raises what the server answers."""

    async def add(self, messages: str | Json | Sequence[Json], **fields: Unpack[AddFields]) -> Json:
        """See `MemoryApi.add`."""
        return await self._write("POST", _MEMORIES, {"messages": messages, **fields})

    async def search(self, query: str, **fields: Unpack[SearchFields]) -> Json:
        """See `MemoryApi.search`."""
        return await self._send("POST", f"{_MEMORIES}search/", {**fields}, body={"query": query, **fields})

    async def context(self, query: str, **fields: Unpack[ContextFields]) -> Json:
        """See `MemoryApi.context`."""
        return await self._send("POST", "/v1/context/", {**fields}, body={"query": query, **fields})

    async def get(self, memory_id: str, **fields: Unpack[GetFields]) -> Json:
        """See `MemoryApi.get`."""
        return await self._read(segment(_MEMORIES, memory_id), {**fields})

    async def list(self, **fields: Unpack[ListFields]) -> Json:
        """See `MemoryApi.list`."""
        return page(await self._read(_MEMORIES, {**fields}))

    async def update(self, memory_id: str, **fields: Unpack[UpdateFields]) -> Json:
        """See `MemoryApi.update`."""
        return await self._write("PUT", segment(_MEMORIES, memory_id), {**fields})

    async def delete(self, memory_id: str, **fields: Unpack[WriteFields]) -> Json:
        """See `MemoryApi.delete`."""
        return await self._write("DELETE", segment(_MEMORIES, memory_id), {**fields})

    async def delete_all(self, **fields: Unpack[DeleteAllFields]) -> Json:
        """See `MemoryApi.delete_all`."""
        return await self._write("DELETE", _MEMORIES, {**fields})

    async def history(self, memory_id: str, **fields: Unpack[CallFields]) -> JsonList:
        """See `MemoryApi.history`."""
        return cast(JsonList, await self._read(f"{segment(_MEMORIES, memory_id)}history/", {**fields}, expects=list))

    async def make_export(self, schema: Any, **fields: Unpack[ExportFields]) -> Json:
        """See `MemoryApi.make_export`."""
        answer = await self._send("POST", "/v1/exports/", {**fields}, body={"schema": schema, **fields})
        return {"id": answer["id"]}

    async def export(self, export_id: str | None = None, **fields: Unpack[ExportFields]) -> Json:
        """As `MemoryApi.export`, but over HTTP there is no other answer than the export itself: not to be had here."""
        raise InvalidInput("over HTTP an export is answered as the object itself: POST /v1/exports/get/")

    async def rate(
        self, memory_id: str, feedback: str | None, reason: str | None = None, **fields: Unpack[CallFields]
    ) -> Json:
        """See `MemoryApi.rate`. Sent twice it has one effect."""
        body = {"memory_id": memory_id, "feedback": feedback, "feedback_reason": reason, **fields}
        return await self._send("POST", "/v1/feedback/", {**fields}, body=body)

    async def feedback(self, **fields: Unpack[FeedbackFields]) -> Json:
        """See `MemoryApi.feedback`."""
        return page(await self._read("/v1/feedback/", {**fields}))

    async def entities(self, **fields: Unpack[PageFields]) -> Json:
        """See `MemoryApi.entities`."""
        return page(await self._read("/v1/entities/", {**fields}))

    async def add_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        """See `MemoryApi.add_batch`."""
        safe = [keyed(item) for item in listed(items)]
        body = {"items": safe, **fields}
        return bulk_answers(await self._send("POST", f"{_MEMORIES}bulk/", {**fields}, body=body), len(safe))

    async def search_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        """See `MemoryApi.search_batch`."""
        body = {"items": listed(items), **fields}
        return bulk_answers(await self._send("POST", f"{_MEMORIES}search/bulk/", {**fields}, body=body), len(items))

    async def graph_entities(self, **fields: Unpack[GraphEntitiesFields]) -> Json:
        """See `MemoryApi.graph_entities`."""
        return page(await self._read("/v1/graph/entities/", {**fields}))

    async def neighbours(self, entity: str, **fields: Unpack[NeighboursFields]) -> Json:
        """See `MemoryApi.neighbours`."""
        return await self._read("/v1/graph/neighbours/", {"entity": entity, **fields})

    async def path(self, source: str, target: str, **fields: Unpack[PathFields]) -> Json:
        """See `MemoryApi.path`."""
        return await self._read("/v1/graph/path/", {"source": source, "target": target, **fields})

    async def merge_entities(self, name: str, into: str, **fields: Unpack[AliasFields]) -> Json:
        """See `MemoryApi.merge_entities`."""
        return await self._send("POST", "/v1/graph/merge/", {**fields}, body={"name": name, "into": into, **fields})

    async def split_entity(self, name: str, **fields: Unpack[AliasFields]) -> Json:
        """See `MemoryApi.split_entity`."""
        return await self._send("POST", "/v1/graph/split/", {**fields}, body={"name": name, **fields})

    async def communities(self, **fields: Unpack[CommunitiesFields]) -> Json:
        """See `MemoryApi.communities`."""
        return await self._read("/v1/graph/communities/", {**fields})

    async def embed(self, texts: Sequence[str], **fields: Unpack[CallFields]) -> Json:
        """See `MemoryApi.embed`. Without texts it is refused: the route is OpenAI's."""
        body = {"input": listed(texts), "encoding_format": "float", **fields}
        return embedded(await self._send("POST", "/v1/embeddings", {**fields}, body=body))

    async def ranking(self, **fields: Unpack[CallFields]) -> Json:
        """See `MemoryApi.ranking`."""
        return await self._read(_RANKING, {**fields})

    async def set_ranking(self, weights: Json | None, **fields: Unpack[CallFields]) -> Json:
        """See `MemoryApi.set_ranking`. Sent twice it has one effect."""
        if weights is None:
            return await self._send("DELETE", _RANKING, {**fields}, params=params_of({**fields}))
        return await self._send("PUT", _RANKING, {**fields}, body={"weights": weights, **fields})

    async def preview(self, messages: str | Json | Sequence[Json], **fields: Unpack[PreviewFields]) -> Json:
        """See `MemoryApi.preview`."""
        return await self._send("POST", f"{_MEMORIES}preview/", {**fields}, body={"messages": messages, **fields})

    async def inference(self, **fields: Unpack[CallFields]) -> Json:
        """See `MemoryApi.inference`."""
        return await self._read(_INFERENCE, {**fields})

    async def set_inference(self, inference: Json | None, **fields: Unpack[CallFields]) -> Json:
        """See `MemoryApi.set_inference`. Sent twice it has one effect."""
        if inference is None:
            return await self._send("DELETE", _INFERENCE, {**fields}, params=params_of({**fields}))
        return await self._send("PUT", _INFERENCE, {**fields}, body={"inference": inference, **fields})

    async def operation(self, operation_id: str, **fields: Unpack[CallFields]) -> Json:
        """See `MemoryApi.operation`."""
        return await self._read(segment(_OPERATIONS, operation_id, "operation_id"), {**fields})

    async def operations(self, **fields: Unpack[OperationsFields]) -> Json:
        """See `MemoryApi.operations`."""
        return page(await self._read(_OPERATIONS, {**fields}))

    async def retry(self, operation_id: str, **fields: Unpack[RetryFields]) -> Json:
        """See `MemoryApi.retry`. Sent twice it has one effect: what is open or done is left alone."""
        path = f"{segment(_OPERATIONS, operation_id, 'operation_id')}retry/"
        return await self._send("POST", path, {**fields}, body={**fields})

    async def purge(self, **fields: Unpack[PurgeFields]) -> Json:
        """See `MemoryApi.purge`."""
        # The server takes an id that is null for a condition that got lost.
        return await self._write("POST", "/v1/purge/", {n: value for n, value in fields.items() if value is not None})

    async def reinfer(self, **fields: Unpack[ReinferFields]) -> Json:
        """See `MemoryApi.reinfer`. Sent twice it has one effect: what has been applied is the same then."""
        return await self._send("POST", "/v1/reinfer/", {**fields}, body={**fields})

    async def verify(self, **fields: Unpack[VerifyFields]) -> Json:
        """See `MemoryApi.verify`."""
        return await self._send("POST", "/v1/verify/", {**fields}, body={**fields})

    async def rebuild(self, index: str, **fields: Unpack[RebuildFields]) -> Json:
        """See `MemoryApi.rebuild`."""
        given: Json = {**fields}
        if given.pop("start", True):
            return await self._send("POST", _REBUILD, given, body={"index": index, **given})
        return await self._read(segment(_REBUILD, index, "index"), given)

    async def status(self) -> Json:
        """See `MemoryApi.status`."""
        return await self._read("/v1/status/", {})


if TYPE_CHECKING:

    def _is_a_memory_api(api: HttpApi) -> MemoryApi:
        return api
