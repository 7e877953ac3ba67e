"""A memory system whose messages may be read otherwise than they were at first."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from engine.config import Policy, load
from engine.in_process import in_process
from engine.llm import build
from engine.memory import Memory
from engine.ports import LanguageModel
from tests.fact_provider import FactProvider, facts, is_about_known
from tests.provider import Reply

Fact = dict[str, Any]


class Reader(FactProvider):
    """What a line says may be read otherwise: `words` has a list of facts for each text that has some."""

    def __init__(self) -> None:
        super().__init__([Reply()])
        self.words: dict[str, list[str]] = {}
        self.categories: list[str] = []

    def reply_to(self, asked: dict[str, Any]) -> Reply:
        answer = super().reply_to(asked)
        if is_about_known(asked) or answer.status != 200:
            return answer
        found = [fact for one in facts(asked["messages"][1]["content"]) for fact in self._read(one, asked)]
        return Reply(json.dumps({"facts": found}))

    def _read(self, fact: Fact, asked: dict[str, Any]) -> list[Fact]:
        [line] = fact["lines"]
        said = re.search(rf"^\[{line}\] [^\n]*?UTC, [^:\n]+?: (.*)$", asked["messages"][1]["content"], re.MULTILINE)
        assert said is not None
        texts = self.words.get(said[1], [fact["fact"]])
        return [{**fact, "fact": text, "categories": self.categories} for text in texts]


@asynccontextmanager
async def memory_with(served: FactProvider, policy: Policy = Policy.RECONCILE) -> AsyncIterator[Memory]:
    settings = load(llm={"base_url": served.url, "model": "scripted"}, infer={"policy": policy})
    model: LanguageModel | None = build(settings.llm)
    assert model is not None
    memory = in_process(settings, language_model=model)
    await memory.start()
    try:
        yield memory
    finally:
        await memory.close()
        await model.close()
