"""What an orchestrator is made of: its own shard over the actors, and the other shards behind their orchestrators."""

from __future__ import annotations

from actors.embedder_pool import EmbedderPool, RerankingPort
from actors.handles import (
    EmbedderHandle,
    ExtractorHandle,
    GraphStoreHandle,
    LanguageModelHandle,
    LedgerHandle,
    VectorStoreHandle,
)
from actors.options import Part, addresses, embedders, language_model
from actors.shard_handle import OwnShard, ShardHandle
from engine.config import Settings
from engine.memory import Memory
from engine.shard_api import ShardApi


def memory_over_actors(settings: Settings, shard: int) -> Memory:
    """The memory system of a shard with every port behind an actor. Nothing is called yet."""
    found = addresses(settings, shard)
    deadline_s = settings.runtime.deadline_s
    embedder, model = embedder_of(settings, shard), language_model(settings)
    return Memory(
        settings=settings,
        shard=shard,
        embedder=embedder,
        reranker=None if settings.rerank.model is None else embedder,
        language_model=None if model is None else LanguageModelHandle(model, settings.infer.deadline_s),
        extractor=ExtractorHandle(found[Part.EXTRACTOR], deadline_s),
        ledger=LedgerHandle(found[Part.LEDGER], deadline_s),
        vector=VectorStoreHandle(found[Part.VECTOR_STORE], deadline_s),
        graph=GraphStoreHandle(found[Part.GRAPH_STORE], deadline_s),
    )


def embedder_of(settings: Settings, shard: int) -> RerankingPort:
    """The embedders, and the rerankers in their processes, as one shard uses them."""
    found, deadline_s = embedders(settings), settings.runtime.deadline_s
    if len(found) == 1:
        return EmbedderHandle(found[0], deadline_s)
    handles = [EmbedderHandle(one, deadline_s, patient=False) for one in found]
    return EmbedderPool(handles, first=shard, deadline_s=deadline_s)


def every_shard(settings: Settings, shard: int, own: OwnShard) -> list[ShardApi]:
    """All shards as the orchestrator of one of them reaches them."""
    return [own if one == shard else ShardHandle(settings, one) for one in range(settings.shards)]
