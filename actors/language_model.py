"""The language model's actor shell: one for all shards, so that limits and budgets hold for the whole runtime.

The client and its patience live in `engine.llm`.
"""

from __future__ import annotations

import ray

from actors.options import Address
from actors.shell import Shell
from engine import llm
from engine.config import Settings
from engine.errors import Unavailable
from engine.ports import Completion, LanguageModel, Prompt
from engine.types import Json


class LanguageModelActor(Shell[LanguageModel]):
    """Owns the connections to the language model's server, or the model itself."""

    def __init__(self, address: Address, settings: Settings) -> None:
        super().__init__(address, settings, lambda: _built(settings))

    @ray.method
    async def complete(self, prompt: Prompt, deadline_s: float) -> Completion:
        """As `LanguageModel.complete`."""
        return await (await self.enter("complete")).complete(prompt, deadline_s)

    @ray.method
    async def told(self) -> Json:
        """Its figures; by then the model is made, or why it can't be is raised."""
        return (await self.enter("told")).figures()

    def _more(self) -> Json:
        port = self._port
        return {} if port is None else {"language_model": port.figures()}


def _built(settings: Settings) -> LanguageModel:
    model = llm.build(settings.llm)
    if model is None:
        raise Unavailable("no language model is set", {"setting": "llm.model"})
    return model
