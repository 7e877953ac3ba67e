"""The connections to a server: how many, how long one may take, and what of the environment counts for them."""

from __future__ import annotations

import httpx

from remora.errors import InvalidInput
from remora.http_address import is_local
from remora.http_requests import authorization

CONNECT_S = 5.0
_CONNECTIONS = 100


def client_of(
    base: httpx.URL, api_key: str | None, *, timeout_s: float, transport: httpx.AsyncBaseTransport | None
) -> httpx.AsyncClient:
    """A client for the server at `base`; nothing is asked yet.

    Raises:
        InvalidInput: the key can't be sent there, or the environment names a proxy or certificates that can't be used.
    """
    if api_key and base.userinfo:
        raise InvalidInput(
            "a user in the address and an API key need the same header: leave one of them out", {"field": "api_key"}
        )
    headers = authorization(api_key)
    try:
        return httpx.AsyncClient(
            base_url=base,
            headers=headers,
            timeout=httpx.Timeout(timeout_s, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
            # HTTP_PROXY is meant for the world outside, and would catch this machine's own addresses too.
            trust_env=not is_local(base.host),
            transport=transport,
        )
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        raise InvalidInput(
            f"what the environment says of proxies or certificates can't be used: {error}. Look at HTTP_PROXY, "
            "HTTPS_PROXY, ALL_PROXY, NO_PROXY and SSL_CERT_FILE",
            {"reason": str(error)},
        ) from error
