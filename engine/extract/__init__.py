"""Extractors: one implementation a file. Importing this package loads no model library; `build` does."""

from __future__ import annotations

from engine.config import Settings
from engine.extract.recogniser import NoEntities, Recogniser
from engine.ports import Extractor

NO_ENTITIES = "none"


def build(settings: Settings, max_tokens: int) -> Extractor:
    """The extractor that the settings name, for an embedder that takes `max_tokens` in one window.

    Loads spaCy and the embedder's tokenizer (not the model): takes seconds, and blocks.

    Raises:
        InvalidInput: the settings name something that can't be used.
        Unavailable: a package or the tokenizer can't be had here and now; the message says what to do.
    """
    from engine.embed.tokenizer import counter
    from engine.extract.extractor import VerbatimExtractor

    return VerbatimExtractor(_recogniser(settings.extract.entities), counter(settings.embed.model), max_tokens)


def _recogniser(package: str) -> Recogniser:
    if package == NO_ENTITIES:
        return NoEntities()
    from engine.extract.spacy_recogniser import SpacyRecogniser

    return SpacyRecogniser(package)
