"""`/v1/audit/`: who did what to whole projects, and to keys."""

from __future__ import annotations

import asyncio

from fastapi import Request

from engine.access.keys import Role
from engine.errors import Forbidden, InvalidInput
from serve_app import key_schemas, schemas
from serve_app.pages import paged
from serve_app.queries import known_params
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, audit_of, must_be, principal_of

routes = Routes(prefix="/v1/audit", tags=["keys"])

_PAGE = ("page", "page_size")
_SIZE, _LARGEST = 100, 1000
_FARTHEST = 100_000


@routes.get(
    "/",
    summary="Read the audit log",
    responses=schemas.answers(key_schemas.AuditPage),
    openapi_extra=schemas.parameters(page="From 1.", page_size="Entries per page."),
)
async def entries(request: Request) -> JsonResponse:
    """The newest first. A key with the role admin reads what concerns its project, the server's own all."""
    must_be(request, Role.ADMIN)
    principal, log = principal_of(request), audit_of(request)
    if principal is not None and principal.scope.ids():
        raise Forbidden("the audit log is about a whole project; this key is bound")
    given = known_params(request.query_params, _PAGE)
    page, size = given.get("page", 1), given.get("page_size", _SIZE)
    if page < 1 or not 1 <= size <= _LARGEST or page * size > _FARTHEST:
        raise InvalidInput(f"page should be 1 or more, page_size 1 to {_LARGEST}", {"field": "page"})
    if log is None:
        return paged(request, "/v1/audit/", {"count": 0, "page": page, "page_size": size, "results": []})
    project = None if principal is None else principal.project
    found = await asyncio.to_thread(log.entries, page, size, project=project)
    return paged(request, "/v1/audit/", found)
