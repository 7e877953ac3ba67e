"""The memory system of one shard over its ports: the verbs that users see, and what the other shards ask of it.

`memory.py` puts it together, starts and ends it. Each kind of verb is a module: `writes`, `searches`, `lookups`,
`graphs`, `operations`, `upkeep`; what only other shards ask is in `legs` and `whole_writes`. All of them work with
`parts`, let requests in at the `door` and look up in `moments` which state is meant. How writes and searches work is in
`engine.write_path` and `engine.search_path`.
"""

from __future__ import annotations

from engine.memory.memory import Memory

__all__ = ["Memory"]
