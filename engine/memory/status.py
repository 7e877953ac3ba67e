"""What a shard says of itself. Nothing here fails: a part that is away says so."""

from __future__ import annotations

import asyncio
from typing import Any

from engine import ingest
from engine.disk import per_memory, used_bytes
from engine.errors import RemoraError
from engine.figures import calls_per_request
from engine.memory.parts import Parts
from engine.models import Models
from engine.types import Json

_PART_S = 1.0
"""How long what a part says is waited for: whoever asks would rather hear that it doesn't answer."""


async def status_of(parts: Parts, *, started: bool) -> dict[str, Any]:
    """What runs, and how far it is. `started`: the shard has been taken over, and not let go."""
    ledger, embedder = await asyncio.gather(_told(parts.ledger.status()), _told(_embedder_info(parts.models)))
    feeds = {feed.name: feed for feed in (parts.vector_feed, parts.graph_feed)}
    ready = started and not parts.writes.fenced
    healthy = all(feed.healthy for feed in feeds.values()) and "error" not in ledger and "error" not in embedder
    writes, queues = parts.writes.status(), _queues(parts)
    return {
        "shard": parts.shard,
        "state": "starting" if not ready else "ready" if healthy else "degraded",
        "ready": ready,
        "extractor": ingest.VERBATIM if parts.language_model is None else ingest.LANGUAGE_MODEL,
        "ledger": ledger,
        "embedder": {**embedder, **parts.models.stats()},
        **{name: feed.figures() for name, feed in feeds.items()},
        "upkeep": parts.upkeep.status(),
        "signals": {**parts.signals.figures(), **await _kept(parts, ledger)},
        "writes": writes,
        "inference": None if parts.writes.inference is None else parts.writes.inference.status(),
        "searches": {**parts.searches.status(), "pending": parts.door.reads.pending},
        "gates": {"operations": parts.writes.gate(), "reads": parts.door.reads.figures()},
        "queues": queues,
        "calls_per_request": calls_per_request(queues, writes["took_ms"]["recent"]),
    }


async def _kept(parts: Parts, ledger: Json) -> Json:
    """How many memories have their signals, what a memory takes on disk, and what blocks take in memory.

    `ledger`: its own status.
    """
    if "error" in ledger:
        return {}
    used = await asyncio.to_thread(used_bytes, parts.settings.data_dir, parts.shard)
    sizes = per_memory(used, ledger["memories"], ledger["signals"], ledger["signal_bytes"])
    resident = await _told(parts.vector.resident())
    return {"complete": ledger["signals"], "bytes_per_memory": sizes, "resident_bytes": dict(resident)}


def _queues(parts: Parts) -> Json:
    """Figures of every queue of the shard."""
    return {**parts.models.queues(), "ledger": parts.writes.queue(), **parts.searches.queues()}


async def _embedder_info(models: Models) -> Json:
    info = await models.info()
    return {"model": info.model, "dimensions": info.dimensions, "device": info.device, "dtype": info.dtype}


async def _told(work: Any) -> Json:
    try:
        async with asyncio.timeout(_PART_S):
            known: Json = await work
    except (RemoraError, TimeoutError) as error:
        return {"error": str(error) or "no answer in time"}
    return known
