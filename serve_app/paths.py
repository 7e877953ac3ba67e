"""Request paths: routed as they were sent (still percent-encoded), with `//` collapsed, and decoded afterwards.

Whatever is percent-encoded has to be UTF-8: an id that came out as another one could be somebody's.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from engine.errors import InvalidInput

_SLASHES = re.compile(r"/{2,}")


class EncodedPaths:
    """ASGI middleware: an id that holds `%2F` stays one segment, and `//v1/ping/` finds `/v1/ping/`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request under its path as sent.

        Raises:
            InvalidInput: the query is not UTF-8.
        """
        if scope["type"] == "http":
            _text(scope.get("query_string", b"").decode("latin-1"), "query")
            scope["path"] = _SLASHES.sub("/", sent_path(scope))
        await self._app(scope, receive, send)


def sent_path(scope: Scope) -> str:
    """The path as the client sent it; a server that doesn't tell gets it encoded again."""
    raw: bytes | None = scope.get("raw_path")
    return raw.partition(b"?")[0].decode("latin-1") if raw else quote(scope["path"])


def route_path(scope: Scope) -> str:
    """The path below the prefix under which the application is mounted, without a slash at the end."""
    path: str = scope["path"]
    prefix: str = scope.get("root_path", "")
    return path.removeprefix(prefix).rstrip("/")


def decoded(segment: str) -> str:
    """A path segment as text.

    Raises:
        InvalidInput: its bytes are not UTF-8.
    """
    return _text(segment, "path")


def _text(encoded: str, where: str) -> str:
    try:
        return unquote_to_bytes(encoded.encode("latin-1")).decode()
    except UnicodeError as error:
        raise InvalidInput(f"the {where} is not valid UTF-8", {"field": where}) from error
