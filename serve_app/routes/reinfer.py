"""`/v1/reinfer/`: stored messages read for facts once more."""

from __future__ import annotations

from fastapi import Request

from engine.api import ReinferFields
from engine.errors import InvalidInput
from serve_app import reinfer_schemas, schemas
from serve_app.bodies import fields_of, json_object, known
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of

routes = Routes(prefix="/v1", tags=["facts"])

_REINFER = fields_of(ReinferFields)
_HARMLESS = frozenset({"source", "org_id", "project_id"})


@routes.post(
    "/reinfer/",
    summary="Read stored messages for facts once more",
    responses=schemas.answers(reinfer_schemas.ReinferAnswer, 413),
    openapi_extra=schemas.takes(reinfer_schemas.ReinferRequest),
)
async def reinfer(request: Request) -> JsonResponse:
    """Reads the messages of a stretch of adds with the language model and the wishes of now, shows which facts would be
    added, changed and ended, and writes that with `"apply": true`.

    Give `next` of the answer as `cursor` of the next call, until it is null. Refuses fields that it doesn't know, and
    parameters: without them, more could change than was meant.
    """
    body = await json_object(request)
    unknown = sorted((body.keys() - _REINFER - _HARMLESS) | (request.query_params.keys() - _HARMLESS))
    if unknown:
        raise InvalidInput(
            f"unknown: {', '.join(unknown)}; what is meant belongs into the body, and nothing was read",
            {"unknown": unknown},
        )
    return JsonResponse(await api_of(request).reinfer(**known(body, _REINFER)))
