"""Whose turn it is at a language model: so many questions at once, so many more wait, each within its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from engine.errors import InvalidInput, Overloaded, Unavailable
from engine.ports import Completion, Prompt
from engine.types import Json


@dataclass(slots=True)
class Told:
    """Counted since the start, and what is under way. `calls`: each try; `failures`: questions without an answer."""

    calls: int = 0
    failures: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    waiting: int = 0
    in_flight: int = 0

    def answered(self, completion: Completion) -> None:
        """Count what an answer cost."""
        self.prompt_tokens += completion.prompt_tokens
        self.completion_tokens += completion.completion_tokens

    def figures(self) -> Json:
        """Plain values; `docs/operations.md` explains each name."""
        return {
            "calls": self.calls,
            "failures": self.failures,
            "retries": self.retries,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "waiting": self.waiting,
            "in_flight": self.in_flight,
        }


class Turns:
    """Lets questions in. `at_once`: with the model; `queue`: that may wait. `told`: where those are counted."""

    def __init__(self, at_once: int, queue: int, told: Told) -> None:
        self._room = asyncio.Semaphore(at_once)
        self._queue = queue
        self._told = told

    @asynccontextmanager
    async def taken(self, prompt: Prompt, deadline_s: float) -> AsyncIterator[None]:
        """A turn for a prompt; within it and while it is waited for, no more than `deadline_s` seconds pass.

        Raises:
            InvalidInput: the prompt is no text.
            Overloaded: too many wait.
            Unavailable: the time is up.
        """
        _check(prompt)
        if self._told.waiting >= self._queue:
            raise Overloaded("too many calls wait for the language model", {"retry_after_s": 1})
        try:
            async with asyncio.timeout(deadline_s):
                await self._turn()
                try:
                    yield
                finally:
                    self._room.release()
        except TimeoutError as error:
            self._told.failures += 1
            raise Unavailable(f"the language model had no answer within {deadline_s:.0f} s") from error

    async def _turn(self) -> None:
        self._told.waiting += 1
        try:
            await self._room.acquire()
        finally:
            self._told.waiting -= 1


def _check(prompt: Prompt) -> None:
    try:
        (prompt.system + prompt.user).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("the prompt has characters that aren't text (surrogates)") from error
