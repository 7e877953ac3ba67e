"""`/v1/memories/`: add, search, list, one memory, its history, and deletion of a scope."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from engine.api import (
    AddFields,
    CallFields,
    DeleteAllFields,
    GetFields,
    ListFields,
    SearchFields,
    UpdateFields,
    WriteFields,
)
from engine.errors import InvalidInput
from engine.types import SCOPE_FIELDS
from serve_app import schemas
from serve_app.bodies import fields_of, json_object, known, no_body, required
from serve_app.mem0.clients import HARMLESS, allowed_in_a_deletion
from serve_app.mem0.scopes import ids_in_text
from serve_app.mem0.wide import delete_wide, is_wide
from serve_app.pages import paged
from serve_app.paths import decoded, sent_path
from serve_app.queries import known_params, only, single
from serve_app.responses import JsonResponse, answer
from serve_app.routes.routing import Routes, api_of, deadline_of, idempotency_of, limits_of

routes = Routes(prefix="/v1/memories", tags=["memories"])

_PATH = "/v1/memories/"
_ADD, _SEARCH, _UPDATE = fields_of(AddFields), fields_of(SearchFields), fields_of(UpdateFields)
_LIST, _ONE, _HISTORY = fields_of(ListFields), fields_of(GetFields), fields_of(CallFields)
_WRITE, _DELETE_ALL = fields_of(WriteFields) - {"idempotency_key"}, fields_of(DeleteAllFields) - {"idempotency_key"}
_SCOPE_HELP = dict.fromkeys(SCOPE_FIELDS, "Only memories with this id; several are ANDed.")
_PAST_HELP = {
    "as_of": "As it was then: a day, unix seconds, or ISO 8601 with its offset.",
    "as_of_position": "As it was at this position of the ledger.",
}


@routes.post(
    "/",
    summary="Keep what was said",
    responses=schemas.answers(schemas.AddAnswer, 409, 413) | schemas.ACCEPTED,
    openapi_extra=schemas.takes(schemas.AddRequest),
)
async def add(request: Request) -> JsonResponse:
    """Needs `messages` and at least one scope id. Durable when it answers.

    The header `Idempotency-Key` makes a repeated request have one effect and the same answer.
    """
    body = await json_object(request)
    fields = known(body, _ADD) | idempotency_of(request)
    return answer(await api_of(request).add(required(body, "messages"), **fields))


@routes.post(
    "/search/",
    summary="Find memories",
    responses=schemas.answers(schemas.SearchAnswer, 413),
    openapi_extra=schemas.takes(schemas.SearchRequest),
)
async def search(request: Request) -> JsonResponse:
    """Needs a `query` and a scope: in `filters`, or as ids beside it."""
    body = await json_object(request)
    return JsonResponse(await api_of(request).search(required(body, "query"), **known(body, _SEARCH)))


@routes.get(
    "/",
    summary="List memories",
    responses=schemas.answers(schemas.MemoryPage),
    openapi_extra=schemas.parameters(
        **_SCOPE_HELP,
        **_PAST_HELP,
        filters="A filter as JSON, as in a search.",
        include_expired="true: with memories whose last day is over.",
        page="From 1.",
        page_size="Entries per page.",
    ),
)
async def list_memories(request: Request) -> JsonResponse:
    """The memories of a scope, newest first."""
    fields = known_params(request.query_params, _LIST)
    return paged(request, _PATH, await api_of(request).list(**fields))


@routes.delete(
    "/",
    summary="Delete a scope",
    responses=schemas.answers(schemas.DeleteAllAnswer) | schemas.ACCEPTED,
    openapi_extra=schemas.parameters(**_SCOPE_HELP),
)
async def delete_all(request: Request) -> JsonResponse:
    """Deletes every memory that has all given ids. Refuses any other parameter, and a body: both could mean less."""
    fields = await _deletion(request) | idempotency_of(request)
    if is_wide(fields, request.headers):
        limits, deadline_s = limits_of(request), deadline_of(request)
        return answer(await delete_wide(api_of(request), fields, page_size=limits.page_size, deadline_s=deadline_s))
    return answer(await api_of(request).delete_all(**fields))


@routes.get(
    "/{memory_id}/",
    summary="Get a memory",
    responses=schemas.answers(schemas.Memory, 404, 410),
    openapi_extra=schemas.parameters(**_PAST_HELP),
)
async def get(request: Request, memory_id: str) -> JsonResponse:
    """The newest version of a memory, or that of an earlier time."""
    fields = known_params(request.query_params, _ONE)
    return JsonResponse(await api_of(request).get(decoded(memory_id), **fields))


@routes.put(
    "/{memory_id}/",
    summary="Change a memory",
    responses=schemas.answers(schemas.UpdateAnswer, 404, 409, 410, 413) | schemas.ACCEPTED,
    openapi_extra=schemas.takes(schemas.UpdateRequest),
)
async def update(request: Request, memory_id: str) -> JsonResponse:
    """Makes a new version; the old one stays in its history."""
    fields = known(await json_object(request), _UPDATE) | idempotency_of(request)
    return answer(await api_of(request).update(decoded(memory_id), **fields))


@routes.delete(
    "/{memory_id}/",
    summary="Delete a memory",
    responses=schemas.answers(schemas.DeleteAnswer, 404, 410) | schemas.ACCEPTED,
)
async def delete(request: Request, memory_id: str) -> JsonResponse:
    """The memory is found no more; its history stays. Refuses any other parameter, and a body: it could be meant as a
    condition."""
    only(request.query_params, _WRITE | HARMLESS | allowed_in_a_deletion(request.headers))
    await no_body(request, "a deletion takes its id from the path, and nothing from a body")
    fields = known_params(request.query_params, _WRITE) | idempotency_of(request)
    return answer(await api_of(request).delete(decoded(memory_id), **fields))


@routes.get(
    "/{memory_id}/history/",
    summary="History of a memory",
    responses=schemas.answers(list[schemas.HistoryEntry], 404, 410),
)
async def history(request: Request, memory_id: str) -> JsonResponse:
    """What happened to a memory, oldest first; also after its deletion."""
    fields = known_params(request.query_params, _HISTORY)
    return JsonResponse(await api_of(request).history(decoded(memory_id), **fields))


async def _deletion(request: Request) -> dict[str, Any]:
    """The scope to delete, when nothing about the request could mean that less should go."""
    if sent_path(request.scope).endswith("//"):
        raise InvalidInput("the memory id in the path is empty", {"field": "memory_id"})
    params = request.query_params
    only(params, _DELETE_ALL | HARMLESS | allowed_in_a_deletion(request.headers))
    await no_body(request, "a deletion by scope takes its ids from the query, not from a body")
    fields = known_params(params, _DELETE_ALL)
    if "filters" in params:
        fields |= _ids_beside(fields, ids_in_text(single(params, "filters")))
    if not any(name in fields for name in SCOPE_FIELDS):
        raise InvalidInput(
            f"at least one of {', '.join(SCOPE_FIELDS)} is required; nothing was deleted", {"fields": [*SCOPE_FIELDS]}
        )
    return fields


def _ids_beside(fields: dict[str, Any], ids: dict[str, Any]) -> dict[str, Any]:
    """The ids of `filters`, when none of them is given beside it too."""
    twice = [name for name in ids if name in fields]
    if twice:
        raise InvalidInput(f"{twice[0]} is given twice, once in filters; nothing was deleted", {"field": twice[0]})
    return ids
