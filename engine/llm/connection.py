"""The connections to a server: it gets what the settings say, and nothing of the environment's."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Final, Protocol
from urllib.parse import urlsplit

from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from engine.config import LlmSettings

_NO_KEY: Final = "none"
"""The SDK wants a key; where none is set, none is sent."""
_SENT: Final = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"}
)


class _Request(Protocol):
    headers: MutableMapping[str, str]


def connect(settings: LlmSettings, base_url: str) -> AsyncOpenAI:
    """The SDK's client. It would add what OPENAI_… variables say: those are for OpenAI, and may be secret.

    A proxy that the environment names is used, but not for a server on this machine.
    """
    key = settings.api_key.get_secret_value() if settings.api_key else None
    http = DefaultAsyncHttpxClient(
        trust_env=not is_loopback(base_url),
        event_hooks={"request": [_only(_SENT if key is None else _SENT | {"authorization"})]},
    )
    return AsyncOpenAI(
        base_url=base_url,
        api_key=key or _NO_KEY,
        default_headers={"Authorization": f"Bearer {key or _NO_KEY}"},  # or OPENAI_CUSTOM_HEADERS may set another
        max_retries=0,
        timeout=settings.call_deadline_s,
        http_client=http,
    )


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this very machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _only(names: frozenset[str]) -> Callable[[_Request], Awaitable[None]]:
    async def strip(request: _Request) -> None:
        for name in [name for name in request.headers if name.lower() not in names]:
            del request.headers[name]

    return strip
