"""Language models: what is asked of one, how often and for how long, and the client of an OpenAI-compatible server."""

from __future__ import annotations

from engine.config import LlmSettings
from engine.ports import LanguageModel


def build(settings: LlmSettings) -> LanguageModel | None:
    """The language model that the settings name; None: none, messages are kept as they are."""
    if not settings.is_set:
        return None
    from engine.llm.openai_server import OpenAiServer

    return OpenAiServer(settings)
