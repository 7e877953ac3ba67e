"""Errors in OpenAI's shape, on the routes that OpenAI's clients ask."""

from __future__ import annotations

from starlette.types import Scope

from engine.errors import RemoraError
from engine.types import Json
from serve_app.errors import INTERNAL_DETAIL, NoLanguageModel, status_of
from serve_app.paths import route_path

_ROUTES = ("/v1/chat", "/v1/models", "/v1/embeddings")
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def is_asked_by_openai(scope: Scope) -> bool:
    """Whether a request is for a route of OpenAI's."""
    path = route_path(scope)
    return any(path == route or path.startswith(f"{route}/") for route in _ROUTES)


def body(message: str, code: str, status: int, param: str | None = None) -> Json:
    """The one shape that OpenAI's clients read."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def body_of(error: RemoraError) -> Json:
    """The answer to `error`. One of status 500 says nothing of what is inside."""
    status = status_of(error)
    if status == 500:
        return body(INTERNAL_DETAIL, error.code, status)
    field = error.details.get("field")
    return body(error.message, error.code, status, field if isinstance(field, str) else None)


def headers_of(error: RemoraError) -> dict[str, str]:
    """Whether it is of use to ask again, where a client would."""
    final = isinstance(error, NoLanguageModel) or status_of(error) == 500
    return {"x-should-retry": "false"} if final else {}
