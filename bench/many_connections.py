"""Many HTTP connections that add and search at the same time: who sends what, and what came back. Shows nothing."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from typing import Any

import aiohttp

from bench.connection_results import REFUSED, Run, Tally
from bench.results import VERBS, Verb
from bench.sentences import Sentence, sentence
from engine.loop_lag import LoopLag
from engine.types import Json

PATIENCE_S = 60.0
"""A call without an answer for so long counts as an error."""
_LONGEST_PAUSE_S = 5.0
_PATHS: dict[Verb, str] = {"add": "/v1/memories/", "search": "/v1/memories/search/"}


class Callers:
    """The callers of one run, each with a connection of its own.

    Args:
        url: of the server.
        key: its key, if it has one.
        owner: what the ids of the users begin with, so that a run leaves other memories alone.
        memories: how many are loaded before; searches ask for them.
        seed: of the texts.
    """

    def __init__(self, url: str, key: str | None, owner: str, memories: int, seed: int) -> None:
        self._url = url
        self._headers = {"authorization": f"Token {key}"} if key else {}
        self._owner = owner
        self._memories = memories
        self._seed = seed
        self._opened = 0

    def _session(self, connections: int) -> aiohttp.ClientSession:
        async def opened(*_: object) -> None:
            self._opened += 1

        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(opened)
        return aiohttp.ClientSession(
            self._url,
            connector=aiohttp.TCPConnector(limit=connections),
            timeout=aiohttp.ClientTimeout(total=PATIENCE_S),
            headers=self._headers,
            trace_configs=[trace],
        )

    def _text(self, number: int) -> tuple[Sentence, str]:
        one = sentence(number, self._seed)
        return one, f"{self._owner}-{one.user_id}"

    def _body(self, verb: Verb, number: int) -> Json:
        one, user = self._text(number)
        if verb == "search":
            return {"query": one.question, "user_id": user, "top_k": 10}
        return {"messages": one.text, "user_id": user, "infer": False}

    async def load(self, batch: int = 500) -> None:
        """Store what searches will ask for, by bulk requests.

        Raises:
            RuntimeError: the server did not take all of it.
        """
        async with self._session(1) as session:
            for start in range(0, self._memories, batch):
                numbers = range(start, min(start + batch, self._memories))
                items = [self._body("add", number) for number in numbers]
                async with session.post("/v1/memories/bulk/", json={"items": items}) as reply:
                    answer = await reply.json()
                bad = [one for one in answer.get("results", [answer]) if one.get("status_code") not in (200, 202)]
                if bad:
                    raise RuntimeError(f"the server did not take the memories: {bad[0]}")

    async def forget(self) -> None:
        """Delete what a run has stored."""
        async with self._session(4) as session:
            for user in sorted({self._text(number)[1] for number in range(100)}):
                async with session.delete("/v1/memories/", params={"user_id": user}):
                    pass

    async def run(self, connections: int, seconds: float) -> Run:
        """Add and search, each caller in turn, until the time is up; calls under way are waited for, and count."""
        lag = LoopLag()
        lag.watch()
        tallies: dict[Verb, Tally] = {verb: Tally() for verb in VERBS}
        numbers = itertools.count(self._memories)
        self._opened = 0
        async with self._session(connections) as session, self._session(1) as other:
            start_s = time.monotonic()
            callers = [
                self._caller(session, tallies, numbers, which, start_s + seconds) for which in range(connections)
            ]
            status, _ = await asyncio.gather(_status_after(other, seconds * 0.9), asyncio.gather(*callers))
        took_s = time.monotonic() - start_s
        figures = lag.figures()
        await lag.close()
        return Run(connections, took_s, tallies, self._opened - 1, figures, status)

    async def _caller(
        self,
        session: aiohttp.ClientSession,
        tallies: dict[Verb, Tally],
        numbers: Iterator[int],
        which: int,
        until_s: float,
    ) -> None:
        """One connection: half of them begin with an add, the others with a search, and so on in turn."""
        verbs = itertools.islice(itertools.cycle(VERBS), which % len(VERBS), None)
        while time.monotonic() < until_s:
            verb = next(verbs)
            number = next(numbers)
            body = self._body(verb, number if verb == "add" else number % self._memories)
            pause_s = await _call(session, verb, body, tallies[verb])
            if pause_s:
                await asyncio.sleep(max(0.0, min(pause_s, until_s - time.monotonic())))


async def _call(session: aiohttp.ClientSession, verb: Verb, body: Json, tally: Tally) -> float:
    """One call, counted; how long the server asks to wait before the next one."""
    began_s = time.perf_counter()
    try:
        async with session.post(_PATHS[verb], json=body) as reply:
            answer = await reply.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        tally.errors[f"{verb}: {type(error).__name__}: {error}"[:200]] += 1
        return 0.0
    tally.statuses[reply.status] += 1
    if reply.status == REFUSED:
        return min(_LONGEST_PAUSE_S, float(reply.headers.get("retry-after", 1)))
    if reply.status >= 400:
        tally.errors[f"{verb}: {reply.status} {answer.get('code')}: {answer.get('detail')}"[:200]] += 1
        return 0.0
    tally.times_ms.append((time.perf_counter() - began_s) * 1000)
    tally.partial += bool(answer.get("degraded"))
    return 0.0


async def _status_after(session: aiohttp.ClientSession, seconds: float) -> Json:
    """The server's own figures, asked while it is busy."""
    await asyncio.sleep(seconds)
    try:
        async with session.get("/v1/status/") as reply:
            status: Any = await reply.json()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return {}
    return status if isinstance(status, dict) else {}
