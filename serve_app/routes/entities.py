"""`/v1/entities/`: the users, agents, apps and runs that have memories."""

from __future__ import annotations

from fastapi import Request

from engine.api import PageFields
from serve_app import schemas
from serve_app.bodies import fields_of
from serve_app.pages import paged
from serve_app.queries import known_params
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of

routes = Routes(prefix="/v1/entities", tags=["entities"])

_PATH = "/v1/entities/"
_FIELDS = fields_of(PageFields)


@routes.get(
    "/",
    summary="Who has memories",
    responses=schemas.answers(schemas.EntityPage),
    openapi_extra=schemas.parameters(page="From 1.", page_size="Entries per page."),
)
async def entities(request: Request) -> JsonResponse:
    """All users, agents, apps and runs with at least one memory."""
    return paged(request, _PATH, await api_of(request).entities(**known_params(request.query_params, _FIELDS)))
