"""How routes are declared: each path answers with and without its last slash, and never redirects."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

from fastapi import APIRouter
from starlette.requests import Request

from engine.access.audit import LOCAL, SERVER, AuditLog
from engine.access.audited import audited
from engine.access.guarded import guarded
from engine.access.key_file import KeyFile
from engine.access.keys import Principal, Role
from engine.api import MemoryApi
from engine.config import LimitSettings
from engine.errors import Forbidden, InvalidInput
from serve_app.auth import KEY, PRINCIPAL
from serve_app.chat import ChatDoor
from serve_app.figures import ReplicaFigures
from serve_app.mcp.door import McpDoor
from serve_app.responses import JsonResponse


class Routes(APIRouter):
    """A router that adds every path twice; the form that was declared is the documented one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(redirect_slashes=False, default_response_class=JsonResponse, **options)

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add `path` and its other form."""
        super().add_api_route(path, endpoint, **options)
        if self.prefix + path != "/":
            other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
            super().add_api_route(other, endpoint, **{**options, "include_in_schema": False})


def api_of(request: Request) -> MemoryApi:
    """The memory system that this application serves, as whoever asks may see it."""
    api, principal = cast(MemoryApi, request.app.state.api), principal_of(request)
    held = api if principal is None else guarded(api, principal)
    log, project = audit_of(request), None if principal is None else principal.project
    return held if log is None else audited(held, log, name_of(request), project, time.time)


def principal_of(request: Request) -> Principal | None:
    """The holder of which key asks; None: whoever may do everything."""
    return cast(Principal | None, request.scope.get(PRINCIPAL))


def name_of(request: Request) -> str:
    """Who asks, for the audit log: a key by its id."""
    principal = principal_of(request)
    if principal is not None:
        return principal.key_id
    return SERVER if KEY in request.scope else LOCAL


def audit_of(request: Request) -> AuditLog | None:
    """Where it is written down what is done to whole projects and to keys."""
    return cast(AuditLog | None, request.app.state.audit)


def must_be(request: Request, role: Role) -> None:
    """Refuse holders of keys with less than a role; for what no verb of the memory system is behind.

    Raises:
        Forbidden: the key has less.
    """
    principal = principal_of(request)
    if principal is not None and not principal.role.may(role):
        raise Forbidden(f"this needs the role {role}; this key has {principal.role}")


def must_be_server_s_own(request: Request) -> None:
    """Refuse all keys but the server's own. Raises Forbidden."""
    if principal_of(request) is not None:
        raise Forbidden("this is about the whole server: it needs the server's own key")


def idempotency_of(request: Request) -> dict[str, Any]:
    """The caller's key for this change, as a field of the call; nothing when there is none.

    Raises:
        InvalidInput: there are two.
    """
    keys = request.headers.getlist("idempotency-key")
    if len(keys) > 1:
        raise InvalidInput("the header Idempotency-Key is given more than once", {"field": "idempotency_key"})
    return {"idempotency_key": keys[0]} if keys else {}


def door_of(request: Request) -> ChatDoor:
    """Where chats go through."""
    return cast(ChatDoor, request.app.state.chats)


def mcp_of(request: Request) -> McpDoor:
    """Where messages of MCP go through."""
    return cast(McpDoor, request.app.state.mcp)


def limits_of(request: Request) -> LimitSettings:
    """What a request to this application may hold."""
    return cast(LimitSettings, request.app.state.limits)


def deadline_of(request: Request) -> float:
    """How long a request may take, in seconds."""
    return cast(float, request.app.state.deadline_s)


def keys_of(request: Request) -> KeyFile:
    """Where the keys beside the server's own are kept."""
    return cast(KeyFile, request.app.state.keys)


def figures_of(request: Request) -> ReplicaFigures:
    """What this replica counts."""
    return cast(ReplicaFigures, request.app.state.figures)


def ray_metrics_of(request: Request) -> Callable[[], Awaitable[str]] | None:
    """How to ask Ray for its metrics; None where there is no Ray."""
    return cast(Callable[[], Awaitable[str]] | None, request.app.state.ray_metrics)
