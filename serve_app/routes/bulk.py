"""`/v1/memories/bulk/` and `/v1/memories/search/bulk/`: many adds or searches in one request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request

from engine.api import AddFields, SearchFields
from engine.errors import DeadlineExceeded, Unavailable
from engine.types import Json, JsonList
from serve_app import bulk_schemas, schemas
from serve_app.bodies import fields_of, json_object, known
from serve_app.boundary import REQUEST_ID
from serve_app.bulk import Bulk, bulk_of
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of, idempotency_of, limits_of

routes = Routes(prefix="/v1/memories", tags=["memories"])

_ADD, _SEARCH = fields_of(AddFields), fields_of(SearchFields)
_SHARED = ("deadline_s",)


@routes.post(
    "/bulk/",
    summary="Keep many things at once",
    responses=schemas.answers(bulk_schemas.BulkAddAnswer, 413),
    openapi_extra=schemas.takes(bulk_schemas.BulkAddRequest),
)
async def add_bulk(request: Request) -> JsonResponse:
    """Up to 1,000 adds; an item is the body of a single add. Answers 200 with the outcome of each item, in order:
    `status_code` as a single request would have got it, with its `answer` or its `error`. A wrong item harms no other.

    Items of one user take effect in their order. The header `Idempotency-Key` stands for the whole list: the same
    list sent again with it has one effect. An item may have an `idempotency_key` of its own, which wins.
    What is not done within the deadline is answered 202, and goes on by itself.
    """
    body = await json_object(request)
    key = idempotency_of(request).get("idempotency_key")
    bulk = bulk_of(body, "messages", _ADD, limits_of(request).batch_items, key)
    try:
        return await _answered(request, body, bulk, api_of(request).add_batch)
    except (DeadlineExceeded, Unavailable) as error:
        raise Unavailable(
            f"{error.message}; which items were accepted is not known: send the same list again. With the header "
            "Idempotency-Key each item then has one effect; without it, texts that are stored already are not added",
            {**error.details, **({} if key is None else {"idempotency_key": key})},
        ) from error


@routes.post(
    "/search/bulk/",
    summary="Find many things at once",
    responses=schemas.answers(bulk_schemas.BulkSearchAnswer, 413),
    openapi_extra=schemas.takes(bulk_schemas.BulkSearchRequest),
)
async def search_bulk(request: Request) -> JsonResponse:
    """Up to 1,000 searches; an item is the body of a single search. Answers 200 with the outcome of each item, in
    order: `status_code` as a single request would have got it, with its `answer` or its `error`.
    """
    body = await json_object(request)
    bulk = bulk_of(body, "query", _SEARCH, limits_of(request).batch_items)
    return await _answered(request, body, bulk, api_of(request).search_batch)


async def _answered(request: Request, body: Json, bulk: Bulk, call: Callable[..., Awaitable[JsonList]]) -> JsonResponse:
    """The outcomes; the engine is asked once, and not at all when no item is fit for it."""
    shared: dict[str, Any] = known(body, _SHARED)
    answered = await call(bulk.asked, **shared) if bulk.asked else []
    return JsonResponse({"results": bulk.outcomes(answered, request.scope[REQUEST_ID])})
