"""A memory in one process whose facts a scripted provider makes, for the tests of inference."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from engine.config import load
from engine.in_process import in_process
from engine.llm import build
from engine.memory import Memory
from tests.fact_provider import FactProvider


@asynccontextmanager
async def memory_with(
    served: FactProvider, *, infer: dict[str, Any] | None = None, **llm: Any
) -> AsyncIterator[Memory]:
    settings = load(llm={"base_url": served.url, "model": "scripted", **llm}, infer=infer or {})
    model = build(settings.llm)
    assert model is not None
    memory = in_process(settings, language_model=model)
    await memory.start()
    try:
        yield memory
    finally:
        await memory.close()
        await model.close()
