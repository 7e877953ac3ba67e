"""A language model in this process: one question at a time on a thread of its own, each with its deadline."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

from engine.config import LlmSettings
from engine.errors import RemoraError, Unavailable
from engine.llm.turns import Told, Turns
from engine.ports import Completion, Prompt
from engine.types import Json

if TYPE_CHECKING:
    from engine.llm.chat_model import ChatModel, Written

_log = logging.getLogger(__name__)

_SMALL: Final = 7_000_000_000
_MILLION: Final = 1_000_000


class LocalModel:
    """A chat model by transformers and torch.

    It doesn't hold the model to a schema, and shows it no images. An answer that takes longer than
    `llm.call_deadline_s` breaks off there.

    Args:
        settings: how long an answer may take, and how many questions may wait.
        load: makes the model. Called here, on the thread that runs it; takes seconds to minutes, blocking.

    Raises:
        InvalidInput, Unavailable: as `load` does.
    """

    def __init__(self, settings: LlmSettings, load: Callable[[], ChatModel]) -> None:
        self._settings = settings
        self._told = Told()
        self._turns = Turns(settings.calls_at_once, settings.queue_calls, self._told)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="language-model")
        self._closed = threading.Event()
        try:
            self._model = self._thread.submit(load).result()
        except BaseException:
            self._thread.shutdown(wait=False)
            raise
        self.notices: Sequence[str] = _notices(self._model)
        for notice in self.notices:
            _log.warning("%s", notice)

    async def complete(self, prompt: Prompt, deadline_s: float) -> Completion:
        """See `LanguageModel.complete`."""
        began_s = time.monotonic()
        async with self._turns.taken(prompt, deadline_s):
            written = await self._written(prompt)
        completion = Completion(
            text=written.text,
            whole=written.ended,
            prompt_tokens=written.prompt_tokens,
            completion_tokens=written.completion_tokens,
            ms=(time.monotonic() - began_s) * 1000,
        )
        self._told.answered(completion)
        return completion

    async def close(self) -> None:
        """Break off what is being written, and let the thread go."""
        self._closed.set()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def figures(self) -> Json:
        """Counted since the start, and what is under way."""
        return {
            "model": self._model.name,
            **self._told.figures(),
            "structured": "none",
            "images": False,
            "device": self._model.device,
            "parameters": self._model.parameters,
            "context_tokens": self._model.context_tokens,
        }

    async def _written(self, prompt: Prompt) -> Written:
        """What it writes until the time of a call is up. Whoever doesn't wait any more ends it at the next token."""
        until_s = time.monotonic() + self._settings.call_deadline_s
        left = threading.Event()

        def over() -> bool:
            return left.is_set() or self._closed.is_set() or time.monotonic() >= until_s

        settings = self._settings
        write = partial(
            self._model.write,
            prompt,
            over,
            most_tokens=settings.answer_tokens,
            temperature=settings.temperature,
        )
        if self._closed.is_set():
            raise Unavailable("the language model is closed")
        self._told.calls += 1
        self._told.in_flight += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, write)
        except RemoraError:
            self._told.failures += 1
            raise
        finally:
            left.set()
            self._told.in_flight -= 1


def _notices(model: ChatModel) -> list[str]:
    if model.parameters >= _SMALL:
        return []
    millions = f"{model.name} has {model.parameters / _MILLION:,.0f} million parameters"
    poorly = "models this small make poor facts: garbled, wrong or none. Try it before you trust it"
    return [f"{millions}: {poorly}"]
