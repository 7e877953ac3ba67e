"""Whether the server lives, is ready, knows the caller, and what it runs."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from engine.errors import RemoraError
from engine.types import DEFAULT_PROJECT, Json
from serve_app import schemas
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of, figures_of

routes = Routes(tags=["health"])

_PROBE_S = 2.0
ORGANISATION = f"org-{DEFAULT_PROJECT}"
PROJECT = f"proj-{DEFAULT_PROJECT}"
"""What clients of Mem0's are told they belong to."""
_PING = {
    "status": "ok",
    "org_id": ORGANISATION,
    "project_id": PROJECT,
    "user_email": None,
}


@routes.head("/healthz", include_in_schema=False)
@routes.get("/healthz", summary="Is the process alive")
async def healthz() -> JsonResponse:
    """Always 200 while this process can answer."""
    return JsonResponse({"status": "ok"})


@routes.head("/readyz", include_in_schema=False)
@routes.get("/readyz", summary="Can it serve")
async def readyz(request: Request) -> JsonResponse:
    """200 when adds and searches will be answered, else 503 with the state that it is in."""
    state = await _state(request)
    ready = bool(state.get("ready"))
    content: Json = {"ready": ready, "state": state.get("state")}
    return JsonResponse(content) if ready else JsonResponse(content, 503, {"retry-after": "1"})


@routes.get("/v1/ping/", summary="Is my key good", responses=schemas.answers(schemas.Ping))
async def ping() -> JsonResponse:
    """What clients ask when they are made."""
    return JsonResponse(_PING)


@routes.get("/v1/status/", summary="What runs", responses=schemas.answers(dict[str, Any]))
async def status(request: Request) -> JsonResponse:
    """The parts of the runtime and how far each of them is, and the process that answers this request."""
    return JsonResponse(await whole_status(request))


@routes.get("/", include_in_schema=False)
async def landing(request: Request) -> Response:
    """Send a person with a browser to the documentation."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/docs")


async def whole_status(request: Request) -> Json:
    """The runtime's status, with the figures of this replica."""
    known = await api_of(request).status()
    return {**known, "replica": figures_of(request).figures()}


async def _state(request: Request) -> Json:
    """The state, asked for briefly: whoever probes would rather hear "no" than wait for a restart."""
    try:
        async with asyncio.timeout(_PROBE_S):
            return await api_of(request).status()
    except TimeoutError:
        return {"ready": False, "state": "no answer"}
    except RemoraError as error:
        return {"ready": False, "state": error.code}
