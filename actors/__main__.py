"""The first steps of a runtime's own process: lock, leftovers, variables. Then `head` takes over.

Apart from `head` because Ray and Serve read their variables when they are imported.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from typing import Any

from actors.environment import (
    AUTH_MODE,
    REPLICA_PORTS,
    Ports,
    haproxy_variables,
    launcher_script,
    ray_variables,
    uses_haproxy,
)
from actors.leftovers import leftovers
from actors.order import Order, decode
from actors.processes import end
from actors.run_directory import RunDirectory
from actors.sockets import check_free, free_ports, free_range
from engine.errors import RemoraError

_log = logging.getLogger("actors")
_GRACE_S = 5.0


def say(message: dict[str, Any]) -> None:
    """One line to whoever started us; nobody may be listening any more."""
    try:
        print(json.dumps(message), flush=True)  # noqa: T201 - standard output is the channel
    except BrokenPipeError:
        _log.debug("nobody listens: %s", message)


def prepare(order: Order, directory: RunDirectory, haproxy: bool) -> None:
    """Directories, HAProxy's launcher, and the variables of this process and all that it will start."""
    directory.prepare()
    if order.settings.runtime.address is None:  # A cluster that is joined has its own addresses and its own keys.
        os.environ.update(ray_variables(os.environ.get(AUTH_MODE)))
    if not haproxy:
        return
    directory.haproxy.mkdir(exist_ok=True)
    launcher = directory.haproxy / "haproxy"
    launcher.write_text(launcher_script(directory.haproxy, order.settings))
    launcher.chmod(0o700)
    fallback, fallback_grpc, metrics, stats = free_ports(4)
    ports = Ports(fallback, fallback_grpc, metrics, stats, free_range(REPLICA_PORTS))
    os.environ.update(haproxy_variables(directory.haproxy, launcher, ports))


def run(order: Order) -> None:
    """Be the runtime of the order's data directory until told to stop."""
    settings = order.settings
    directory = RunDirectory(settings.data_dir)
    directory.lock()
    end(leftovers(directory), _GRACE_S)
    directory.clear()
    port = settings.port or free_ports(1)[0]
    if order.application is not None and settings.runtime.address is None:
        check_free(settings.host, port)
    haproxy = order.application is not None and uses_haproxy(settings)
    prepare(order, directory, haproxy)

    from actors.head import Head

    head = Head(order, port, free_ports(1)[0], say, haproxy=haproxy)
    head.start_ray()
    asyncio.run(head.run())


def main() -> int:
    """Do what the first line of standard input orders; say what went wrong."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        run(decode(sys.stdin.readline()))
    except RemoraError as error:
        say({"error": {"code": error.code, "message": error.message, "details": error.details}})
        return 1
    except Exception as error:  # noqa: BLE001 - a boundary: the parent has only our standard output to tell the user from.
        _log.exception("could not run")
        say({"error": {"code": "unavailable", "message": f"{type(error).__name__}: {error}", "details": {}}})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
