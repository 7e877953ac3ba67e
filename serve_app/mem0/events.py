"""`/v1/event/` and `/v1/events/`: Remora's operations under Mem0's name."""

from __future__ import annotations

from fastapi import Request

from engine.api import PageFields
from serve_app import schemas, upkeep_schemas
from serve_app.bodies import fields_of
from serve_app.mem0.shapes import event
from serve_app.pages import paged
from serve_app.paths import decoded
from serve_app.queries import known_params
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of

routes = Routes(tags=["mem0"])

_PATH = "/v1/events/"
_PAGE = fields_of(PageFields)


@routes.get("/v1/event/{event_id}/", summary="Get an event", responses=schemas.answers(schemas.Operation, 404))
async def one(request: Request, event_id: str) -> JsonResponse:
    """How far an add has come, by the `event_id` that it answered."""
    return JsonResponse(event(await api_of(request).operation(decoded(event_id))))


@routes.get(
    "/v1/events/",
    summary="List events",
    responses=schemas.answers(upkeep_schemas.OperationPage),
    openapi_extra=schemas.parameters(page="From 1.", page_size="Entries per page."),
)
async def events(request: Request) -> JsonResponse:
    """All of the project, newest first."""
    page = await api_of(request).operations(**known_params(request.query_params, _PAGE))
    return paged(request, _PATH, {**page, "results": [event(operation) for operation in page["results"]]})
