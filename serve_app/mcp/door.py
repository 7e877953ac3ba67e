"""MCP over streamable HTTP, without sessions: each request is complete in itself, so any replica answers it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from engine.config import Settings
from engine.errors import Unavailable
from serve_app.mcp.openmemory import BOUND
from serve_app.mcp.server import Context, Reach, bound_server, whole_server

_USER = "remora.mcp_user"
# Who may come in, also by which Host and from which page, has been decided before: `serve_app.auth`.
_DECIDED = TransportSecuritySettings(enable_dns_rebinding_protection=False)


class McpDoor:
    """The two servers of an application, open while it runs."""

    def __init__(self, settings: Settings, reach: Reach, version: str) -> None:
        self._whole = whole_server(reach, settings.mcp.default_user, version)
        self._bound = bound_server(BOUND, reach, _user_of, version)
        self._body_bytes = settings.limits.body_bytes
        self._open: dict[Server[Any], StreamableHTTPSessionManager] = {}

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Inside, requests are answered; at the end, those under way are given up."""
        async with AsyncExitStack() as stack:
            for server in (self._whole, self._bound):
                sessions = self._sessions(server)
                await stack.enter_async_context(sessions.run())
                self._open[server] = sessions
            try:
                yield
            finally:
                self._open.clear()

    def answer(self) -> Response:
        """The answer to a message for all tools."""
        return _Answer(self._opened(self._whole))

    def answer_for(self, request: Request, user: str) -> Response:
        """The answer to a message for the tools that are about this user alone."""
        request.scope[_USER] = user
        return _Answer(self._opened(self._bound))

    def _sessions(self, server: Server[Any]) -> StreamableHTTPSessionManager:
        return StreamableHTTPSessionManager(
            server,
            json_response=True,
            stateless=True,
            security_settings=_DECIDED,
            max_request_body_size=self._body_bytes,
        )

    def _opened(self, server: Server[Any]) -> StreamableHTTPSessionManager:
        if server not in self._open:
            raise Unavailable("MCP isn't answered while the server starts or stops; try again", {"retry_after_s": 1})
        return self._open[server]


class _Answer(Response):
    """What the SDK answers, made while it is sent."""

    def __init__(self, sessions: StreamableHTTPSessionManager) -> None:
        super().__init__()
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await self._sessions.handle_request(scope, receive, send)


def _user_of(context: Context) -> str:
    request: Any = context.request
    user: str = request.scope[_USER]
    return user
