"""`/v3/memories/`: add, search and list as Mem0's clients ask for them."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from engine.api import AddFields
from serve_app import schemas
from serve_app.bodies import fields_of, json_object, known, required
from serve_app.mem0 import schemas as mem0_schemas
from serve_app.mem0.queries import list_of, search_of
from serve_app.mem0.scopes import scope_of_add
from serve_app.mem0.shapes import added, with_fields
from serve_app.mem0.texts import with_parts
from serve_app.pages import paged
from serve_app.queries import known_params
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of, door_of, idempotency_of

routes = Routes(prefix="/v3/memories", tags=["mem0"])

_PATH = "/v3/memories/"
_ADD = fields_of(AddFields) - {"categories"}  # Of an add Mem0 knows none: what nobody knows is ignored.
_PAGE = ("page", "page_size")


@routes.post(
    "/add/",
    summary="Keep what was said",
    responses=schemas.answers(mem0_schemas.Mem0AddAnswer, 409, 413),
    openapi_extra=schemas.takes(mem0_schemas.Mem0AddRequest),
)
async def add(request: Request) -> JsonResponse:
    """As Remora's own add, with the ids beside the messages or in `filters`. Where a language model makes facts, it
    answers at once that they are PENDING, unless `async_mode` is false; otherwise the memories are its `results`."""
    body = await json_object(request)
    fields = known(body, _ADD) | scope_of_add(body) | idempotency_of(request)
    if _is_queued(request, body):
        fields.setdefault("wait", False)
    answer = await api_of(request).add(with_parts(required(body, "messages")), **fields)
    return JsonResponse(added(answer))


@routes.post(
    "/search/",
    summary="Find memories",
    responses=schemas.answers(mem0_schemas.Mem0SearchAnswer, 413),
    openapi_extra=schemas.takes(mem0_schemas.Mem0SearchRequest),
)
async def search(request: Request) -> JsonResponse:
    """Needs a `query`, and `filters` that name a user, agent, app or run."""
    body = await json_object(request)
    answer = await api_of(request).search(required(body, "query"), **search_of(body))
    return JsonResponse(with_fields(answer, body.get("fields")))


@routes.post(
    "/",
    summary="List memories",
    responses=schemas.answers(mem0_schemas.Mem0Page, 413),
    openapi_extra=schemas.takes(mem0_schemas.Mem0ListRequest)
    | schemas.parameters(page="From 1; wins over the body's.", page_size="At most 200."),
)
async def list_memories(request: Request) -> JsonResponse:
    """Needs `filters` that name a user, agent, app or run. Newest first."""
    body = await json_object(request)
    answer = await api_of(request).list(**list_of(body, known_params(request.query_params, _PAGE)))
    return paged(request, _PATH, with_fields(answer, body.get("fields")))


def _is_queued(request: Request, body: dict[str, Any]) -> bool:
    """Whether the caller doesn't expect to wait: a language model will read the messages."""
    return door_of(request).upstream.is_set and body.get("infer") is not False and body.get("async_mode") is not False
