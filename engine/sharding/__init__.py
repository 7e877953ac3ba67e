"""Several shards as one memory system: routing, asking all of them, and putting their answers together."""

from __future__ import annotations

from engine.sharding.sharded import Sharded

__all__ = ["Sharded"]
