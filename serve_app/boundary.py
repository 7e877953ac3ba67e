"""The outermost layer: gives each request an id and turns whatever is raised within into an answer."""

from __future__ import annotations

import logging
import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.errors import RemoraError
from serve_app import openai_errors
from serve_app.errors import INTERNAL_DETAIL, body, body_of, code_of, headers_of, status_of
from serve_app.responses import ErrorResponse

REQUEST_ID = "remora.request_id"
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_log = logging.getLogger("remora.http")


def request_id_of(incoming: str | None) -> str:
    """The id that the caller gave, if it is fit for a log line and a header, else a new one."""
    if incoming is not None and _SANE_ID.fullmatch(incoming):
        return incoming
    return uuid.uuid4().hex


class Boundary:
    """ASGI middleware: `X-Request-ID` on every answer, and an error body of one shape for every error.

    `tells_id` False: the server in front adds the header by itself, and a second one would be joined to it.
    An error after the answer has begun is raised on: the server then cuts the connection, so that half an answer is
    not taken for a whole one.
    """

    def __init__(self, app: ASGIApp, *, tells_id: bool = True) -> None:
        self._app = app
        self._tells_id = tells_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(Headers(scope=scope).get("x-request-id"))
        scope[REQUEST_ID] = request_id
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                if self._tells_id:
                    headers["x-request-id"] = request_id
                headers["x-content-type-options"] = "nosniff"
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            _log.debug("the caller went away", extra={"request_id": request_id})
        except Exception as error:  # the boundary: nothing may leave it but an answer
            if started:
                raise
            await _answer_to(error, request_id, scope)(scope, receive, send_with_id)


def _answer_to(error: Exception, request_id: str, scope: Scope) -> Response:
    known = error if isinstance(error, RemoraError) else RemoraError(INTERNAL_DETAIL)
    status = status_of(known)
    if status == 500:
        _log.error("request %s failed", request_id, exc_info=error)
    if openai_errors.is_asked_by_openai(scope):
        headers = headers_of(known) | openai_errors.headers_of(known)
        return ErrorResponse(openai_errors.body_of(known), status_code=status, headers=headers)
    return ErrorResponse(body_of(known, request_id), status_code=status, headers=headers_of(known))


async def on_http_exception(request: Request, error: Exception) -> Response:
    """No such path, or not with this method: what the framework raises itself, in our shape."""
    if not isinstance(error, HTTPException):
        raise error
    code = code_of(error.status_code)
    if openai_errors.is_asked_by_openai(request.scope):
        content = openai_errors.body(error.detail, code, error.status_code)
    else:
        content = body(error.detail, code, request.scope[REQUEST_ID])
    headers = {"allow": _allowed(request)} if error.status_code == 405 else error.headers
    return ErrorResponse(content, status_code=error.status_code, headers=headers)


def _allowed(request: Request) -> str:
    """The methods of a path, which may be spread over several routes."""
    routes: list[Route] = request.app.state.declared
    here = (route.methods or () for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return ", ".join(sorted({method for methods in here for method in methods}))
