"""Who may come in: with a key, its holders; without one, only this machine. What they may do, `engine.access` says."""

from __future__ import annotations

import functools
import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.access.key_file import KeyFile
from engine.access.keys import Principal, found
from engine.config import Settings
from engine.errors import Forbidden, InvalidInput, Unauthorized
from serve_app.paths import route_path

_OPEN = frozenset({"", "/healthz", "/readyz", "/docs", "/openapi.json"})
KEY = "remora.key"
"""Where in a request's scope the name of the key stands with which it came in."""
PRINCIPAL = "remora.principal"
"""Where in a request's scope stands who asks."""
ANY_ORIGIN = "*"
_SCHEMES = frozenset({b"token", b"bearer"})


def admin_key(settings: Settings) -> str | None:
    """The key that is set; a blank one counts as none."""
    key = settings.admin_key.get_secret_value().strip() if settings.admin_key else ""
    return key or None


@functools.lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a bind address, a `Host` without its port, or a peer's address means this machine only."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def check_bind(host: str, admin_key: str | None) -> None:
    """Refuse to open an unprotected memory to the network.

    Raises:
        InvalidInput: `host` is not this machine only, and no key is set.
    """
    if is_loopback(host) or (admin_key and admin_key.strip()):
        return
    raise InvalidInput(
        f"refusing to listen on {host or 'all addresses'} without a key: anyone who reaches it could read and erase "
        "every memory. Set REMORA_ADMIN_KEY to a long random string, or listen on 127.0.0.1.",
        {"field": "host", "host": host},
    )


class KeyRequired:
    """ASGI middleware: lets in who sends a key as `Authorization: Token|Bearer` or `X-API-Key`.

    Args:
        key: the server's own, which opens everything.
        keys: the others.
        clock: unix seconds.
    """

    def __init__(self, app: ASGIApp, key: str, keys: KeyFile, clock: Callable[[], float]) -> None:
        self._app = app
        self._hash = _hash(key.encode())
        self._keys = keys
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request, if it may."""
        if scope["type"] != "lifespan" and not is_open(route_path(scope)):
            scope[KEY], scope[PRINCIPAL] = self._checked(sent_keys(Headers(scope=scope)))
        await self._app(scope, receive, send)

    def _checked(self, sent: list[bytes]) -> tuple[bytes, Principal | None]:
        if not sent:
            raise Unauthorized(
                "a key is needed: send the header 'Authorization: Token <key>', 'Authorization: Bearer <key>' "
                "or 'X-API-Key: <key>'"
            )
        # Hashes, so that neither content nor length of the key shows in the time that the comparison takes.
        if any(hmac.compare_digest(_hash(key), self._hash) for key in sent):
            return self._hash, None
        for key in sent:
            known = found(self._keys.read(), key.decode("ascii", "replace"), self._clock())
            if known is not None:
                return known.key_id.encode(), known.principal()
        raise Unauthorized("this key is not known, or has ended")


class LocalOnly:
    """ASGI middleware for a runtime without a key: only this machine, and no web page that a browser on it shows.

    The peer's address is asked because a proxy may have its backends listen on every address. `Host` is asked because
    a page can point its own name at 127.0.0.1, `Origin` because it can post to another site without asking it; pages of
    `origins` may.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str] = ()) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request, if it may."""
        if scope["type"] != "lifespan":
            reason = refusal(scope, self._origins)
            if reason is not None:
                raise Forbidden(
                    f"{reason} No key is set, so Remora answers only programs on this machine: see REMORA_ADMIN_KEY."
                )
        await self._app(scope, receive, send)


def refusal(scope: Scope, origins: Collection[str] = ()) -> str | None:
    """Why a request to a runtime without a key is not let in; None if it is. `origins`: of pages that may ask."""
    if not _peer_is_here(scope):
        return "The request comes from another machine."
    headers = Headers(scope=scope)
    host = headers.get("host")
    if host and not is_loopback(_hostname(f"//{host}") or host):
        return "The request's Host is not this machine."
    if is_open(route_path(scope)):
        return None
    return None if _is_of_a_page_that_may(headers, origins) else "The request comes from a web page of another site."


def _is_of_a_page_that_may(headers: Headers, origins: Collection[str]) -> bool:
    """Whether no web page asks, or one of this machine or of `origins`."""
    origin = headers.get("origin")
    if origin is not None and (origin in origins or ANY_ORIGIN in origins):
        return True
    return (origin is None or is_loopback(_hostname(origin))) and headers.get("sec-fetch-site") != "cross-site"


def _hostname(url: str) -> str:
    """The host that a URL names; nothing when it can't be read."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_open(path: str) -> bool:
    """Whether a path (without its last slash) needs no key: health, and how to use the rest."""
    return path in _OPEN or path.startswith("/docs/")


def sent_keys(headers: Headers) -> list[bytes]:
    """All keys that a request carries."""
    keys = [value for name, value in headers.raw if name == b"x-api-key"]
    for name, value in headers.raw:
        scheme, _, credentials = value.strip().partition(b" ")
        if name == b"authorization" and scheme.lower() in _SCHEMES:
            keys.append(credentials)
    return [key for raw in keys if (key := raw.strip())]


def _peer_is_here(scope: Scope) -> bool:
    client = scope.get("client")
    if not client:
        return True
    server = scope.get("server")
    return is_loopback(client[0]) or bool(server and client[0] == server[0])


def _hash(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
