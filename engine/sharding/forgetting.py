"""After a purge: the claims of idempotency keys whose requests it erased, which lie in any shard."""

from __future__ import annotations

from collections.abc import Sequence

from engine import ids
from engine.api import CallFields
from engine.shard_api import ShardApi
from engine.sharding import routing
from engine.sharding.asking import Until, every
from engine.sharding.everywhere import part_ids
from engine.types import Json

_AT_ONCE = 500


async def forget(shards: Sequence[ShardApi], project: str, purge: Json, until: Until) -> None:
    """Blank the claims of every key that a purge which was answered so has erased. Again does no harm.

    Raises:
        RemoraError: a shard can't be asked; others may have done it.
    """

    def call() -> CallFields:
        return {"project": project, "deadline_s": until.left()}

    found = await every(shards[shard].erased_keys(one, **call()) for shard, one in _places(purge, len(shards)))
    keys = list(dict.fromkeys(key for some in found for key in some))
    homes = routing.by_shard(routing.home_of(ids.key_home(project, key), len(shards)) for key in keys)
    for shard, places in homes.items():
        for start in range(0, len(places), _AT_ONCE):
            await shards[shard].forget([keys[place] for place in places[start : start + _AT_ONCE]], **call())


def _places(purge: Json, shards: int) -> list[tuple[int, str]]:
    """The shards that did it, and the ids under which: an answer with a position is one shard's."""
    whole = purge["operation_id"]
    if purge["position"] is not None:
        return [(routing.shard_in(whole, shards), whole)]
    return list(enumerate(part_ids(whole, shards)))
