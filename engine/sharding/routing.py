"""Which shard a request is for, and what its position tokens mean. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from engine import filters, ids
from engine.filters import Filter
from engine.types import Json, Scope


def home_of(key: str, shards: int) -> int:
    """The shard of a routing key."""
    return ids.shard_of(ids.slot_of(key), shards)


def shard_in(any_id: str, shards: int) -> int:
    """The shard that an operation or memory id names."""
    return ids.shard_of(ids.slot_in(any_id), shards)


def sole_shard(project: str, node: Filter, shards: int) -> int | None:
    """The one shard that holds every match, or None: only a user's memories all lie in one."""
    match filters.required_scope(node):
        case ("user_id", value):
            return home_of(ids.routing_key(project, Scope(user_id=value)), shards)
        case _:
            return None


def token(position: int | None, shard: int, shards: int) -> int | None:
    """A shard's position as callers see it: it grows with the position and names the shard."""
    return None if position is None else position * shards + shard


def local_position(given: int | None, shard: int, shards: int) -> int | None:
    """What a token tells a shard to wait for; None: nothing, the token is another's."""
    return given // shards if given is not None and given % shards == shard else None


def placed(answer: Json, shard: int, shards: int) -> Json:
    """A shard's answer with its position as a token."""
    if answer.get("position") is None:
        return answer
    return {**answer, "position": token(answer["position"], shard, shards)}


def by_shard(targets: Iterable[int | None]) -> dict[int, list[int]]:
    """The places of a batch by shard, in order; those without a target are left out."""
    groups: dict[int, list[int]] = {}
    for place, target in enumerate(targets):
        if target is not None:
            groups.setdefault(target, []).append(place)
    return groups
