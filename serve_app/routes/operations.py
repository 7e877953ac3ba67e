"""`/v1/operations/`: how far an accepted request has come."""

from __future__ import annotations

from fastapi import Request

from engine.api import CallFields
from serve_app import schemas
from serve_app.bodies import fields_of
from serve_app.paths import decoded
from serve_app.queries import known_params
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of

routes = Routes(prefix="/v1/operations", tags=["operations"])

_FIELDS = fields_of(CallFields)


@routes.get("/{operation_id}/", summary="Get an operation", responses=schemas.answers(schemas.Operation, 404))
async def operation(request: Request, operation_id: str) -> JsonResponse:
    """By the `operation_id` that every write answers."""
    fields = known_params(request.query_params, _FIELDS)
    return JsonResponse(await api_of(request).operation(decoded(operation_id), **fields))
