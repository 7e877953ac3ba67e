"""Embedders: one implementation a file. Importing this package loads no model library; `build` does."""

from __future__ import annotations

from engine.config import EmbedSettings
from engine.ports import Embedder

HASHING = "hashing"


def build(settings: EmbedSettings) -> Embedder:
    """The embedder that the settings name, ready for use. Loads a model's files: takes seconds, and blocks.

    Raises:
        InvalidInput: the settings name something that isn't a model.
        Unavailable: the model can't be had here and now; the message says what to do.
    """
    if settings.model == HASHING:
        from engine.embed.hashing import HashingEmbedder

        return HashingEmbedder()
    from engine.embed.threads import let_threads_sleep

    let_threads_sleep()
    from engine.embed.transformer import TransformerEmbedder

    return TransformerEmbedder(settings)
