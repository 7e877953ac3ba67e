"""Free ports. Nothing here keeps one open."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from engine.errors import Conflict

_LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listened on a moment ago; all different."""
    with ExitStack() as open_sockets:
        found = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in found:
            one.bind((_LOOPBACK, 0))
        return [one.getsockname()[1] for one in found]


def free_range(size: int) -> tuple[int, int]:
    """First and last of so many neighbouring ports, the first of which was free a moment ago."""
    (first,) = free_ports(1)
    last = first + size - 1
    return (first, last) if last <= 65535 else (first - size + 1, first)  # noqa: PLR2004 - the last port there is


def check_free(host: str, port: int) -> None:
    """Make sure that the port can be taken.

    Raises:
        Conflict: somebody listens there, or the address isn't this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Conflict(f"can't listen on {host}:{port}: {error.strerror}", {"host": host, "port": port}) from error
