"""`/v1/batch/`: many memories changed or deleted in one request of Mem0's."""

from __future__ import annotations

from functools import partial

from fastapi import Request

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
    responses=schemas.answers(mem0_schemas.Mem0BatchAnswer, 404, 409, 410, 413),
    openapi_extra=schemas.takes(mem0_schemas.Mem0BatchUpdate),
)
async def update(request: Request) -> JsonResponse:
    """Up to 1,000. If one is wrong in itself, nothing happens; if one is missing, the others are changed, and the error
    says which failed."""
    changes = updates_of(await json_object(request), limits_of(request))
    api, key = api_of(request), idempotency_of(request).get("idempotency_key")
    calls: dict[str, Call] = {
        memory_id: partial(api.update, memory_id, **fields, idempotency_key=key and key_of(key, memory_id))
        for memory_id, fields in changes.items()
    }
    return JsonResponse(told("updated", await together(calls, deadline_of(request))))


@routes.delete(
    "/",
    summary="Delete many memories",
    responses=schemas.answers(mem0_schemas.Mem0BatchAnswer, 404, 410, 413),
    openapi_extra=schemas.takes(mem0_schemas.Mem0BatchDelete),
)
async def delete(request: Request) -> JsonResponse:
    """Up to 1,000, named in the body; as for changes, one that is missing doesn't keep the others."""
    memory_ids = deletions_of(await json_object(request), limits_of(request))
    api, key = api_of(request), idempotency_of(request).get("idempotency_key")
    calls: dict[str, Call] = {
        memory_id: partial(api.delete, memory_id, idempotency_key=key and key_of(key, memory_id))
        for memory_id in memory_ids
    }
    return JsonResponse(told("deleted", await together(calls, deadline_of(request))))
