"""What the memory system over all shards consists of, and what every verb asks of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from engine import ids
from engine.circuit import Circuit
from engine.config import LimitSettings, Settings
from engine.requests import Call
from engine.shard_api import ShardApi
from engine.sharding import routing
from engine.sharding.asking import Until
from engine.sharding.operations import OperationsOverShards
from engine.types import Json, Scope

F = TypeVar("F", bound=Mapping[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the verbs over all shards work with.

    `own`: the shard that is nearest. `shards`: all of them, by number. `clock`: now in microseconds UTC. `circuits`:
    one in front of each shard, for searches.
    """

    own: int
    shards: Sequence[ShardApi]
    settings: Settings
    clock: Callable[[], int]
    circuits: Sequence[Circuit]
    operations: OperationsOverShards

    @property
    def limits(self) -> LimitSettings:
        """What requests may ask for at most."""
        return self.settings.limits

    @property
    def count(self) -> int:
        """How many shards there are."""
        return len(self.shards)

    @property
    def nearest(self) -> ShardApi:
        """The shard that does what any shard can do."""
        return self.shards[self.own]

    def home_of(self, call: Call, scope: Scope) -> int | None:
        """The shard that holds all memories of a scope; None: they may lie in any."""
        if scope.user_id is None:
            return None
        return routing.home_of(ids.routing_key(call.project, scope), self.count)

    def shard_in(self, raw: str) -> int:
        """The shard that a memory's id names, as it was given."""
        return routing.shard_in(ids.canonical_id(raw, "memory_id"), self.count)

    def past(self, fields: F, shard: int) -> F:
        """The fields as that shard understands them."""
        return cast(F, {**fields, **routing.past_of(fields, shard, self.count)})

    def placed(self, answer: Json, shard: int) -> Json:
        """A shard's answer with its position as a token."""
        return routing.placed(answer, shard, self.count)

    def until(self, call: Call) -> Until:
        """When a call's answer is due."""
        return Until(self.deadline_s(call))

    def deadline_s(self, call: Call) -> float:
        """How long a call may take."""
        limit_s = self.settings.runtime.deadline_s
        return min(call.deadline_s or limit_s, limit_s)
