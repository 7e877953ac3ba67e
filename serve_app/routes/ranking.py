"""`/v1/ranking/`: what single signals count in the searches of a project."""

from __future__ import annotations

from fastapi import Request

from engine.api import CallFields
from serve_app import ranking_schemas, schemas
from serve_app.bodies import fields_of, json_object, known, required
from serve_app.queries import known_params
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of

routes = Routes(prefix="/v1/ranking", tags=["ranking"])

_CALL = fields_of(CallFields)


@routes.get("/", summary="How searches are ranked", responses=schemas.answers(ranking_schemas.Ranking))
async def ranking(request: Request) -> JsonResponse:
    """The weights in force, those that the project has set, the server's own, and the shipped ones."""
    return JsonResponse(await api_of(request).ranking(**known_params(request.query_params, _CALL)))


@routes.put(
    "/",
    summary="Rank searches otherwise",
    responses=schemas.answers(ranking_schemas.Ranking),
    openapi_extra=schemas.takes(ranking_schemas.RankingRequest),
)
async def set_ranking(request: Request) -> JsonResponse:
    """Sets the project's weights, durably and from the next search on; signals that aren't named are the server's.

    Sent again it has the same effect.
    """
    body = await json_object(request)
    return JsonResponse(await api_of(request).set_ranking(required(body, "weights"), **known(body, _CALL)))


@routes.delete("/", summary="Rank searches as shipped", responses=schemas.answers(ranking_schemas.Ranking))
async def reset_ranking(request: Request) -> JsonResponse:
    """Lets go of the project's weights."""
    return JsonResponse(await api_of(request).set_ranking(None, **known_params(request.query_params, _CALL)))
