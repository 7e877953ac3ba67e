"""`/v1/context/`: memories as a text for a prompt."""

from __future__ import annotations

from fastapi import Request

from engine.api import ContextFields
from serve_app import context_schemas, schemas
from serve_app.bodies import fields_of, json_object, known, required
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of

routes = Routes(prefix="/v1/context", tags=["memories"])

_CONTEXT = fields_of(ContextFields)


@routes.post(
    "/",
    summary="Memories for a prompt",
    responses=schemas.answers(context_schemas.ContextAnswer, 413),
    openapi_extra=schemas.takes(context_schemas.ContextRequest),
)
async def context(request: Request) -> JsonResponse:
    """Needs a `query` and a scope, as a search does. Never more than `tokens`; nothing found is an empty text."""
    body = await json_object(request)
    return JsonResponse(await api_of(request).context(required(body, "query"), **known(body, _CONTEXT)))
