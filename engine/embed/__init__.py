"""Embedders: one implementation a file. Importing this package loads no model library; `build` does."""

from __future__ import annotations

from engine.config import EmbedSettings, RerankSettings
from engine.ports import Embedder

HASHING = "hashing"


def build(settings: EmbedSettings, rerank: RerankSettings | None = None) -> Embedder:
    """The embedder that the settings name, ready for use; with a model for `rerank` a reranker as well. Loads models'
    files: takes seconds, and blocks.

    Raises:
        InvalidInput: the settings name something that isn't a model.
        Unavailable: a model can't be had here and now; the message says what to do.
    """
    embedder = _embedder(settings)
    if rerank is None or rerank.model is None:
        return embedder
    from engine.embed.reranking import RerankingEmbedder
    from engine.embed.threads import let_threads_sleep

    let_threads_sleep()
    from engine.embed.cross_encoder import CrossEncoder

    return RerankingEmbedder(embedder, lambda: CrossEncoder(rerank).score)


def _embedder(settings: EmbedSettings) -> Embedder:
    if settings.model == HASHING:
        from engine.embed.hashing import HashingEmbedder

        return HashingEmbedder()
    from engine.embed.threads import let_threads_sleep

    let_threads_sleep()
    from engine.embed.transformer import TransformerEmbedder

    return TransformerEmbedder(settings)
