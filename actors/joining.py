"""Finding a Ray that somebody else has started, without waiting a minute for one that isn't there."""

from __future__ import annotations

import importlib
import os
import socket
from pathlib import Path
from typing import Any

from actors.environment import AUTH_MODE, reachable
from engine.errors import Unavailable

AUTO = "auto"
_KNOCK_S = 5.0
_TOKENS = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_TOKEN_FILE = Path("~/.ray/auth_token")


def found(address: str) -> str:
    """The host:port that an address means: "auto" is what RAY_ADDRESS says, else the Ray that runs on this machine.

    Other forms, as of Ray's own client, are left as they are.

    Raises:
        Unavailable: no Ray runs on this machine.
    """
    if address == AUTO:
        address = _looked_up()
    return reachable(address.replace("localhost:", "127.0.0.1:", 1) if address.startswith("localhost:") else address)


def _looked_up() -> str:
    services: Any = importlib.import_module("ray._private.services")
    try:
        return str(services.get_ray_address_from_environment(AUTO, None))
    except (ConnectionError, ValueError) as error:
        raise Unavailable(f"no Ray is found: {error}. Give its address, or set RAY_ADDRESS") from error


def check_listens(address: str) -> None:
    """Knock at a host:port. Ray itself tries for a minute.

    Raises:
        Unavailable: nobody listens there.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK_S).close()
    except (OSError, OverflowError) as error:
        raise Unavailable(f"no Ray answers at {address}: {error}", {"address": address}) from error


def auth_mode(address: str) -> str | None:
    """The mode in which to show a token to the Ray there, if this process has to be told so.

    A token that lies here is shown to this machine's own Ray; to another machine's only when the variable says so.
    """
    if AUTH_MODE in os.environ or not address.startswith("0.0.0.0:"):
        return None
    has_token = any(os.environ.get(name) for name in _TOKENS) or _TOKEN_FILE.expanduser().is_file()
    return "token" if has_token else None
