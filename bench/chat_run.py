"""How long a chat's first byte takes, directly and through Remora, beside one search: asked in turn, in one run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import median

import httpx

from bench.results import percentile
from bench.sentences import sentence
from bench.tables import Table
from engine.config import ChatSettings
from engine.types import Json

_PATIENCE_S = 60.0
_BATCH = 500
_CHAT = "/v1/chat/completions"
_MS = 1000.0
_TOP_K = ChatSettings().top_k
KINDS = ("direct", "through Remora, no memory", "through Remora", "search")


@dataclass(frozen=True, slots=True)
class Plan:
    """`memories`: of the user who chats. `rounds`: each asks every kind once. `callers`: at once."""

    memories: int
    rounds: int
    callers: int
    think_ms: float
    seed: int = 0


@dataclass(slots=True)
class Measured:
    """Milliseconds by kind; `recalled`: of the chats, how many had memories in their prompt."""

    ms: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    recalled: int = 0


class Caller:
    """One user who chats with the model directly and through Remora, and searches.

    Args:
        model: of the language model's server.
        remora: of Remora.
        user: whose memories.
        plan: how much.
    """

    def __init__(self, model: httpx.AsyncClient, remora: httpx.AsyncClient, user: str, plan: Plan) -> None:
        self._model = model
        self._remora = remora
        self._user = user
        self._plan = plan

    async def load(self) -> None:
        """Store what is remembered."""
        texts = [sentence(number, self._plan.seed).text for number in range(self._plan.memories)]
        for start in range(0, len(texts), _BATCH):
            items = [
                {"messages": text, "user_id": self._user, "infer": False} for text in texts[start : start + _BATCH]
            ]
            reply = await self._remora.post("/v1/memories/bulk/", json={"items": items})
            reply.raise_for_status()

    async def ask(self, number: int, found: Measured) -> None:
        """Every kind once, each round beginning with another one."""
        question = sentence(number % self._plan.memories, self._plan.seed).question
        asked: Json = {"query": question, "user_id": self._user, "top_k": _TOP_K}
        chat: Json = {"model": "m", "stream": True, "messages": [{"role": "user", "content": f"{question} ({number})"}]}
        mine = {**chat, "user_id": self._user, "infer": False}
        calls: list[Callable[[], Awaitable[float]]] = [
            lambda: self._first_byte_ms(self._model, chat, found),
            lambda: self._first_byte_ms(self._remora, chat, found),
            lambda: self._first_byte_ms(self._remora, mine, found),
            lambda: self._answer_ms("/v1/memories/search/", asked),
        ]
        for place in range(len(calls)):
            kind = (number + place) % len(calls)
            found.ms[KINDS[kind]].append(await calls[kind]())

    async def _first_byte_ms(self, client: httpx.AsyncClient, chat: Json, found: Measured) -> float:
        began_s = time.perf_counter()
        async with client.stream("POST", _CHAT, json=chat) as reply:
            pieces = reply.aiter_raw()
            await anext(pieces)
            took_ms = (time.perf_counter() - began_s) * _MS
            reply.raise_for_status()
            found.recalled += reply.headers.get("x-remora-memories", "0") not in {"0", "unavailable"}
            async for _ in pieces:
                pass
        return took_ms

    async def _answer_ms(self, path: str, body: Json) -> float:
        began_s = time.perf_counter()
        reply = await self._remora.post(path, json=body)
        took_ms = (time.perf_counter() - began_s) * _MS
        reply.raise_for_status()
        return took_ms


async def measure(model_url: str, remora_url: str, plan: Plan, tell: Callable[[str], None]) -> Measured:
    """All rounds of all callers, after a tenth of them that doesn't count."""
    found = Measured()
    timeout = httpx.Timeout(_PATIENCE_S)
    async with (
        httpx.AsyncClient(base_url=model_url, timeout=timeout, trust_env=False) as model,
        httpx.AsyncClient(base_url=remora_url, timeout=timeout, trust_env=False) as remora,
    ):
        callers = [Caller(model, remora, f"user-{number}", plan) for number in range(plan.callers)]
        tell(f"loading {plan.memories} memories for each of {plan.callers} users")
        for caller in callers:
            await caller.load()
        tell("asking")
        await _rounds(callers, range(max(1, plan.rounds // 10)), Measured())
        await _rounds(callers, range(plan.rounds, 2 * plan.rounds), found)
    return found


async def _rounds(callers: list[Caller], numbers: range, found: Measured) -> None:
    async def all_of(caller: Caller) -> None:
        for number in numbers:
            await caller.ask(number, found)

    await asyncio.gather(*[all_of(caller) for caller in callers])


def table(found: Measured, plan: Plan) -> Table:
    """Medians and 95th percentiles, and what they are beyond the direct call."""
    direct = found.ms["direct"]
    rows = []
    for kind in KINDS:
        ms = found.ms[kind]
        beyond = median(ms) - median(direct) if kind.startswith("through") else None
        rows.append(
            (kind, f"{median(ms):.1f}", f"{percentile(ms, 0.95):.1f}", "" if beyond is None else f"{beyond:.1f}")
        )
    title = (
        f"Milliseconds to the first byte of a streamed chat with a model that thinks {plan.think_ms:g} ms, and to the "
        f"answer of a search; memories of a user: {plan.memories}, callers at once: {plan.callers}, "
        f"{len(direct)} of each"
    )
    return Table(title, ("", "p50", "p95", "p50 beyond direct"), tuple(rows))
