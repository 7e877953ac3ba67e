"""`/v1/feedback/`: what callers think of memories."""

from __future__ import annotations

from fastapi import Request

from engine.api import CallFields, FeedbackFields
from serve_app import schemas
from serve_app.bodies import fields_of, json_object, known, required
from serve_app.mem0 import schemas as mem0_schemas
from serve_app.pages import paged
from serve_app.queries import known_params
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of

routes = Routes(prefix="/v1/feedback", tags=["mem0"])

_CALL, _LIST = fields_of(CallFields), fields_of(FeedbackFields)


@routes.post(
    "/",
    summary="Rate a memory",
    responses=schemas.answers(mem0_schemas.Mem0Feedback, 404, 410, 413),
    openapi_extra=schemas.takes(mem0_schemas.Mem0FeedbackRequest),
)
async def rate(request: Request) -> JsonResponse:
    """Takes the place of what was said of this memory before. It changes no search."""
    body = await json_object(request)
    given = (required(body, "memory_id"), body.get("feedback"), body.get("feedback_reason"))
    return JsonResponse(await api_of(request).rate(*given, **known(body, _CALL)))


@routes.get(
    "/",
    summary="List ratings",
    responses=schemas.answers(mem0_schemas.Mem0FeedbackPage),
    openapi_extra=schemas.parameters(
        feedback="Only such: POSITIVE, NEGATIVE or VERY_NEGATIVE.", page="From 1.", page_size="Entries per page."
    ),
)
async def ratings(request: Request) -> JsonResponse:
    """The newest first, and of each memory the last one; pages lead through the newest 10,000."""
    fields = known_params(request.query_params, _LIST)
    return paged(request, "/v1/feedback/", await api_of(request).feedback(**fields))
