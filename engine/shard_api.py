"""One shard as the others see it: the verbs on this shard alone, and what a request over all shards asks of each.

Values only; who asks whom is `sharding`'s and `scatter`'s business. The shards of a runtime run the same version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Unpack

from engine.api import (
    CallFields,
    CommunitiesFields,
    DeleteAllFields,
    FeedbackFields,
    GetFields,
    GraphEntitiesFields,
    ListFields,
    MemoryApi,
    PurgeFields,
    SearchFields,
    WriteFields,
)
from engine.graph_port import GraphHit
from engine.ledger_port import (
    FeedbackPage,
    Keys,
    ScopeCount,
)
from engine.pickling import by_fields
from engine.ports import KeywordStatistics, VectorHit
from engine.question import Question
from engine.ranking.weights import NO_FLOORS, Floors
from engine.types import Entity, FloatArray, Json, JsonList, MemoryVersion, Relation

__all__ = ["Evidence", "Found", "Keys", "KeywordStatistics", "ShardApi", "Statistics"]


@by_fields
@dataclass(frozen=True, slots=True)
class Statistics:
    """What the legs count before they search, in one shard or in all: so that each scores as if it had everything.

    `mentions`: memories that mention each entity that a walk may start from. None: that index can't tell.
    """

    keywords: KeywordStatistics | None = None
    mentions: Mapping[str, int] | None = field(default_factory=dict)


@by_fields
@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a query before any index searches. None: that model couldn't be asked.

    `statistics`: of all shards. `question`: as the shard understands it that asks the models; None: as each does.
    `tokens`: see `VectorQuery`. `among`: only these memories are asked for, of the vector index.
    """

    vector: FloatArray | None
    entities: tuple[Entity, ...] | None
    statistics: Statistics | None = None
    question: Question | None = None
    tokens: FloatArray | None = None
    among: tuple[str, ...] = ()
    floors: Floors = NO_FLOORS


@by_fields
@dataclass(frozen=True, slots=True)
class Found:
    """What one shard's legs found, unranked; None: the leg is late or down.

    `graph` holds shares of the walk as they are, not made relative to the best. `position`: of the vector index.
    """

    hits: tuple[VectorHit, ...] | None
    graph: tuple[GraphHit, ...] | None
    relations: tuple[Relation, ...] = ()
    position: int = 0


class ShardApi(MemoryApi, Protocol):
    """One shard alone."""

    async def evidence(self, query: str, **fields: Unpack[SearchFields]) -> Evidence:
        """What the models say of a query, without statistics."""
        ...

    async def statistics(self, query: str, evidence: Evidence, **fields: Unpack[SearchFields]) -> Statistics:
        """This shard's part of the statistics."""
        ...

    async def candidates(self, query: str, evidence: Evidence, **fields: Unpack[SearchFields]) -> Found:
        """What this shard's indexes find for a query, each candidate with the parts of its score."""
        ...

    async def keys(self, limit: int, **fields: Unpack[ListFields]) -> Keys:
        """The `limit` newest memories of a list (its `page` and `page_size` are ignored)."""
        ...

    async def versions(self, memory_ids: Sequence[str], **fields: Unpack[GetFields]) -> list[MemoryVersion | None]:
        """Live versions, None for what is not there (any more)."""
        ...

    async def facts(
        self, memory_ids: Sequence[str], **fields: Unpack[GetFields]
    ) -> dict[str, tuple[MemoryVersion, ...]]:
        """Of messages that have been read for facts, those that are live; a message without any stands for itself."""
        ...

    async def rerank(self, query: str, texts: Sequence[str], **fields: Unpack[CallFields]) -> list[float]:
        """How well each text answers, in [0, 1], by the cross-encoder. Raises Unavailable."""
        ...

    async def count_tokens(self, texts: Sequence[str], **fields: Unpack[CallFields]) -> list[int]:
        """How many tokens each text has for the embedding model, without those that it sets around a text."""
        ...

    async def get_many(self, memory_ids: Sequence[str], **fields: Unpack[GetFields]) -> list[Json | None]:
        """Memory objects, None for what is not there (any more)."""
        ...

    async def mentioned(self, **fields: Unpack[GraphEntitiesFields]) -> JsonList:
        """All entities that this shard's memories of a scope mention (`page` and `page_size` are ignored):
        `[{name, type, memories}]`."""
        ...

    async def beside(self, keys: Sequence[str], **fields: Unpack[GraphEntitiesFields]) -> list[tuple[str, ...]]:
        """Per key of an entity, the keys of those that memories of a scope mention beside it; each is said once, of the
        first of the keys that it stands beside (`page`, `page_size` and `name` are ignored)."""
        ...

    async def links(self, **fields: Unpack[CommunitiesFields]) -> Json:
        """What links the entities that this shard's memories of a scope mention (`limit` is ignored): `{entities:
        [{name, type, memories}], pairs: [[key, key, memories that mention both]], relations}`."""
        ...

    async def scopes(self, **fields: Unpack[CallFields]) -> list[ScopeCount]:
        """Who has live memories in this shard, and how many."""
        ...

    async def ratings(self, **fields: Unpack[FeedbackFields]) -> FeedbackPage:
        """As `feedback`, with all that leads to the end of the page, and how much there is."""
        ...

    async def claim(self, digest: str, **fields: Unpack[WriteFields]) -> str:
        """Take the idempotency key for a request with that digest (hex), durably; the id of the claim.

        The same again answers the same id, until the key is forgotten. Raises Conflict: another request has it.
        """
        ...

    async def delete_part(self, part_id: str, parts: int, wait: bool, **fields: Unpack[DeleteAllFields]) -> Json:
        """This shard's part of a deletion over all shards, as an operation of that id; the same again has no effect.

        `parts`: how many parts there are, for the one that stands for the whole; 0 for the others. `wait` False: answer
        as soon as it is durable. The idempotency key is that of the whole; it is only kept.
        """
        ...

    async def purge_part(self, part_id: str, parts: int, wait: bool, **fields: Unpack[PurgeFields]) -> Json:
        """This shard's part of a purge by scope over all shards; as `delete_part`."""
        ...

    async def erased_keys(self, operation_id: str, **fields: Unpack[CallFields]) -> list[str]:
        """The callers' idempotency keys of the requests that a purge here has erased; empty while it isn't done.

        Raises NotFound for an operation that isn't here.
        """
        ...

    async def forget(self, keys: Sequence[str], **fields: Unpack[CallFields]) -> None:
        """Blank the claims of idempotency keys whose requests were purged: they answer Purged from now on."""
        ...
