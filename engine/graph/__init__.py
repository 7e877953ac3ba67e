"""The entity graph: which store a configuration asks for."""

from __future__ import annotations

from collections.abc import Callable

from engine.clock import now_us
from engine.config import GraphSettings, Settings
from engine.graph.store import NetworkxGraphStore


def build(settings: Settings, shard: int) -> NetworkxGraphStore:
    """The shard's graph store, as its last snapshot in the data directory left it (read before this returns)."""
    return NetworkxGraphStore(
        settings.data_dir / f"graph-{shard}.msgpack",
        shard=shard,
        snapshot_changes=settings.graph.snapshot_changes,
        functional=settings.graph.functional,
    )


def in_memory(clock: Callable[[], int] = now_us, settings: GraphSettings | None = None) -> NetworkxGraphStore:
    """A graph store without a file, for tests and for what lives no longer than the process."""
    return NetworkxGraphStore(functional=(settings or GraphSettings()).functional, now_us=clock)
