"""Remora as the benchmark drives it: a runtime of its own, entered by handle and by HTTP."""

from __future__ import annotations

from typing import Any

import aiohttp
import ray

from actors import runtime as runtimes
from actors.handles import OrchestratorHandle
from actors.handles import connect as connect_handle
from bench.closed_loop import CALL_LIMIT_S, SETTLE_S, Call, Window, run
from bench.results import HANDLE, HTTP, Verb
from bench.sentences import USERS, Sentence, sentence
from engine.config import Settings
from engine.types import Json

_PAGE = 1000


class Remora:
    """A runtime that this process starts and connects to."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runtime: runtimes.Runtime | None = None

    def start(self) -> None:
        """Start it; what it stored before is there. Blocks for seconds."""
        self._runtime = runtimes.start(self._settings)
        runtimes.connect(self._settings)

    def stop(self) -> None:
        """Disconnect, and stop it if it runs."""
        running, self._runtime = self._runtime, None
        if running is not None:
            ray.shutdown()
            running.stop()

    def handle(self) -> OrchestratorHandle:
        """The way in for Python in the same Ray."""
        return connect_handle(self._settings)

    @property
    def url(self) -> str:
        """Where it answers HTTP.

        Raises:
            RuntimeError: it does not run.
        """
        if self._runtime is None or self._runtime.url is None:
            raise RuntimeError("Remora does not run")
        return self._runtime.url

    async def stored(self) -> list[str]:
        """The ids of all memories."""
        return [memory_id for user in range(USERS) for memory_id in await self._stored_of(f"user-{user:02d}")]

    async def _stored_of(self, user_id: str) -> list[str]:
        handle, ids, page = self.handle(), list[str](), 1
        while results := (await handle.list(user_id=user_id, page=page, page_size=_PAGE))["results"]:
            ids += [memory["id"] for memory in results]
            page += 1
        return ids


class Texts:
    """Which texts go with which numbers: adds take them in turn, searches ask about those loaded at first."""

    def __init__(self, seed: int, memories: int) -> None:
        self._seed = seed
        self._memories = memories

    def to_add(self, number: int) -> Sentence:
        """What an add with that number keeps."""
        return sentence(number, self._seed)

    def to_find(self, number: int) -> Sentence:
        """What a search with that number is about."""
        return sentence(number % self._memories, self._seed)


class ByHandle:
    """Through the orchestrator's handle."""

    name = HANDLE

    def __init__(self, handle: OrchestratorHandle, texts: Texts) -> None:
        self._handle = handle
        self._texts = texts

    async def window(self, verb: Verb, numbers: range, concurrency: int, limit_s: float) -> Window:
        calls: dict[Verb, Call] = {"add": self._add, "search": self._search}
        return await run(calls[verb], numbers, concurrency=concurrency, limit_s=limit_s, settle_s=SETTLE_S)

    async def _add(self, number: int) -> list[str]:
        one = self._texts.to_add(number)
        message = {"role": "user", "content": one.text}
        return _acknowledged(await self._handle.add([message], user_id=one.user_id, infer=False))

    async def _search(self, number: int) -> list[str]:
        one = self._texts.to_find(number)
        return _ids(await self._handle.search(one.question, filters={"user_id": one.user_id}, top_k=10))


class ByHttp:
    """Through the HTTP API, with as many connections as there are callers."""

    name = HTTP

    def __init__(self, url: str, key: str | None, texts: Texts) -> None:
        self._url = url
        self._headers = {"authorization": f"Token {key}"} if key else {}
        self._texts = texts

    async def window(self, verb: Verb, numbers: range, concurrency: int, limit_s: float) -> Window:
        connections = aiohttp.TCPConnector(limit=concurrency)
        patience = aiohttp.ClientTimeout(total=CALL_LIMIT_S)
        async with aiohttp.ClientSession(
            self._url, connector=connections, timeout=patience, headers=self._headers
        ) as session:

            async def add(number: int) -> list[str]:
                one = self._texts.to_add(number)
                body = {"messages": [{"role": "user", "content": one.text}], "user_id": one.user_id, "infer": False}
                return _acknowledged(await _post(session, "/v1/memories/", body))

            async def search(number: int) -> list[str]:
                one = self._texts.to_find(number)
                body = {"query": one.question, "filters": {"user_id": one.user_id}, "top_k": 10}
                return _ids(await _post(session, "/v1/memories/search/", body))

            calls: dict[Verb, Call] = {"add": add, "search": search}
            return await run(calls[verb], numbers, concurrency=concurrency, limit_s=limit_s, settle_s=SETTLE_S)


async def _post(session: aiohttp.ClientSession, path: str, body: Json) -> Any:
    async with session.post(path, json=body) as reply:
        answer = await reply.json()
        if reply.status >= 400:
            raise RuntimeError(f"{reply.status} {answer.get('code')}: {answer.get('detail')}")
        return answer


def _acknowledged(answer: Json) -> list[str]:
    if answer["status"] != "SUCCEEDED":
        raise RuntimeError(f"an add came back {answer['status']}")
    return _ids(answer)


def _ids(answer: Json) -> list[str]:
    return [result["id"] for result in answer["results"]]
