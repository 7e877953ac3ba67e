"""Comparing the ledgers of all shards with their indexes: one shard after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.api import VerifyFields
from engine.errors import InvalidInput
from engine.shard_api import ShardApi
from engine.sharding.asking import or_error
from engine.types import Json


async def verify(shards: Sequence[ShardApi], fields: VerifyFields) -> Json:
    """The next stretch; see `MemoryApi.verify`. A cursor is `<shard>:<cursor within the shard>`."""
    number, within = _place(fields.get("cursor"), len(shards))
    fields["cursor"] = within
    answer, others = await asyncio.gather(
        shards[number].verify(**fields), _memories([one for other, one in enumerate(shards) if other != number])
    )
    return {
        **answer,
        "total": answer["total"] + others,
        "differences": [{**one, "shard": number} for one in answer["differences"]],
        "problems": [f"shard {number}: {one}" for one in answer["problems"]],
        "next": _after(number, answer["next"], len(shards)),
    }


def _place(cursor: object, shards: int) -> tuple[int, str | None]:
    """The shard and the cursor within it."""
    if cursor is None:
        return 0, None
    number, colon, within = cursor.partition(":") if isinstance(cursor, str) else ("", "", "")
    if not colon or number not in map(str, range(shards)):
        raise InvalidInput("cursor should be the `next` of the answer before", {"field": "cursor"})
    return int(number), within or None


def _after(number: int, following: str | None, shards: int) -> str | None:
    if following is not None:
        return f"{number}:{following}"
    return f"{number + 1}:" if number + 1 < shards else None


async def _memories(shards: Sequence[ShardApi]) -> int:
    """How many there are; those of a shard that doesn't answer aren't counted: its own turn comes."""
    accounts: list[Json] = await asyncio.gather(*[or_error(one.status()) for one in shards])
    return sum(account.get("ledger", {}).get("memories", 0) for account in accounts)
