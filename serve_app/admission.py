"""How many requests may be under way in this process, and how much they may have brought along."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.config import LimitSettings
from engine.shares import Shares
from serve_app.chat import ChatDoor
from serve_app.limits import announced_bytes
from serve_app.paths import route_path

_ALWAYS_ANSWERED = frozenset({"/healthz", "/readyz", "/metrics", "/v1/status", "/v1/ping"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_CHATS = "/v1/chat/completions"
_ASKING = frozenset({"search", "context", "embeddings"})
"""In a path: what is asked with a body."""
_LISTS = frozenset({"/v3/memories", "/v2/memories"})
"""Lists that are asked for with a body."""
_PARTS_OF_A_BODY = 4
"""So much of a body's size is in memory while it is read, parsed and sent on, at most."""


class Admission:
    """ASGI middleware: refuses a request for which there is no place, before its body is read.

    What changes something never takes all places. Chats, which last, have places of their own. Health and figures are
    answered however full it is.
    """

    def __init__(self, app: ASGIApp, places: Shares, chats: ChatDoor, body_bytes: int) -> None:
        self._app = app
        self._places = places
        self._chats = chats
        self._body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request, if there is a place."""
        if scope["type"] != "http" or route_path(scope) in _ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
            return
        with self._place(scope):
            await self._app(scope, receive, send)

    def _place(self, scope: Scope) -> AbstractContextManager[None]:
        size_bytes = self._size_bytes(scope)
        if route_path(scope) == _CHATS:
            return self._chats.admit(size_bytes)
        return self._places.admit(changing=is_changing(scope), size_bytes=size_bytes)

    def _size_bytes(self, scope: Scope) -> int:
        """What the body will take; without a length it may become as large as one may be."""
        unknown = "transfer-encoding" in Headers(scope=scope)
        return _PARTS_OF_A_BODY * (self._body_bytes if unknown else announced_bytes(scope))


def is_changing(scope: Scope) -> bool:
    """Whether a request may change something, as far as its method and path say."""
    path = route_path(scope)
    return scope["method"] not in _READING and path not in _LISTS and not _ASKING & set(path.split("/"))


def places_for(limits: LimitSettings, clock: Callable[[], float]) -> Shares:
    """As many as the settings allow."""
    return Shares("requests", limits.pending_requests, limits.pending_bytes, clock)
