"""Free ports. Nothing here keeps one open."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

from engine.errors import Conflict, Unavailable

_LOOPBACK = "127.0.0.1"


# Below the ports that the kernel gives to outgoing connections, which could take one between our look and its use, and
# above those that Ray gives to its workers.
_FIRST, _LAST = 20_000, 32_000
_TRIES = 1000


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listened on a moment ago; all different.

    Raises:
        Unavailable: so many can't be found.
    """
    with ExitStack() as open_sockets:
        found: list[int] = []
        for port in random.SystemRandom().sample(range(_FIRST, _LAST), _TRIES):
            probe = open_sockets.enter_context(socket.socket())
            try:
                probe.bind((_LOOPBACK, port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise Unavailable(f"no {count} free ports between {_FIRST} and {_LAST}")


def free_range(size: int) -> tuple[int, int]:
    """First and last of so many neighbouring ports, the first of which was free a moment ago."""
    (first,) = free_ports(1)
    return first, first + size - 1


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
