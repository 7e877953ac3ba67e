"""A language model that has read everything before: it answers questions for facts with those of a judged set.

Behind an OpenAI-compatible server on loopback, as any other. What it is shown are the lines of a prompt; it knows them
by their text.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.judged_sets import Unit

_LINE = re.compile(r"^\[(\d+)\] [^\n]*? UTC, [^\n]*?: (.*(?:\n    .*)*)$", re.MULTILINE)
_NEW = re.compile(r"^\[([a-z]+)\] \([\d-]+\) (.*)$", re.MULTILINE)
_KNOWN = re.compile(r"^\[(\d+)\] \([\d-]+\) (.*)$", re.MULTILINE)
_ABOUT_KNOWN = "New facts:"


class RecordedModel:
    """Facts by the turns that they cite.

    Args:
        turns: that may be shown.
        facts: each covers the ids of its turns.
        delay_s: how long an answer takes.
    """

    def __init__(self, turns: Iterable[Unit], facts: Iterable[Unit], delay_s: float = 0.0) -> None:
        self._ids: dict[str, str] = {_plain(turn.text): turn.id for turn in turns}
        self._facts: dict[str, list[Unit]] = {}
        for fact in facts:
            for turn in fact.evidence[:1]:
                self._facts.setdefault(turn, []).append(fact)
        self._news: dict[str, tuple[str, str]] = {}
        self._delay_s = delay_s
        self.asked = 0
        self.in_flight = 0
        self.held = asyncio.Event()
        self.held.set()

    async def answer(self, request: Request) -> Response:
        """As `/chat/completions`; while `held` isn't set, nothing is answered."""
        body = await request.json()
        self.asked += 1
        self.in_flight += 1
        try:
            await self.held.wait()
            await asyncio.sleep(self._delay_s)
        finally:
            self.in_flight -= 1
        return JSONResponse(_completion(self._said(body["messages"][1]["content"])))

    def hears(self, said: str, now: str, before: str) -> None:
        """From now on a message with this text says a fact that takes the place of another."""
        self._news[_plain(said)] = (now, before)

    def _decided(self, user: str) -> Mapping[str, Any]:
        """All facts are new, but for those that have changed since."""
        known, _, new = user.partition(_ABOUT_KNOWN)
        before = dict(self._news.values())
        numbers = {text: int(number) for number, text in _KNOWN.findall(known)}
        decisions = []
        for letter, text in _NEW.findall(new):
            old = numbers.get(before.get(text, ""))
            verdict = {"event": "ADD", "known": []} if old is None else {"event": "UPDATE", "known": [old]}
            decisions.append({"fact": letter, **verdict, "text": text if old is not None else ""})
        return {"decisions": decisions}

    def _said(self, user: str) -> Mapping[str, Any]:
        if _ABOUT_KNOWN in user:
            return self._decided(user)
        news = [(self._news[_plain(text)][0], int(n)) for n, text in _LINE.findall(user) if _plain(text) in self._news]
        if news:
            return {"facts": [{"fact": now, "lines": [n], "categories": [], "relations": []} for now, n in news]}
        shown = {self._ids.get(_plain(text)): int(number) for number, text in _LINE.findall(user)}
        facts = [fact for turn in shown if turn is not None for fact in self._facts.get(turn, ())]
        return {"facts": [_fact(fact, [shown[turn] for turn in fact.evidence if turn in shown]) for fact in facts]}


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def serving(model: RecordedModel) -> AsyncIterator[str]:
    """Its base URL."""
    app = Starlette(routes=[Route("/v1/chat/completions", model.answer, methods=["POST"])])
    server = _Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    task = asyncio.ensure_future(server.serve())
    await server.ready.wait()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = server.force_exit = True
        await task


def _plain(text: str) -> str:
    return " ".join(text.split())


def _fact(fact: Unit, lines: Sequence[int]) -> dict[str, Any]:
    return {"fact": fact.text, "lines": list(lines), "categories": [], "relations": []}


def _completion(said: Mapping[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": json.dumps(said)}
    return {
        "id": "recorded",
        "object": "chat.completion",
        "created": 0,
        "model": "recorded",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }
