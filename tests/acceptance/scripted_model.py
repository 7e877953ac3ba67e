"""A scripted language model for a whole runtime: in a thread of this process, answers by what the user said last."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

from tests.provider import Provider, Reply, provider

_DEADLINE_S = 30.0
NO_FACTS = Reply('{"facts": []}')


class ScriptedModel:
    """What it is asked of chats stands in `asked`; whatever isn't scripted has no facts to tell."""

    def __init__(self) -> None:
        self.script: dict[str, Reply] = {}
        self.asked: list[dict[str, Any]] = []
        self._loop = asyncio.new_event_loop()
        self._up: Future[Provider] = Future()
        self._down = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self._thread.start()
        self._provider = self._up.result(_DEADLINE_S)
        self.url = self._provider.url

    def answers(self, question: str, reply: Reply) -> dict[str, str]:
        """Answer so when the user says that; the user's message."""
        self.script[question] = reply
        return {"role": "user", "content": question}

    def gate(self) -> asyncio.Event:
        return asyncio.Event()

    def open(self, gate: asyncio.Event) -> None:
        self._loop.call_soon_threadsafe(gate.set)

    def saw_hang_up(self) -> None:
        """Returns when a client has hung up before its answer's end, since the last time."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result(_DEADLINE_S)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join(_DEADLINE_S)
        self._loop.close()

    async def _hang_up(self) -> None:
        await self._provider.gone.wait()
        self._provider.gone.clear()

    async def _serve(self) -> None:
        async with provider(choose=self._choose) as one:
            self._up.set_result(one)
            await self._down.wait()

    def _choose(self, asked: dict[str, Any]) -> Reply:
        said = [
            one["content"] for one in asked["messages"] if one["role"] == "user" and isinstance(one["content"], str)
        ]
        reply = self.script.get(said[-1] if said else "")
        if reply is None:
            return NO_FACTS
        self.asked.append(asked)
        return reply
