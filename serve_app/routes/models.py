"""`/v1/models`: what OpenAI's clients can ask here: the language models, and Remora's own model for embeddings."""

from __future__ import annotations

import orjson
from fastapi import Request
from starlette.responses import Response

from engine.errors import NotFound
from engine.types import Json
from serve_app import openai_schemas
from serve_app.chat.upstream import Answered
from serve_app.errors import UpstreamUnavailable
from serve_app.paths import decoded
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of, door_of

routes = Routes(prefix="/v1/models", tags=["openai"])

_NO_LIST = frozenset({404, 405, 501})
_GOOD = 200


@routes.get("", summary="List models", responses=openai_schemas.answers(openai_schemas.ModelList, 502, 504))
async def models(request: Request) -> Response:
    """Those of the language model's server, and Remora's own, which embeds."""
    upstream, own = door_of(request).upstream, await _own(request)
    found = await upstream.models() if upstream.is_set else None
    if found is not None and found.status != _GOOD and found.status not in _NO_LIST:
        return _as_it_is(found)
    if found is not None and found.status == _GOOD:
        theirs = _listed(found.body)
    else:
        theirs = [] if upstream.model is None else [_model(upstream.model, "llm")]
    return JsonResponse({"object": "list", "data": [*theirs, own]})


@routes.get(
    "/{name:path}", summary="Get a model", responses=openai_schemas.answers(openai_schemas.Model, 404, 502, 504)
)
async def model(request: Request, name: str) -> Response:
    """One of them; its name may hold slashes."""
    wanted, upstream = decoded(name).rstrip("/"), door_of(request).upstream
    own = await _own(request)
    if wanted == own["id"]:
        return JsonResponse(own)
    if not upstream.is_set:
        raise NotFound(f"there is no model {wanted!r}; there is {own['id']!r}, which embeds", {"field": "model"})
    return _as_it_is(await upstream.models(wanted))


async def _own(request: Request) -> Json:
    return _model((await api_of(request).embed([]))["model"], "remora")


def _model(name: str, owner: str) -> Json:
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}


def _listed(body: bytes) -> list[Json]:
    try:
        data = orjson.loads(body)["data"]
    except (orjson.JSONDecodeError, LookupError, TypeError) as error:
        raise UpstreamUnavailable("the language model's server answers no list of models") from error
    if not isinstance(data, list):
        raise UpstreamUnavailable("the language model's server answers no list of models")
    return data


def _as_it_is(found: Answered) -> Response:
    response = Response(found.body, found.status)
    response.raw_headers += found.headers
    return response
