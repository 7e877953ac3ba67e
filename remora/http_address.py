"""Addresses of servers: which are ones, and which are this machine's."""

from __future__ import annotations

import ipaddress

import httpx

from remora.errors import InvalidInput


def address_of(url: str) -> httpx.URL:
    """The address, without a slash at its end.

    Raises:
        InvalidInput: it is none.
    """
    try:
        base = httpx.URL(url.rstrip("/"))
    except (httpx.InvalidURL, TypeError, AttributeError) as error:
        raise InvalidInput(f"{url!r} is no address: {error}", {"field": "url"}) from error
    if base.scheme not in {"http", "https"} or not base.host:
        raise InvalidInput(f"{url!r} is no address; one looks like http://127.0.0.1:8000", {"field": "url"})
    if base.query or base.fragment:
        raise InvalidInput(f"{url!r} is no address of a server: leave out what follows its path", {"field": "url"})
    return base


def is_local(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
