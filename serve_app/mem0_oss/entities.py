"""`/entities`, as Mem0's self-hosted server has it."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from serve_app import schemas
from serve_app.bodies import no_body
from serve_app.mem0.scopes import field_of_entity
from serve_app.mem0_oss import schemas as oss_schemas
from serve_app.mem0_oss.queries import NO_BODY
from serve_app.paths import decoded
from serve_app.queries import only
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of, idempotency_of, limits_of

routes = Routes(prefix="/entities", tags=["mem0-oss"])

_SHOWN = ("id", "type", "total_memories", "created_at", "updated_at")


@routes.get("", summary="Who has memories (Mem0's server)", responses=schemas.answers(list[oss_schemas.OssEntity]))
async def entities(request: Request) -> JsonResponse:
    """Users, agents, apps and runs with at least one memory: as many as a page may have."""
    page = await api_of(request).entities(page_size=limits_of(request).page_size)
    return JsonResponse([{name: one[name] for name in _SHOWN} for one in page["results"]])


@routes.delete(
    "/{entity_type}/{entity_id}",
    summary="Delete an entity (Mem0's server)",
    responses=schemas.answers(oss_schemas.OssMessage),
)
async def delete(request: Request, entity_type: str, entity_id: str) -> JsonResponse:
    """Deletes every memory that has this id. `entity_type`: user, agent, app or run. Refuses any parameter, and a body:
    both could mean less."""
    only(request.query_params, ())
    await no_body(request, NO_BODY)
    fields: dict[str, Any] = {field_of_entity(decoded(entity_type)): decoded(entity_id)}
    await api_of(request).delete_all(**fields, **idempotency_of(request))
    return JsonResponse({"message": "Entity deleted"})
