"""`/v1/keys/`: the keys beside the server's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from fastapi import Request

from engine.access.audit import witnessed
from engine.access.keys import Role
from engine.access.making import issued, ordered, revoked, rotated
from engine.types import DEFAULT_PROJECT, Json
from serve_app import key_schemas, schemas
from serve_app.bodies import json_object
from serve_app.paths import decoded
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, audit_of, keys_of, must_be, name_of, principal_of

routes = Routes(prefix="/v1/keys", tags=["keys"])


@routes.post(
    "/",
    summary="Make a key",
    responses=schemas.answers(key_schemas.KeyAnswer, 413),
    openapi_extra=schemas.takes(key_schemas.NewKey),
)
async def create(request: Request) -> JsonResponse:
    """The answer has the key itself, this once. Needs the server's own key, or one with the role admin: that makes keys
    of its project, bound to what it is bound to."""
    must_be(request, Role.ADMIN)
    body, keys, who = await json_object(request), keys_of(request), principal_of(request)
    return await _witnessed(request, "create_key", issued, keys, body, who, DEFAULT_PROJECT, time.time())


@routes.get("/", summary="List keys", responses=schemas.answers(key_schemas.KeyList))
async def keys(request: Request) -> JsonResponse:
    """Without their secrets; those of the project, or with the server's own key all."""
    must_be(request, Role.ADMIN)
    return JsonResponse({"results": ordered(keys_of(request), principal_of(request), time.time())})


@routes.delete("/{key_id}/", summary="Revoke a key", responses=schemas.answers(key_schemas.KeyObject, 404))
async def revoke(request: Request, key_id: str) -> JsonResponse:
    """It opens nothing any more, within a second."""
    must_be(request, Role.ADMIN)
    asked = (keys_of(request), decoded(key_id), principal_of(request), time.time())
    return await _witnessed(request, "revoke_key", revoked, *asked)


@routes.post(
    "/{key_id}/rotate/",
    summary="Give a key a new secret",
    responses=schemas.answers(key_schemas.KeyAnswer, 404, 413),
    openapi_extra=schemas.takes(key_schemas.Rotation, required=False),
)
async def rotate(request: Request, key_id: str) -> JsonResponse:
    """The answer has the new key, this once; the old one holds for `overlap_s` seconds more."""
    must_be(request, Role.ADMIN)
    body = await json_object(request, optional=True)
    asked = (keys_of(request), decoded(key_id), body.get("overlap_s"), principal_of(request), time.time())
    return await _witnessed(request, "rotate_key", rotated, *asked)


async def _witnessed(request: Request, action: str, change: Callable[..., Json], *asked: Any) -> JsonResponse:
    """What a change of keys answers, written down in the audit log."""
    log, who = audit_of(request), name_of(request)

    def work() -> Json:
        return change(*asked) if log is None else witnessed(log, who, action, change, *asked)

    return JsonResponse(await asyncio.to_thread(work))
