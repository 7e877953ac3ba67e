"""`/v1/batch/`: many memories changed or deleted in one request of Mem0's."""

from __future__ import annotations

from functools import partial

from fastapi import Request

from engine.api import MemoryApi
from engine.types import Json
from serve_app import schemas
from serve_app.bodies import json_object
from serve_app.mem0 import schemas as mem0_schemas
from serve_app.mem0.batches import deletions_of, key_of, told, updates_of
from serve_app.mem0.together import Call, together
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of, deadline_of, idempotency_of, limits_of

routes = Routes(prefix="/v1/batch", tags=["mem0"])


@routes.put(
    "/",
    summary="Change many memories",
    responses=schemas.answers(mem0_schemas.Mem0BatchAnswer, 404, 409, 413, 504),
    openapi_extra=schemas.takes(mem0_schemas.Mem0BatchUpdate),
)
async def update(request: Request) -> JsonResponse:
    """Up to 1,000. If one is wrong in itself, nothing happens; if one is missing, the others are changed, and the error
    says which failed."""
    changes = updates_of(await json_object(request), limits_of(request))
    api, key = api_of(request), idempotency_of(request).get("idempotency_key")
    calls: dict[str, Call] = {
        memory_id: partial(_update, api, memory_id, fields, key) for memory_id, fields in changes.items()
    }
    return JsonResponse(told("updated", await together(calls, deadline_of(request))))


@routes.delete(
    "/",
    summary="Delete many memories",
    responses=schemas.answers(mem0_schemas.Mem0BatchAnswer, 404, 413, 504),
    openapi_extra=schemas.takes(mem0_schemas.Mem0BatchDelete),
)
async def delete(request: Request) -> JsonResponse:
    """Up to 1,000, named in the body; as for changes, one that is missing doesn't keep the others."""
    memory_ids = deletions_of(await json_object(request), limits_of(request))
    api, key = api_of(request), idempotency_of(request).get("idempotency_key")
    calls: dict[str, Call] = {memory_id: partial(_delete, api, memory_id, key) for memory_id in memory_ids}
    return JsonResponse(told("deleted", await together(calls, deadline_of(request))))


async def _update(api: MemoryApi, memory_id: str, fields: Json, key: str | None, deadline_s: float) -> Json:
    return await api.update(memory_id, **fields, **_named(key, memory_id), deadline_s=deadline_s)


async def _delete(api: MemoryApi, memory_id: str, key: str | None, deadline_s: float) -> Json:
    return await api.delete(memory_id, **_named(key, memory_id), deadline_s=deadline_s)


def _named(key: str | None, memory_id: str) -> Json:
    return {} if key is None else {"idempotency_key": key_of(key, memory_id)}
