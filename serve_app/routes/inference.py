"""`/v1/inference/`: what a project wants of the facts that are made of its messages; and what an add would store."""

from __future__ import annotations

from fastapi import Request

from engine.api import CallFields, PreviewFields
from serve_app import inference_schemas, schemas
from serve_app.bodies import fields_of, json_object, known, required
from serve_app.queries import known_params
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of

routes = Routes(prefix="/v1", tags=["inference"])

_CALL, _PREVIEW = fields_of(CallFields), fields_of(PreviewFields)


@routes.post(
    "/memories/preview/",
    summary="What an add would store",
    responses=schemas.answers(inference_schemas.Preview, 413),
    openapi_extra=schemas.takes(inference_schemas.PreviewRequest),
)
async def preview(request: Request) -> JsonResponse:
    """A dry run: takes what an add takes, asks the language model what the facts are and what becomes of those that are
    known, and stores nothing."""
    body = await json_object(request)
    return JsonResponse(await api_of(request).preview(required(body, "messages"), **known(body, _PREVIEW)))


@routes.get("/inference/", summary="How facts are made", responses=schemas.answers(inference_schemas.Inference))
async def inference(request: Request) -> JsonResponse:
    """What the project wants of its facts, and the policy in force."""
    return JsonResponse(await api_of(request).inference(**known_params(request.query_params, _CALL)))


@routes.put(
    "/inference/",
    summary="Make facts otherwise",
    responses=schemas.answers(inference_schemas.Inference, 413),
    openapi_extra=schemas.takes(inference_schemas.InferenceRequest),
)
async def set_inference(request: Request) -> JsonResponse:
    """Sets what the project wants, durably and for all facts that are made from now on; what isn't named is wanted no
    more. Sent again it has the same effect."""
    body = await json_object(request)
    return JsonResponse(await api_of(request).set_inference(required(body, "inference"), **known(body, _CALL)))


@routes.delete("/inference/", summary="Make facts as shipped", responses=schemas.answers(inference_schemas.Inference))
async def reset_inference(request: Request) -> JsonResponse:
    """Lets go of what the project wanted."""
    return JsonResponse(await api_of(request).set_inference(None, **known_params(request.query_params, _CALL)))
