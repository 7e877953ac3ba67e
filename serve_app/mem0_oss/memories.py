"""`/memories` and `/search`, as Mem0's self-hosted server has them."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from engine import ids
from engine.errors import InvalidInput, NotFound, Purged
from engine.types import SCOPE_FIELDS
from serve_app import schemas
from serve_app.bodies import json_object, known, no_body, required
from serve_app.mem0.texts import with_parts
from serve_app.mem0_oss import schemas as oss_schemas
from serve_app.mem0_oss.queries import ADD_FIELDS, NO_BODY, UPDATE_FIELDS, added_of, list_of, search_of
from serve_app.paths import decoded, sent_path
from serve_app.queries import only, single
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of, idempotency_of

routes = Routes(tags=["mem0-oss"])

_LIST_PARAMS = frozenset({*SCOPE_FIELDS, "top_k", "limit", "show_expired"})
_SCOPE_HELP = dict.fromkeys(SCOPE_FIELDS, "Only memories with this id; several are ANDed.")


@routes.post(
    "/memories",
    summary="Keep what was said (Mem0's server)",
    responses=schemas.answers(oss_schemas.OssAddAnswer, 409, 413),
    openapi_extra=schemas.takes(oss_schemas.OssAddRequest),
)
async def add(request: Request) -> JsonResponse:
    """Waits for what is made of it."""
    body = await json_object(request)
    known(body, ADD_FIELDS)
    fields = added_of(body) | idempotency_of(request)
    answer = await api_of(request).add(with_parts(required(body, "messages")), **fields)
    return JsonResponse({name: answer[name] for name in ("results", "status", "event_id")})


@routes.get(
    "/memories",
    summary="List memories (Mem0's server)",
    responses=schemas.answers(oss_schemas.OssMemories),
    openapi_extra=schemas.parameters(
        **_SCOPE_HELP,
        top_k="At most so many: 20 unless told.",
        show_expired="true: with memories whose last day is over.",
    ),
)
async def list_memories(request: Request) -> JsonResponse:
    """The newest of a scope; without an id, of all."""
    params = request.query_params
    fields = list_of({name: single(params, name) for name in _LIST_PARAMS if name in params})
    page = await api_of(request).list(**fields)
    return JsonResponse({"results": page["results"]})


@routes.delete(
    "/memories",
    summary="Delete a scope (Mem0's server)",
    responses=schemas.answers(oss_schemas.OssMessage),
    openapi_extra=schemas.parameters(**_SCOPE_HELP),
)
async def delete_all(request: Request) -> JsonResponse:
    """Every memory that has all given ids. Refuses any other parameter, and a body: both could mean less."""
    params = request.query_params
    only(params, SCOPE_FIELDS)
    await no_body(request, NO_BODY)
    if sent_path(request.scope).endswith("//"):
        raise InvalidInput("the memory id in the path is empty", {"field": "memory_id"})
    scope: dict[str, Any] = {name: single(params, name) for name in SCOPE_FIELDS if name in params}
    if not scope:
        raise InvalidInput(
            f"at least one of {', '.join(SCOPE_FIELDS)} is required; nothing was deleted", {"fields": [*SCOPE_FIELDS]}
        )
    await api_of(request).delete_all(**scope, **idempotency_of(request))
    return JsonResponse({"message": "All relevant memories deleted"})


@routes.get(
    "/memories/{memory_id}",
    summary="Get a memory (Mem0's server)",
    responses=schemas.answers(oss_schemas.OssMemory),
)
async def get(request: Request, memory_id: str) -> JsonResponse:
    """The memory; null where there is none with this id."""
    named = decoded(memory_id)
    try:
        return JsonResponse(await api_of(request).get(named))
    except (InvalidInput, NotFound, Purged):
        return JsonResponse(None)


@routes.put(
    "/memories/{memory_id}",
    summary="Change a memory (Mem0's server)",
    responses=schemas.answers(oss_schemas.OssMessage, 404, 409, 410, 413),
    openapi_extra=schemas.takes(oss_schemas.OssUpdateRequest),
)
async def update(request: Request, memory_id: str) -> JsonResponse:
    """What is given is changed."""
    fields = known(await json_object(request), UPDATE_FIELDS)
    await api_of(request).update(_named(memory_id), **fields, **idempotency_of(request))
    return JsonResponse({"message": "Memory updated successfully!"})


@routes.delete(
    "/memories/{memory_id}",
    summary="Delete a memory (Mem0's server)",
    responses=schemas.answers(oss_schemas.OssMessage, 404, 410),
)
async def delete(request: Request, memory_id: str) -> JsonResponse:
    """It is found no more; its history stays. Refuses any parameter, and a body: it could be meant as a condition."""
    only(request.query_params, ())
    await no_body(request, NO_BODY)
    await api_of(request).delete(_named(memory_id), **idempotency_of(request))
    return JsonResponse({"message": "Memory deleted successfully"})


@routes.get(
    "/memories/{memory_id}/history",
    summary="History of a memory (Mem0's server)",
    responses=schemas.answers(list[oss_schemas.OssHistoryEntry], 404, 410),
)
async def history(request: Request, memory_id: str) -> JsonResponse:
    """What happened to it, oldest first; also after its deletion."""
    return JsonResponse(await api_of(request).history(_named(memory_id)))


@routes.post(
    "/search",
    summary="Find memories (Mem0's server)",
    responses=schemas.answers(oss_schemas.OssFound, 413),
    openapi_extra=schemas.takes(oss_schemas.OssSearchRequest),
)
async def search(request: Request) -> JsonResponse:
    """Needs a `query`, and ids beside the filter or in it."""
    body = await json_object(request)
    answer = await api_of(request).search(required(body, "query"), **search_of(body))
    return JsonResponse({"results": answer["results"]})


def _named(memory_id: str) -> str:
    """The id that the path names. Raises NotFound for what can be none."""
    named = decoded(memory_id)
    try:
        return ids.canonical_id(named)
    except InvalidInput as error:
        raise NotFound("Memory not found!", {"memory_id": named}) from error
