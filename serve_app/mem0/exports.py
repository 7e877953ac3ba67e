"""`/v1/exports/` and `/v1/summary/`: memories in another shape, made when they are fetched."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request

from engine.api import MemoryApi
from engine.exports import filled, shape_of
from engine.types import SCOPE_FIELDS, Json, JsonList
from serve_app import schemas
from serve_app.bodies import json_object, required
from serve_app.mem0 import schemas as mem0_schemas
from serve_app.mem0.queries import filters_of
from serve_app.mem0.summaries import summary_of
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of

routes = Routes(tags=["mem0"])

_MOST = 1000
"""The newest memories that an export or a summary is made of."""
_AT_ONCE = 200


@routes.post(
    "/v1/exports/",
    summary="Ask for an export",
    status_code=201,
    responses=schemas.created(mem0_schemas.Mem0ExportMade, 413),
    openapi_extra=schemas.takes(mem0_schemas.Mem0ExportRequest),
)
async def create(request: Request) -> JsonResponse:
    """Keeps what is wanted, and no memory: they are read when the export is fetched. The newest 100 of a project are
    kept."""
    body = await json_object(request)
    made = await api_of(request).make_export(required(body, "schema"), filters=filters_of(body, ids_beside=True))
    message = "Memory export request received. The export will be ready in a few seconds."
    return JsonResponse({"message": message, "id": made["id"]}, status_code=201)


@routes.post(
    "/v1/exports/get/",
    summary="Fetch an export",
    responses=schemas.answers(dict[str, Any], 404, 413),
    openapi_extra=schemas.takes(mem0_schemas.Mem0ExportWanted),
)
async def get(request: Request) -> JsonResponse:
    """An object that follows the schema, of the newest 1,000 memories as they are now; by `memory_export_id`, or the
    last that was asked for with equal `filters`."""
    body, api = await json_object(request), api_of(request)
    export_id = body.get("memory_export_id")
    filters = None if export_id is not None else filters_of(body, ids_beside=True)
    export = await api.export(export_id, filters=filters)
    ids = {name: export[name] for name in SCOPE_FIELDS if name in export}
    memories, _ = await _newest(api, filters=export["filters"], **ids)
    return JsonResponse(await asyncio.to_thread(lambda: filled(shape_of(export["schema"]), memories)))


@routes.post(
    "/v1/summary/",
    summary="Sum memories up",
    responses=schemas.answers(mem0_schemas.Mem0Summary, 413),
    openapi_extra=schemas.takes(mem0_schemas.Mem0SummaryRequest),
)
async def summary(request: Request) -> JsonResponse:
    """In the words of the newest memories."""
    body = await json_object(request)
    memories, count = await _newest(api_of(request), filters=filters_of(body, ids_beside=True))
    return JsonResponse(summary_of(memories, count))


async def _newest(api: MemoryApi, filters: Json, **ids: Any) -> tuple[JsonList, int]:
    """The newest memories, and how many there are."""
    found: JsonList = []
    page: Json = {"count": 1}
    while len(found) < min(page["count"], _MOST):
        page = await api.list(page=len(found) // _AT_ONCE + 1, page_size=_AT_ONCE, filters=filters, **ids)
        found += page["results"]
        if len(page["results"]) < _AT_ONCE:
            break
    return found[:_MOST], max(page["count"], len(found))
