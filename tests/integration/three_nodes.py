"""A Ray cluster of three nodes on this machine, joined by Remora; prints what happened as JSON, for `test_cluster.py`.

A process of its own: a process can be connected to one Ray at a time, and the tests' own is elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import urllib.request
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors import nodes, runtime
from actors.options import Part
from engine.config import Settings, load

NODES = 3
STORE_BYTES = 100 * 1024 * 1024
AGENT = "clustered"


def post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@ray.remote(num_cpus=0)
def job(user: str) -> dict[str, Any]:
    """What any job does with nothing but Ray: keep something, and find it."""
    memory: Any = ray.get_actor("orchestrator-0", namespace="remora")
    added = ray.get(memory.add.remote(f"{user} came by Ray", user_id=user, agent_id=AGENT))
    found = ray.get(memory.search.remote("who came by Ray", user_id=user, threshold=0.0))
    return {
        "node": ray.get_runtime_context().get_node_id(),
        "status": added["status"],
        "found": [one["memory"] for one in found["results"]],
    }


def cluster_state() -> dict[str, Any]:
    named = ray.util.list_named_actors(all_namespaces=True)
    return {
        "actors": sorted(f"{one['namespace']}/{one['name']}" for one in named),
        "nodes": sorted(one["NodeID"] for one in ray.nodes() if one["Alive"]),  # type: ignore[no-untyped-call]
    }


def by_http(url: str) -> dict[str, Any]:
    user = "by-http"
    body = {"messages": [{"role": "user", "content": f"{user} came by HTTP"}], "user_id": user, "agent_id": AGENT}
    added = post(f"{url}/v1/memories/", body)
    found = post(f"{url}/v1/memories/search/", {"query": "who came by HTTP", "user_id": user, "threshold": 0.0})
    return {"status": added["status"], "found": [one["memory"] for one in found["results"]]}


def by_jobs() -> list[dict[str, Any]]:
    found = []
    for number, node in enumerate(cluster_state()["nodes"]):
        there = job.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False))
        answer: dict[str, Any] = ray.get(there.remote(f"job-{number}"))
        found.append({"asked_of": node, "user": f"job-{number}", **answer})
    return found


def whole(url: str) -> list[str]:
    found = post(f"{url}/v1/memories/search/", {"query": "who came", "agent_id": AGENT, "threshold": 0.0})
    return sorted(one["memory"] for one in found["results"])


def states() -> dict[str, str]:
    """The node of each of Remora's actors, as Ray's own state tells it."""
    from ray.util.state import list_actors

    found = list_actors(filters=[("ray_namespace", "=", "remora"), ("state", "=", "ALIVE")], limit=1000)
    return {str(one.name): str(one.node_id) for one in found}


def homes_after(settings: Settings) -> dict[int, list[int]]:
    """What the node that each shard would go to next says it has: here all files, for the nodes share a disk."""
    spots = asyncio.run(nodes.spots(settings))
    ledgers = {address.index: spot.node for address, spot in spots.items() if address.part is Part.LEDGER}
    return {shard: sorted(node.files.keys()) for shard, node in ledgers.items()}


def story(directory: Path) -> dict[str, Any]:
    address = ray.get_runtime_context().gcs_address
    settings = load(
        data_dir=directory,
        host="127.0.0.1",
        port=0,
        shards=4,
        embedders=2,
        embed={"model": "hashing"},
        extract={"entities": "none"},
        runtime={"address": address, "start_deadline_s": 240},
    )
    told: dict[str, Any] = {"before": cluster_state(), "progress": []}
    running = runtime.start(settings, progress=told["progress"].append)
    try:
        url = running.url or ""
        told |= {"url": url, "described": asyncio.run(runtime.status(settings)), "states": states()}
        told |= {"http": by_http(url), "jobs": by_jobs(), "agent": whole(url)}
    finally:
        running.stop()
    return {**told, "after": cluster_state(), "files": homes_after(settings)}


def main() -> None:
    cluster = Cluster()
    try:
        cluster.add_node(num_cpus=2, object_store_memory=STORE_BYTES, include_dashboard=True, dashboard_port=0)
        for _ in range(NODES - 1):
            cluster.add_node(num_cpus=2, object_store_memory=STORE_BYTES)
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
        told = story(Path(sys.argv[1]))
        sys.stdout.write(f"\n{json.dumps(told)}\n")
    finally:
        ray.shutdown()
        cluster.shutdown()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
