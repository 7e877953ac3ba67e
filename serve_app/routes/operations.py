"""`/v1/operations/`: how far accepted requests have come, and another try for one that failed."""

from __future__ import annotations

from fastapi import Request

from engine.api import CallFields, OperationsFields, RetryFields
from engine.types import SCOPE_FIELDS
from serve_app import schemas, upkeep_schemas
from serve_app.bodies import fields_of, json_object, known
from serve_app.pages import paged
from serve_app.paths import decoded
from serve_app.queries import known_params
from serve_app.responses import JsonResponse, answer
from serve_app.routes.routing import Routes, api_of

routes = Routes(prefix="/v1/operations", tags=["operations"])

_PATH = "/v1/operations/"
_ONE, _LIST, _RETRY = fields_of(CallFields), fields_of(OperationsFields), fields_of(RetryFields)
_SCOPE_HELP = dict.fromkeys(SCOPE_FIELDS, "Only operations whose scope has this id; several are ANDed.")


@routes.get(
    "/",
    summary="List operations",
    responses=schemas.answers(upkeep_schemas.OperationPage),
    openapi_extra=schemas.parameters(
        state="PENDING, RUNNING, SUCCEEDED or FAILED.", **_SCOPE_HELP, page="From 1.", page_size="Entries per page."
    ),
)
async def operations(request: Request) -> JsonResponse:
    """What was accepted, newest first; without ids, all of the project."""
    fields = known_params(request.query_params, _LIST)
    return paged(request, _PATH, await api_of(request).operations(**fields))


@routes.get("/{operation_id}/", summary="Get an operation", responses=schemas.answers(schemas.Operation, 404))
async def operation(request: Request, operation_id: str) -> JsonResponse:
    """By the `operation_id` that every write answers, or by the `Idempotency-Key` that it was sent with: PENDING,
    RUNNING, SUCCEEDED with its results, or FAILED with its error."""
    fields = known_params(request.query_params, _ONE)
    return JsonResponse(await api_of(request).operation(decoded(operation_id), **fields))


@routes.post(
    "/{operation_id}/retry/",
    summary="Try a failed operation again",
    responses=schemas.answers(schemas.Written, 404, 409, 410, 413) | schemas.ACCEPTED,
    openapi_extra=schemas.takes(upkeep_schemas.RetryRequest, required=False),
)
async def retry(request: Request, operation_id: str) -> JsonResponse:
    """Carries a FAILED operation out again, as if it were sent now, and answers what the first sending would have.

    One that has not failed is left alone, and answered as it stands.
    """
    fields = known(await json_object(request, optional=True), _RETRY)
    return answer(await api_of(request).retry(decoded(operation_id), **fields))
