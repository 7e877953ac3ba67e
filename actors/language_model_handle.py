"""The handle of the language model: a port over its actor. Whoever doesn't wait any more takes the question back."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import ray

from actors.calls import Remote
from actors.options import Address
from engine.errors import DeadlineExceeded, Unavailable
from engine.ports import Completion, LanguageModel, Prompt
from engine.types import Json

if TYPE_CHECKING:
    from actors.language_model import LanguageModelActor

_MARGIN_S = 2.0
"""How much longer is waited than the actor may take, so that its own answer comes first."""


class LanguageModelHandle(LanguageModel):
    """The language model behind an actor. Asking twice costs twice, and does no other harm: while the actor restarts,
    a question is sent again, with what is left of its time.

    `deadline_s`: of `told`.
    """

    def __init__(self, address: Address, deadline_s: float) -> None:
        self._remote: Remote[LanguageModelActor] = Remote(address, deadline_s)

    async def complete(self, prompt: Prompt, deadline_s: float) -> Completion:
        until_s = time.monotonic() + deadline_s
        last: ray.ObjectRef[Completion] | None = None

        def send(actor: ray.actor.ActorProxy[LanguageModelActor]) -> ray.ObjectRef[Completion]:
            nonlocal last
            last = actor.complete.remote(prompt, max(0.0, until_s - time.monotonic()))
            return last

        try:
            return await self._remote.ask(send, deadline_s=deadline_s + _MARGIN_S)
        except asyncio.CancelledError:
            _take_back(last)
            raise
        except DeadlineExceeded as error:
            _take_back(last)
            raise Unavailable(f"the language model had no answer within {deadline_s:.0f} s", error.details) from error

    async def told(self) -> Json:
        """The actor's figures. Raises what keeps the model from being made."""
        return await self._remote.ask(lambda actor: actor.told.remote())

    def figures(self) -> Json:
        """None of its own: the actor's status has them."""
        return {}

    async def close(self) -> None:
        """The actor is the runtime's to end."""


def _take_back(question: ray.ObjectRef[Completion] | None) -> None:
    """Ends it in the actor, too, wherever it is: in its queue, between two tries, with the server."""
    if question is not None:
        ray.cancel(question)
