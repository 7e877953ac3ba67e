"""`/api/v1/orgs/organizations/{org}/projects/{project}/`: what Mem0's `client.project` reads and sets."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from engine.errors import NotFound
from serve_app import schemas
from serve_app.bodies import json_object
from serve_app.mem0 import schemas as mem0_schemas
from serve_app.mem0.settings import changed, shown
from serve_app.paths import decoded
from serve_app.responses import JsonResponse
from serve_app.routes.health import ORGANISATION, PROJECT
from serve_app.routes.routing import Routes, api_of

routes = Routes(prefix="/api/v1/orgs/organizations", tags=["mem0"])

_PATH = "/{organisation}/projects/{project}/"


@routes.get(
    _PATH,
    summary="Settings of the project",
    responses=schemas.answers(dict[str, Any], 404),
    openapi_extra=schemas.parameters(fields="A field to show; may be given again. All without it."),
)
async def get(request: Request, organisation: str, project: str) -> JsonResponse:
    """Every field that is asked for; null: it isn't set."""
    _check(organisation, project)
    known = {"id": PROJECT, "project_id": PROJECT, "org_id": ORGANISATION, **shown(await api_of(request).inference())}
    wanted = request.query_params.getlist("fields") or [*known]
    return JsonResponse({name: known.get(name) for name in wanted})


@routes.patch(
    _PATH,
    summary="Set settings of the project",
    responses=schemas.answers(mem0_schemas.Mem0Message, 404, 413, 501),
    openapi_extra=schemas.takes(mem0_schemas.Mem0ProjectChange),
)
async def update(request: Request, organisation: str, project: str) -> JsonResponse:
    """What isn't named stays; null takes it back. Holds for all facts that are made from now on."""
    _check(organisation, project)
    body, api = await json_object(request), api_of(request)
    await api.set_inference(changed(await api.inference(), body) or None)
    return JsonResponse({"message": "Project updated successfully"})


def _check(organisation: str, project: str) -> None:
    if (decoded(organisation), decoded(project)) != (ORGANISATION, PROJECT):
        raise NotFound(f"this key belongs to {ORGANISATION} and {PROJECT}", {"project_id": PROJECT})
