"""`/v1/purge/`, `/v1/verify/`, `/v1/rebuild/`: erase for good, compare ledger and indexes, build an index anew."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from engine.api import PurgeFields, RebuildFields, VerifyFields
from engine.errors import InvalidInput
from engine.types import SCOPE_FIELDS, Json
from serve_app import schemas, upkeep_schemas
from serve_app.bodies import fields_of, json_object, known, required
from serve_app.paths import decoded
from serve_app.queries import known_params, only
from serve_app.responses import JsonResponse, accepted, answer
from serve_app.routes.routing import Routes, api_of, idempotency_of

routes = Routes(prefix="/v1", tags=["upkeep"])

_PURGE = fields_of(PurgeFields) - {"idempotency_key"}
_VERIFY = fields_of(VerifyFields)
_REBUILD = fields_of(RebuildFields) - {"start"}
_NAMES = frozenset({"memory_id", *SCOPE_FIELDS})
_HARMLESS = frozenset({"source", "org_id", "project_id"})


@routes.post(
    "/purge/",
    summary="Erase for good",
    responses=schemas.answers(upkeep_schemas.PurgeAnswer, 404, 409, 410) | schemas.ACCEPTED,
    openapi_extra=schemas.takes(upkeep_schemas.PurgeRequest),
)
async def purge(request: Request) -> JsonResponse:
    """Erases text, vectors, metadata and stored answers of one memory, or of every memory that has all given ids, also
    of deleted ones, from the ledger and from every index file. This can't be undone.

    Refuses fields that it doesn't know, and parameters: without them, more could go than was meant.
    """
    body = await json_object(request)
    return answer(await api_of(request).purge(**_erasure(request, body), **idempotency_of(request)))


@routes.post(
    "/verify/",
    summary="Compare ledger and indexes",
    responses=schemas.answers(upkeep_schemas.VerifyAnswer),
    openapi_extra=schemas.takes(upkeep_schemas.VerifyRequest, required=False),
)
async def verify(request: Request) -> JsonResponse:
    """Compares a stretch of the ledger with the vector index and the graph, row by row, while everything runs.

    Give `next` of the answer as `cursor` of the next call, until it is null.
    """
    fields = known(await json_object(request, optional=True), _VERIFY)
    return JsonResponse(await api_of(request).verify(**fields))


@routes.post(
    "/rebuild/",
    summary="Build an index anew",
    responses=schemas.answers(upkeep_schemas.RebuildAnswer) | schemas.goes_on(upkeep_schemas.RebuildAnswer),
    openapi_extra=schemas.takes(upkeep_schemas.RebuildRequest),
)
async def rebuild(request: Request) -> JsonResponse:
    """Begins to build the index from the ledger, or joins what has begun; reads and writes go on meanwhile."""
    body = await json_object(request)
    told = await api_of(request).rebuild(required(body, "index"), **known(body, _REBUILD))
    return accepted(told) if told.get("state") == "RUNNING" else JsonResponse(told)


@routes.get(
    "/rebuild/{index}/",
    summary="How far a rebuild is",
    responses=schemas.answers(upkeep_schemas.RebuildAnswer),
)
async def rebuilding(request: Request, index: str) -> JsonResponse:
    """Of the index `vector` or `graph`. Begins nothing."""
    fields = known_params(request.query_params, _REBUILD)
    return JsonResponse(await api_of(request).rebuild(decoded(index), start=False, **fields))


def _erasure(request: Request, body: Json) -> dict[str, Any]:
    """What to erase, when nothing about the request could mean that less should go.

    Raises:
        InvalidInput: it names nothing, or holds what isn't known, or an id is null.
    """
    only(request.query_params, _HARMLESS)
    only(body, _PURGE | _HARMLESS)
    empty = sorted(name for name in _NAMES if name in body and body[name] is None)
    if empty:
        raise InvalidInput(
            f"{', '.join(empty)} should not be null; nothing was erased: leave out what isn't meant as a condition",
            {"fields": empty},
        )
    if not _NAMES & body.keys():
        raise InvalidInput(
            f"memory_id, or at least one of {', '.join(SCOPE_FIELDS)} is required; nothing was erased",
            {"fields": ["memory_id", *SCOPE_FIELDS]},
        )
    return known(body, _PURGE)
