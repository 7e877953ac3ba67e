"""`/v1/graph/`: what the memories of a scope mention, and how it hangs together."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from engine.api import AliasFields, CommunitiesFields, GraphEntitiesFields, NeighboursFields, PathFields
from engine.types import SCOPE_FIELDS
from serve_app import graph_schemas, schemas
from serve_app.bodies import fields_of, json_object, known, required
from serve_app.pages import paged
from serve_app.queries import known_params
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of

routes = Routes(prefix="/v1/graph", tags=["graph"])

_ENTITIES_PATH = "/v1/graph/entities/"
_ENTITIES, _NEIGHBOURS, _PATH = fields_of(GraphEntitiesFields), fields_of(NeighboursFields), fields_of(PathFields)
_COMMUNITIES = fields_of(CommunitiesFields)
_SPLIT = fields_of(AliasFields) | {"name"}
_MERGE = _SPLIT | {"into"}
_AT_HELP = "A time with its offset, or a date: relations that were true then; memories made later don't count."
_SCOPE_HELP: dict[str, str] = dict.fromkeys(
    SCOPE_FIELDS, "Only memories with this id; at least one of the four ids is needed, several are ANDed."
)
_SCOPE_HELP["as_of"] = "What was known then: a day, unix seconds, or ISO 8601 with its offset."
_SCOPE_HELP["as_of_position"] = "What was known at this position of the ledger."


@routes.get(
    "/entities/",
    summary="What memories mention",
    responses=schemas.answers(graph_schemas.MentionPage),
    openapi_extra=schemas.parameters(
        name="Only names that contain this, whatever the case.",
        page="From 1.",
        page_size="Entries per page.",
        at=_AT_HELP,
        **_SCOPE_HELP,
    ),
)
async def entities(request: Request) -> JsonResponse:
    """The people, places and things in the memories of a scope, most mentioned first."""
    fields = known_params(request.query_params, _ENTITIES)
    return paged(request, _ENTITIES_PATH, await api_of(request).graph_entities(**fields))


@routes.get(
    "/neighbours/",
    summary="What surrounds an entity",
    responses=schemas.answers(graph_schemas.Neighbours, 404),
    openapi_extra=schemas.parameters(
        entity="Its name, whatever the case.",
        limit="How many memories, how many entities and how many relations at most.",
        depth="How many steps away entities and relations may be, 1 to 3.",
        at=_AT_HELP,
        **_SCOPE_HELP,
    ),
)
async def neighbours(request: Request) -> JsonResponse:
    """The memories that mention an entity, what is mentioned with it, and its relations. 404: nothing mentions it."""
    params = known_params(request.query_params, _NEIGHBOURS | {"entity"})
    entity = _taken(params, "entity")
    return JsonResponse(await api_of(request).neighbours(entity, **params))


@routes.get(
    "/path/",
    summary="How two entities hang together",
    responses=schemas.answers(graph_schemas.PathAnswer, 404),
    openapi_extra=schemas.parameters(
        source="The name of the first entity.",
        target="The name of the last one.",
        most_steps="Longer paths are not looked for.",
        at=_AT_HELP,
        **_SCOPE_HELP,
    ),
)
async def path(request: Request) -> JsonResponse:
    """The shortest way over relations and common memories. 404: nothing mentions one of the two."""
    params = known_params(request.query_params, _PATH | {"source", "target"})
    source, target = _taken(params, "source"), _taken(params, "target")
    return JsonResponse(await api_of(request).path(source, target, **params))


@routes.get(
    "/communities/",
    summary="Which entities belong together",
    responses=schemas.answers(graph_schemas.Communities),
    openapi_extra=schemas.parameters(
        limit="How many communities, and of each how many entities and relations at most.",
        at=_AT_HELP,
        **_SCOPE_HELP,
    ),
)
async def communities(request: Request) -> JsonResponse:
    """Groups of entities that memories mention together more than others, the largest first."""
    return JsonResponse(await api_of(request).communities(**known_params(request.query_params, _COMMUNITIES)))


@routes.post(
    "/merge/",
    summary="Two names for one entity",
    responses=schemas.answers(graph_schemas.Aliases, 409),
    openapi_extra=schemas.takes(graph_schemas.MergeRequest),
)
async def merge(request: Request) -> JsonResponse:
    """Lets a name mean the entity of another in a scope. Nothing in the memories changes: `split` restores what was."""
    body = known(await json_object(request), _MERGE)
    name, into = _taken(body, "name"), _taken(body, "into")
    return JsonResponse(await api_of(request).merge_entities(name, into, **body))


@routes.post(
    "/split/",
    summary="Let a name mean what it says again",
    responses=schemas.answers(graph_schemas.Aliases),
    openapi_extra=schemas.takes(graph_schemas.SplitRequest),
)
async def split(request: Request) -> JsonResponse:
    """Takes back what `merge` has said of a name."""
    body = known(await json_object(request), _SPLIT)
    name = _taken(body, "name")
    return JsonResponse(await api_of(request).split_entity(name, **body))


def _taken(params: dict[str, Any], name: str) -> str:
    """A parameter that must be there, taken out of the others."""
    value: str = required(params, name)
    del params[name]
    return value
