"""The nodes of a cluster that was joined: asked what they have, and remembered. Where what goes says `placement`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any, cast

import ray
from ray._private.state import available_resources_per_node
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.options import Address, Part
from actors.placement import Node, Spot, place, shard_file
from engine.config import Settings
from engine.errors import InvariantViolated, Unavailable
from engine.types import Json

_RECORD = "placement.json"


async def spots(settings: Settings) -> dict[Address, Spot]:
    """Where each actor goes in the cluster that this process is connected to.

    Raises:
        Unavailable: a node doesn't say what it has, or a shard's files are on none.
        Conflict: two nodes have different files of one shard.
    """
    alive = [one for one in ray.nodes() if one["Alive"]]  # type: ignore[no-untyped-call]
    free = available_resources_per_node()  # type: ignore[no-untyped-call]
    paths = [shard_file(settings, shard) for shard in range(settings.shards)]
    found = await asyncio.gather(*[_stamps_of(one, paths, settings.runtime.start_deadline_s) for one in alive])
    nodes = [_node(one, free.get(one["NodeID"], {}), stamps) for one, stamps in zip(alive, found, strict=True)]
    return place(settings, nodes, _remembered(settings))


def options(spot: Spot) -> dict[str, Any]:
    """The spot as Ray takes it: a command for what is held there, else a wish, given up when the node is gone.

    Ray 2.60 puts an actor that needs nothing on any node, whatever is wished for: so it needs one byte of memory.
    """
    there = NodeAffinitySchedulingStrategy(spot.node.id, soft=not spot.held)
    return {"scheduling_strategy": there} if spot.held else {"scheduling_strategy": there, "memory": 1}


def remember(settings: Settings, chosen: dict[Address, Spot]) -> None:
    """Write down on which node each shard's files are, for the day when that node is missing."""
    shards = {address.index: spot.node.name for address, spot in chosen.items() if address.part is Part.LEDGER}
    fresh = settings.data_dir / f"{_RECORD}.new"
    fresh.write_text(json.dumps({"shards": shards}, indent=2))
    fresh.replace(settings.data_dir / _RECORD)


def _remembered(settings: Settings) -> dict[int, str]:
    path = settings.data_dir / _RECORD
    try:
        return {int(shard): str(name) for shard, name in json.loads(path.read_text())["shards"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, AttributeError) as error:
        raise InvariantViolated(f"{path} is damaged: {error}", {"path": str(path)}) from error


def _node(known: Json, free: Json, stamps: Sequence[str | None]) -> Node:
    cpus = known["Resources"].get("CPU", 0.0)
    return Node(
        id=known["NodeID"],
        name=_name(known),
        cpus=cpus,
        gpus=known["Resources"].get("GPU", 0.0),
        busy_cpus=cpus - free.get("CPU", 0.0),
        files={shard: stamp for shard, stamp in enumerate(stamps) if stamp is not None},
    )


def _name(known: Json) -> str:
    return f"{known['NodeManagerHostname']} ({known['NodeManagerAddress']})"


async def _stamps_of(known: Json, paths: Sequence[Path | None], deadline_s: float) -> list[str | None]:
    """Asked on the node itself, with a small task."""
    asked: Any = ray.remote(num_cpus=0, max_retries=0)(_stamps)
    there = NodeAffinitySchedulingStrategy(known["NodeID"], soft=False)
    try:
        answer = cast("Awaitable[list[str | None]]", asked.options(scheduling_strategy=there).remote(paths))
        async with asyncio.timeout(deadline_s):
            return await answer
    except (RayError, TimeoutError) as error:
        message = f"{_name(known)} does not say which files it has: {str(error) or 'no answer in time'}"
        raise Unavailable(message, {"node": known["NodeID"]}) from error


def _stamps(paths: Sequence[Path | None]) -> list[str | None]:
    return [_stamp(path) if path is not None else None for path in paths]


def _stamp(path: Path) -> str | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
