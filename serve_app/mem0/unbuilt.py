"""What Mem0 has and Remora hasn't: a 501 that says so, which every client can show."""

from __future__ import annotations

from fastapi import Request

from serve_app.errors import NotBuilt
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes

routes = Routes(include_in_schema=False)

_PATHS = (
    "/v1/stats/",
    "/v1/entities/filters/",
    "/v2/entities/{entity_type}/{entity_id}/profile/",
    "/v2/profiles/{rest:path}",
    "/api/v1/{rest:path}",
)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


async def unbuilt(request: Request) -> JsonResponse:
    """Raises NotBuilt, whatever is asked."""
    raise NotBuilt(f"Remora has no {request.method} {request.url.path}: docs/compatibility.md says what of Mem0 it has")


for _path in _PATHS:
    routes.add_api_route(_path, unbuilt, methods=_METHODS)
routes.add_api_route("/v2/entities/{entity_type}/{entity_id}/", unbuilt, methods=["GET"])
