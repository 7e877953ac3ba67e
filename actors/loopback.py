"""Keeps what Ray Serve opens in a replica off the network. Where HAProxy listens is `haproxy`'s business."""

from __future__ import annotations

from typing import Any

import ray

LOOPBACK = "127.0.0.1"


def keep_replica_private() -> None:
    """Let this Serve replica take calls from other deployments on loopback only, when its node lives there.

    Each replica of Ray 2.60 opens a gRPC port on every interface that unpickles what it gets. No setting moves it, so
    the function that binds it is wrapped. To be called in the deployment's constructor, before Serve binds the port.
    """
    from ray.serve._private import replica as private

    replica: Any = private
    bind = replica.add_port_to_grpc_server
    node = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    if node != LOOPBACK or getattr(bind, "loopback", False):
        return

    def bind_on_loopback(server: Any, address: str) -> int:
        return int(bind(server, address.replace("[::]", LOOPBACK)))

    bind_on_loopback.loopback = True  # type: ignore[attr-defined]
    replica.add_port_to_grpc_server = bind_on_loopback
