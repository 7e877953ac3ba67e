"""The embedder's actor shell. Batching and the model live in `engine.embed`."""

from __future__ import annotations

from collections.abc import Sequence

import ray

from actors.options import Address
from actors.shell import Shell
from engine import embed
from engine.config import Settings
from engine.embed.reranking import RerankingEmbedder
from engine.errors import Unavailable
from engine.ports import Embedder, EmbedderInfo, Encoded, Output, Priority, Span


class EmbedderActor(Shell[Embedder]):
    """Owns the model."""

    def __init__(self, address: Address, settings: Settings) -> None:
        super().__init__(address, settings, lambda: embed.build(settings.embed, settings.rerank))

    @ray.method
    async def info(self) -> EmbedderInfo:
        """Which model this is."""
        return await (await self.enter("info")).info()

    @ray.method
    async def encode(
        self,
        windows: Sequence[str],
        spans: Sequence[Sequence[Span]] | None,
        outputs: frozenset[Output],
        priority: Priority,
    ) -> Encoded:
        """As `Embedder.encode`."""
        return await (await self.enter("encode")).encode(windows, spans, outputs, priority)

    @ray.method
    async def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """As `Reranker.score`."""
        both = await self.enter("score")
        if not isinstance(both, RerankingEmbedder):
            raise Unavailable("no reranker is set", {"setting": "rerank.model"})
        return await both.score(query, texts)
