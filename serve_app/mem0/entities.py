"""`/v2/entities/`: a user, agent, app or run goes, with every memory that has this id."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from serve_app import schemas
from serve_app.bodies import no_body
from serve_app.mem0.clients import HARMLESS, allowed_in_a_deletion
from serve_app.mem0.scopes import field_of_entity
from serve_app.paths import decoded
from serve_app.queries import only
from serve_app.responses import JsonResponse, answer
from serve_app.routes.routing import Routes, api_of, idempotency_of

routes = Routes(prefix="/v2/entities", tags=["mem0"])


@routes.delete(
    "/{entity_type}/{entity_id}/",
    summary="Delete an entity",
    responses=schemas.answers(schemas.DeleteAllAnswer) | schemas.ACCEPTED,
)
async def delete(request: Request, entity_type: str, entity_id: str) -> JsonResponse:
    """Deletes every memory that has this id. `entity_type`: user, agent, app or run. Refuses any parameter, and a body:
    both could mean less."""
    only(request.query_params, HARMLESS | allowed_in_a_deletion(request.headers) - {"filters"})
    await no_body(request, "an entity is named by the path, and nothing is taken from a body; nothing was deleted")
    fields: dict[str, Any] = {field_of_entity(decoded(entity_type)): decoded(entity_id)}
    return answer(await api_of(request).delete_all(**fields, **idempotency_of(request)))
