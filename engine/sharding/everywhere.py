"""Operations with a part in every shard: deletions and purges that name no user."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from engine import ids
from engine.errors import Unavailable
from engine.sharding import merging, routing
from engine.sharding.asking import every, or_none
from engine.types import Json

Part: TypeAlias = Callable[[int, str, int, bool], Awaitable[Json]]
"""Asks a shard for its part: which shard, the id of its part, how many parts (0 unless it stands for the whole), and
whether to wait until it is done."""


def part_ids(whole: str, shards: int) -> list[str]:
    """The id of each shard's part; that of the shard which the whole's own id names is the whole's."""
    home = routing.shard_in(whole, shards)
    return [whole if shard == home else ids.part_id(whole, shard, shards) for shard in range(shards)]


async def in_every_shard(whole: str, shards: int, part: Part) -> Json:
    """The answer of all parts together.

    All others are accepted before the one that stands for the whole: who knows the whole knows of them all.
    """
    home = routing.shard_in(whole, shards)
    of = part_ids(whole, shards)

    def ask(shard: int, *, wait: bool) -> Awaitable[Json]:
        return part(shard, of[shard], shards if shard == home else 0, wait)

    others = [shard for shard in range(shards) if shard != home]
    accepted = await every(ask(shard, wait=False) for shard in others)
    answers = dict(zip([*others, home], [*accepted, await ask(home, wait=False)], strict=True))
    # What is done already has not waited for its indexes.
    unfinished = [shard for shard, answer in answers.items() if merging.is_open(answer) or answer["degraded"]]
    finished = await every(or_none(ask(shard, wait=True), Unavailable) for shard in unfinished)
    answers |= {shard: answer for shard, answer in zip(unfinished, finished, strict=True) if answer is not None}
    return merging.whole_answer(whole, list(answers.values()))
