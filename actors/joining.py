"""Finding and joining a Ray that is there already, without waiting a minute for one that isn't."""

from __future__ import annotations

import importlib
import logging
import os
import socket
from pathlib import Path
from typing import Any

from actors.environment import AUTH_MODE, reachable
from engine.errors import Conflict, Unavailable

AUTO = "auto"
_KNOCK_S = 5.0
_TOKENS = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_TOKEN_FILE = Path("~/.ray/auth_token")


def found(address: str) -> str:
    """The host:port that an address means.

    "auto" is the Ray that this process is connected to, else what RAY_ADDRESS says, else the Ray that runs on this
    machine. Other forms, as of Ray's own client, are left as they are.

    Raises:
        Unavailable: no Ray runs on this machine.
    """
    if address == AUTO:
        address = connected() or _looked_up()
    return reachable(address.replace("localhost:", "127.0.0.1:", 1) if address.startswith("localhost:") else address)


def connected() -> str | None:
    """The host:port of the Ray that this process is connected to."""
    import ray

    return str(ray.get_runtime_context().gcs_address) if ray.is_initialized() else None


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


def join(address: str, namespace: str, mode: str | None) -> None:
    """Connect this process to the Ray at an address that `found` has made of it. `mode`: how to show a token.

    Raises:
        Unavailable: none answers there, or it doesn't let us in.
    """
    import ray

    check_listens(address)
    if mode is not None:
        _authenticate(mode)
    try:
        ray.init(address=address, namespace=namespace, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError) as error:
        raise Unavailable(
            f"no Ray that lets us in answers at {address}: {error}. If it asks for a token: RAY_AUTH_MODE=token",
            {"address": address},
        ) from error


def check_same(wanted: str, connected: str) -> None:
    """Whether the Ray that this process is connected to is the one that is wanted.

    Raises:
        Conflict: it is another one, and a process can't be connected to two.
    """
    # By the port alone: a host has many names.
    if wanted != "auto" and wanted.rpartition(":")[2] != connected.rpartition(":")[2]:
        raise Conflict(
            f"this process is connected to the Ray at {connected}, and Remora is in the one at {wanted}: "
            "use Remora's HTTP address, or another process",
            {"connected": connected, "wanted": wanted},
        )


def _authenticate(mode: str) -> None:
    """Let this process show Ray's token. Ray does it unasked only for an address that it has found itself."""
    from ray import _raylet

    os.environ[AUTH_MODE] = mode
    config: Any = _raylet
    config.Config.initialize("")  # It was read when ray was imported.
