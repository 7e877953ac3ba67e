"""Language models: what is asked of one, how often and for how long; the client of an OpenAI-compatible server, and a
model in this process."""

from __future__ import annotations

from functools import partial

from engine.config import LlmSettings
from engine.ports import LanguageModel


def build(settings: LlmSettings) -> LanguageModel | None:
    """The language model that the settings name; None: none, messages are kept as they are.

    A local one is loaded: that takes seconds to minutes, and blocks.

    Raises:
        InvalidInput: the settings contradict each other, or name no model that can be used.
        Unavailable: a local model can't be had here and now; the message says what to do.
    """
    if not settings.is_set:
        return None
    if settings.local is not None:
        return _local(settings)
    from engine.llm.openai_server import OpenAiServer

    return OpenAiServer(settings)


def _local(settings: LlmSettings) -> LanguageModel:
    from engine.embed.threads import let_threads_sleep
    from engine.llm.local_files import located
    from engine.llm.local_model import LocalModel

    files = located(settings)
    let_threads_sleep()
    from engine.llm.chat_model import ChatModel

    return LocalModel(settings, partial(ChatModel, files, settings))
