"""The ASGI application over any `MemoryApi`. Knows nothing of Ray: `deployment.py` puts it on Serve."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from engine.access.audit import AuditLog
from engine.access.key_file import KeyFile, keys_file
from engine.access.quotas import within_quotas
from engine.api import MemoryApi
from engine.config import Settings
from engine.errors import InvalidInput
from engine.types import Json
from serve_app import (
    bulk_schemas,
    context_schemas,
    graph_schemas,
    inference_schemas,
    key_schemas,
    openai_schemas,
    ranking_schemas,
    reinfer_schemas,
    schemas,
    upkeep_schemas,
)
from serve_app.admission import Admission, places_for
from serve_app.auth import KeyRequired, LocalOnly, admin_key
from serve_app.boundary import Boundary, on_http_exception
from serve_app.chat import ChatDoor
from serve_app.figures import Counted, ReplicaFigures
from serve_app.limits import BodyLimit
from serve_app.mcp.door import McpDoor
from serve_app.mcp.server import Context, Reach
from serve_app.mem0 import ROUTES as MEM0_ROUTES
from serve_app.mem0 import UNBUILT
from serve_app.mem0 import schemas as mem0_schemas
from serve_app.mem0_oss import ROUTES as MEM0_OSS_ROUTES
from serve_app.mem0_oss import UNBUILT as MEM0_OSS_UNBUILT
from serve_app.mem0_oss import schemas as mem0_oss_schemas
from serve_app.paths import EncodedPaths
from serve_app.rates import RateLimit, Rates
from serve_app.responses import JsonResponse
from serve_app.routes import (
    audit as audit_routes,
)
from serve_app.routes import (
    bulk,
    chat,
    context,
    docs,
    embeddings,
    entities,
    graph,
    health,
    inference,
    keys,
    mcp,
    memories,
    metrics,
    models,
    operations,
    ranking,
    reinfer,
    upkeep,
)
from serve_app.routes.routing import api_of

_ABOUT = """Long-term memory for AI agents: tell it what was said, find it again when it matters.

Every error has the same body: `detail` (also as `error`), a stable `code`, `details`, and the `request_id` that the
header `X-Request-ID` carries too. Unknown fields are ignored, wrong values never.
"""
_NO_TELEMETRY = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False)
_SECURITY = {
    "Bearer": {"type": "http", "scheme": "bearer"},
    "Key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}

_EXPOSED = (
    "X-Request-ID", "Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset",
    "X-Remora-Memories", "X-Remora-Operation",
)  # fmt: skip
"""Headers that scripts of web pages may read."""
_PARTS = (
    memories, bulk, inference, context, entities, graph, ranking, operations, reinfer, upkeep, chat, models, embeddings,
    mcp, keys, audit_routes, health, metrics, docs,
)  # fmt: skip


class Application(FastAPI):
    """FastAPI, whose description also tells the bodies that routes read by themselves."""

    def openapi(self) -> Json:
        """The OpenAPI description."""
        if self.openapi_schema is None:
            self.openapi_schema = _completed(super().openapi())
        return self.openapi_schema


def _completed(description: Json) -> Json:
    """FastAPI's description with our bodies and keys, without its own 422, which is never answered here, and without
    the type that it gives to answers of a class that it doesn't know.
    """
    components = description["components"]
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    for operation in (operation for path in description["paths"].values() for operation in path.values()):
        operation["responses"].pop("422", None)
        for schema in _schemas_of_answers(operation):
            if schema.get("type") == "string":
                schema.pop("type")
    bodies = (
        module.BODIES
        for module in (
            bulk_schemas,
            context_schemas,
            graph_schemas,
            inference_schemas,
            key_schemas,
            mem0_schemas,
            mem0_oss_schemas,
            openai_schemas,
            ranking_schemas,
            reinfer_schemas,
            upkeep_schemas,
        )
    )
    components["schemas"] |= schemas.body_schemas(*(body for some in bodies for body in some))
    components["securitySchemes"] = _SECURITY
    description["security"] = [{}, *({name: []} for name in _SECURITY)]
    return description


def _schemas_of_answers(operation: Json) -> Iterator[Json]:
    for response in operation["responses"].values():
        yield response.get("content", {}).get("application/json", {}).get("schema", {})


def create_app(
    api: MemoryApi,
    settings: Settings,
    *,
    tells_request_id: bool = True,
    ray_metrics: Callable[[], Awaitable[str]] | None = None,
    audit: AuditLog | None = None,
) -> FastAPI:
    """The application that serves `api`.

    With `settings.admin_key` a key is asked for; without it only this machine is answered. `tells_request_id` False
    leaves the header `X-Request-ID` to the server in front. `ray_metrics`: what Ray says of this node, in Prometheus'
    text format, for `/metrics`. `audit`: where it is written down what is done to whole projects and to keys; None:
    nowhere.
    """
    app = Application(
        title="Remora",
        version="1",
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=JsonResponse,
        telemetry=_NO_TELEMETRY,
        lifespan=_closing,
    )
    app.state.api = within_quotas(api, settings.access.quotas, time.monotonic)
    app.state.audit = audit
    app.state.places = places_for(settings.limits, time.monotonic)
    app.state.chats = ChatDoor(settings, time.monotonic)
    app.state.mcp = McpDoor(settings, _reach(), app.version)
    app.state.figures = ReplicaFigures(app.state.places, app.state.chats)
    app.state.limits = settings.limits
    app.state.deadline_s = settings.runtime.deadline_s
    app.state.ray_metrics = ray_metrics
    app.state.keys = KeyFile(keys_file(settings), time.monotonic)
    app.state.declared = []
    for routes in (*(part.routes for part in _PARTS), *MEM0_ROUTES, *MEM0_OSS_ROUTES, UNBUILT, MEM0_OSS_UNBUILT):
        app.include_router(routes)
        app.state.declared += routes.routes
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    _wrap(app, settings, tells_request_id=tells_request_id)
    return app


@asynccontextmanager
async def _closing(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.mcp.opened():
        yield
        await app.state.chats.close()


def _reach() -> Reach:
    async def memory(context: Context) -> MemoryApi:
        request: Any = context.request
        return api_of(request)

    return memory


def _wrap(app: FastAPI, settings: Settings, *, tells_request_id: bool) -> None:
    """The layers around the routes; the one added last is the outermost."""
    app.add_middleware(BodyLimit, body_bytes=settings.limits.body_bytes)
    app.add_middleware(Admission, places=app.state.places, chats=app.state.chats, body_bytes=settings.limits.body_bytes)
    access = settings.access
    if access.requests_per_minute is not None:
        share = access.requests_per_minute / settings.runtime.replicas
        app.add_middleware(RateLimit, rates=Rates(share, time.monotonic))
    key = admin_key(settings)
    if key is None:
        app.add_middleware(LocalOnly, origins=access.cors_origins)
    else:
        app.add_middleware(KeyRequired, key=key, keys=app.state.keys, clock=time.time)
    app.add_middleware(EncodedPaths)
    app.add_middleware(Boundary, tells_id=tells_request_id)
    if access.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=access.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=_EXPOSED,
        )
    app.add_middleware(Counted, figures=app.state.figures)


async def _on_invalid_request(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    problems = [f"{'.'.join(map(str, problem['loc'][1:]))}: {problem['msg']}" for problem in error.errors()]
    raise InvalidInput("; ".join(problems), {"problems": problems}) from error
