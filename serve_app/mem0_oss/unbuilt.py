"""What Mem0's self-hosted server has beside memories, and Remora hasn't: a 501 that says so."""

from __future__ import annotations

from serve_app.mem0.unbuilt import unbuilt
from serve_app.routes.routing import Routes

routes = Routes(include_in_schema=False)

_PATHS = (
    "/configure",
    "/configure/providers",
    "/reset",
    "/generate-instructions",
    "/auth/{rest:path}",
    "/api-keys",
    "/api-keys/{rest:path}",
    "/requests",
)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

for _path in _PATHS:
    routes.add_api_route(_path, unbuilt, methods=_METHODS)
