"""How large a body may be. What it may hold is for the engine to say."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.errors import TooLarge


class BodyLimit:
    """ASGI middleware: refuses a body over the limit by its announced length, or as soon as it has come too far."""

    def __init__(self, app: ASGIApp, body_bytes: int) -> None:
        self._app = app
        self._limit = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request with a counted body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._check(announced_bytes(scope))
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                self._check(seen)
            return message

        await self._app(scope, counted, send)

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self._limit:
            raise TooLarge(
                f"the body is larger than {self._limit} bytes (limits.body_bytes): send less in one request",
                {"limit": "body_bytes", "allowed": self._limit},
            )


def announced_bytes(scope: Scope) -> int:
    """How large the body is, as its sender says; 0: it doesn't say."""
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
