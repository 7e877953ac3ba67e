"""`/v2/memories/`: how Mem0's SDKs before version 2 search and list."""

from __future__ import annotations

from fastapi import Request

from serve_app.bodies import json_object, required
from serve_app.mem0.queries import list_of, search_of
from serve_app.mem0.shapes import with_fields
from serve_app.pages import paged
from serve_app.queries import known_params
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of

routes = Routes(prefix="/v2/memories", include_in_schema=False)

_PATH = "/v2/memories/"
_PAGE = ("page", "page_size")


@routes.post("/search/")
async def search(request: Request) -> JsonResponse:
    """A bare list, or with `output_format` `v1.1` an object with `results`. Ids may stand beside the filter."""
    body = await json_object(request)
    answer = await api_of(request).search(required(body, "query"), **search_of(body, ids_beside=True))
    shown = with_fields(answer, body.get("fields"))
    return JsonResponse(shown if body.get("output_format") == "v1.1" else shown["results"])


@routes.post("/")
async def list_memories(request: Request) -> JsonResponse:
    """A page. Ids may stand beside the filter."""
    body = await json_object(request)
    fields = list_of(body, known_params(request.query_params, _PAGE), ids_beside=True)
    return paged(request, _PATH, with_fields(await api_of(request).list(**fields), body.get("fields")))
