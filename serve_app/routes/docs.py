"""`/docs`: the API, readable and to try out, from files on this machine (no network is needed)."""

from __future__ import annotations

from html import escape
from pathlib import Path

import fastapi_offline
from fastapi import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from engine.errors import NotFound
from serve_app.routes.routing import Routes

routes = Routes(include_in_schema=False)

_STATIC = Path(fastapi_offline.__file__).parent / "static"
_ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon.png": "image/png"}
_POLICY = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Remora API</title>
<link rel="icon" href="{root}/docs/assets/favicon.png">
<link rel="stylesheet" href="{root}/docs/assets/swagger-ui.css">
</head>
<body>
<div id="api" data-openapi="{root}/openapi.json"></div>
<noscript>This page needs JavaScript. The description itself: <a href="{root}/openapi.json">openapi.json</a></noscript>
<script src="{root}/docs/assets/swagger-ui-bundle.js"></script>
<script src="{root}/docs/start.js"></script>
</body>
</html>
"""
# A null validatorUrl keeps the page from asking a validator on the internet for its opinion.
_START = """const api = document.getElementById("api");
SwaggerUIBundle({
  url: api.dataset.openapi,
  domNode: api,
  validatorUrl: null,
  deepLinking: true,
  displayRequestDuration: true,
});
"""


@routes.get("/docs")
async def page(request: Request) -> Response:
    """The page itself."""
    root = escape(request.scope.get("root_path", ""), quote=True)
    return HTMLResponse(_PAGE.format(root=root), headers=_POLICY)


@routes.get("/docs/start.js")
async def start() -> Response:
    """The few lines that start it; a file of their own, so that the page may forbid inline scripts."""
    return Response(_START, media_type="text/javascript")


@routes.get("/docs/assets/{name}")
async def asset(name: str) -> Response:
    """A file of Swagger UI."""
    if name not in _ASSETS:
        raise NotFound("no such file", {"name": name})
    return FileResponse(_STATIC / name, media_type=_ASSETS[name], headers={"cache-control": "max-age=3600"})
