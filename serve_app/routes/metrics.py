"""`/metrics`: the runtime's figures and Ray's, as Prometheus reads them."""

from __future__ import annotations

import asyncio
import logging

import httpx
from fastapi import Request
from starlette.responses import Response

from engine.errors import RemoraError
from engine.types import Json
from serve_app.prometheus import CONTENT_TYPE, render
from serve_app.routes.routing import Routes, api_of, figures_of, must_be_server_s_own, ray_metrics_of

routes = Routes(tags=["health"])

_PATIENCE_S = 2.0
_log = logging.getLogger("remora.http")


@routes.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus' text format."}},
)
async def metrics(request: Request) -> Response:
    """The runtime's own metrics (`remora_…`), those of the process that answers, and Ray's of its node (`ray_…`)."""
    must_be_server_s_own(request)
    status, of_ray = await asyncio.gather(_status(request), _of_ray(request))
    text = render({**status, "replica": figures_of(request).figures()})
    return Response(f"{text}{of_ray}", headers={"content-type": CONTENT_TYPE})


async def _status(request: Request) -> Json:
    """The status, or that there is none: a scrape that fails would hide what this process still knows."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await api_of(request).status()
    except (TimeoutError, RemoraError) as error:
        _log.warning("no status for /metrics: %r", error)
        return {"ready": False}


async def _of_ray(request: Request) -> str:
    fetch = ray_metrics_of(request)
    if fetch is None:
        return ""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await fetch()
    except (TimeoutError, LookupError, httpx.HTTPError) as error:
        return f"# Ray's own metrics are left out: {type(error).__name__}\n"
