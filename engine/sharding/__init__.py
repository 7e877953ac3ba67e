"""Several shards as one memory system: routing, asking all of them, and putting their answers together.

`sharded.py` puts it together. Each kind of verb is a module: `writes`, `searches`, `lookups`, `graphs`,
`operation_verbs`, `upkeep`; all of them work with `parts`. Idempotency keys are taken in `claims`, and blanked after a
purge in `forgetting`.
"""

from __future__ import annotations

from engine.sharding.sharded import Sharded

__all__ = ["Sharded"]
