"""`/v1/chat/completions`: OpenAI's chat, with memory."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from engine.access.keys import Role
from serve_app import openai_schemas, schemas
from serve_app.bodies import json_object
from serve_app.chat.request import bound_to
from serve_app.routes.routing import Routes, api_of, door_of, must_be, principal_of

routes = Routes(prefix="/v1/chat", tags=["openai"])


@routes.post(
    "/completions",
    summary="Chat with memory",
    responses=openai_schemas.streamed(openai_schemas.answers(openai_schemas.ChatAnswer, 413, 502, 504)),
    openapi_extra=schemas.takes(openai_schemas.ChatRequest),
)
async def completions(request: Request) -> Response:
    """Asks the language model, with what is remembered of the user put into the prompt; its answer, streamed or not,
    comes through as it is. What was said is remembered. Without a scope: the language model alone.

    Whose memory it is about is said by fields of the body, by the headers `X-Remora-User-Id`, `-Agent-Id`, `-App-Id`
    and `-Run-Id`, or by OpenAI's `user`. The header `X-Remora-Memories` tells how many went into the prompt, and
    `X-Remora-Operation` under which name what was said is remembered.
    """
    must_be(request, Role.WRITE)
    principal = principal_of(request)
    ids: dict[str, str] = {} if principal is None else dict(principal.scope.ids().items())
    body = bound_to(ids, await json_object(request), request.headers)
    return door_of(request).answer(api_of(request), body, await request.body(), request.headers)
