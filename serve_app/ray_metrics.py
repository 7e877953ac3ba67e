"""What Ray tells Prometheus of the node that this process runs on."""

from __future__ import annotations

import asyncio

import httpx
import ray

_PATIENCE_S = 1.0


class RayMetrics:
    """Asks this node's Ray agent. Each Ray node has one, on a port of its own that nobody has to know this way."""

    def __init__(self) -> None:
        self._url: str | None = None

    async def fetch(self) -> str:
        """Ray's metrics in Prometheus' text format.

        Raises:
            httpx.HTTPError: the agent doesn't answer, or not within a second.
            LookupError: Ray doesn't know this node, or the node tells no metrics.
        """
        if self._url is None:
            self._url = await asyncio.to_thread(_agent_url)
        async with httpx.AsyncClient(timeout=_PATIENCE_S, trust_env=False) as client:
            reply = await client.get(self._url)
        return reply.raise_for_status().text


def _agent_url() -> str:
    here = ray.get_runtime_context().get_node_id()
    node = next((node for node in ray.nodes() if node["NodeID"] == here), None)  # type: ignore[no-untyped-call]
    if node is None or not node.get("MetricsExportPort"):
        raise LookupError("this Ray node tells no metrics")
    address = node["NodeManagerAddress"]
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{node['MetricsExportPort']}/metrics"
