"""Which shard a request is for, and what its position tokens mean. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine import filters, ids
from engine.as_of import AsOf
from engine.errors import InvalidInput
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


def past_of(fields: Mapping[str, Any], shard: int, shards: int) -> dict[str, Any]:
    """What one shard is told of the past: a position as its own.

    Raises:
        InvalidInput: the position is another shard's.
    """
    given = fields.get("as_of_position")
    if given is None or isinstance(given, bool) or not isinstance(given, int):
        return {}
    if given % shards != shard:
        raise InvalidInput(
            "as_of_position is a position of another shard than the one that answers this: use as_of, a time",
            {"field": "as_of_position"},
        )
    return {"as_of_position": given // shards}


def no_position(as_of: AsOf | None) -> None:
    """Where all shards answer, each with positions of its own.

    Raises:
        InvalidInput: a position is asked for.
    """
    if as_of is not None and as_of.position is not None:
        raise InvalidInput(
            "as_of_position names the state of one shard, and this asks all of them: name a user_id, or use as_of, "
            "a time",
            {"field": "as_of_position"},
        )


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
