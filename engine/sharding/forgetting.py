"""After a purge: the claims of idempotency keys whose requests it erased, which lie in any shard."""

from __future__ import annotations

from collections.abc import Sequence

from engine import ids
from engine.api import CallFields
from engine.errors import DeadlineExceeded, Overloaded, Unavailable
from engine.shard_api import ShardApi
from engine.sharding import merging, routing
from engine.sharding.asking import Until, every
from engine.sharding.everywhere import part_ids
from engine.sharding.parts import Parts
from engine.types import Json

_AT_ONCE = 500


async def forget_erased(parts: Parts, project: str, answer: Json, until: Until) -> None:
    """Blank the claims of what a purge has erased, in whichever shard they are.

    Raises:
        Unavailable: it is not done everywhere; the purge sent again does what is left.
    """
    details = {"operation_id": answer["operation_id"], "retry_after_s": 1}
    if merging.is_open(answer):
        raise Unavailable("the purge is accepted and not done yet: send it again", details)
    try:
        await forget(parts.shards, project, answer, until)
    except (Unavailable, DeadlineExceeded, Overloaded) as error:
        raise Unavailable(f"the purge is not complete: send it again ({error.message})", details) from error


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
