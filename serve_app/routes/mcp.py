"""`/mcp`: the memory as tools of the Model Context Protocol."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from serve_app.paths import decoded
from serve_app.routes.routing import Routes, mcp_of

routes = Routes(prefix="/mcp", include_in_schema=False)


@routes.post("/")
async def whole(request: Request) -> Response:
    """One message of the protocol, to all tools."""
    return mcp_of(request).answer()


@routes.post("/{client_name}/http/{user_id}/")
async def bound(request: Request, user_id: str) -> Response:
    """The same to OpenMemory's tools, about one user. The client's name in the path is its own business."""
    return mcp_of(request).answer_for(request, decoded(user_id))
