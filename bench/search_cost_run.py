"""What is measured of the cost of signals, in which order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import httpx

from bench.closed_loop import SETTLE_S, Window, run
from bench.own_server import OwnServer
from bench.process_memory import name_of, size_of, tree
from bench.results import percentile
from bench.sentences import sentence
from bench.tables import Table, number
from engine.ranking.signals import Signal

Tell = Callable[[str], None]

DENSE_ALONE = {signal.value: float(signal is Signal.DENSE) for signal in Signal}

_SESSION = 20
"""So many messages has an add while scopes are loaded."""
_SPEAKERS = ("Amara", "Jonas")
_CALL_S = 120.0
_LOOK_S = 0.2
_PATIENCE_S = 3600.0
_CALLS = 100_000
_LOADERS = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    memories: int
    large: int
    rounds: int
    seconds: float
    callers: int


@dataclass(slots=True)
class Windows:
    """What one kind of window gave, round by round."""

    per_s: list[float] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)
    errors: int = 0

    def took(self, window: Window) -> None:
        """One more."""
        self.per_s.append(len(window.answers) / window.seconds)
        self.ms += [1000 * answer.seconds for answer in window.answers]
        self.errors += sum(window.errors.values())


def text(place: int) -> str:
    """Memory number `place`: 33 tokens of the default model, at a mean."""
    return f"{sentence(place).text} Later somebody asked about it, and the story was told once more."


class Client:
    """Asks one server."""

    def __init__(self, url: str, connections: int) -> None:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._http = httpx.AsyncClient(base_url=url, timeout=_CALL_S, limits=limits)

    async def load(self, user: str, memories: int) -> None:
        """A scope of conversations between two people."""
        starts = iter(range(0, memories, _SESSION))

        async def caller() -> None:
            for start in starts:
                messages = [
                    {"role": "user", "name": _SPEAKERS[place % 2], "content": text(place)}
                    for place in range(start, min(start + _SESSION, memories))
                ]
                run_id = f"{user}-{start}"
                await self.post(
                    "/v1/memories/", {"messages": messages, "user_id": user, "run_id": run_id, "infer": False}
                )

        await asyncio.gather(*(caller() for _ in range(_LOADERS)))

    async def search(self, user: str, place: int, weights: dict[str, float] | None) -> list[str]:
        """Ids of the best ten."""
        body: dict[str, Any] = {"query": sentence(place).question, "filters": {"user_id": user}, "top_k": 10}
        if weights is not None:
            body["weights"] = weights
        return [hit["id"] for hit in (await self.post("/v1/memories/search/", body))["results"]]

    async def add(self, place: int) -> list[str]:
        """One message of one of many conversations that go on."""
        user = sentence(place).user_id
        body = {"messages": [{"role": "user", "content": text(place)}], "user_id": user, "run_id": f"{user}-talk"}
        answer = await self.post("/v1/memories/", {**body, "infer": False})
        if answer["status"] != "SUCCEEDED":
            raise RuntimeError(f"an add came back {answer['status']}")
        return [result["id"] for result in answer["results"]]

    async def settled(self) -> float:
        """Wait until no derived signal is missing; gives the seconds.

        Raises:
            TimeoutError: an hour was not enough.
        """
        began_s = time.monotonic()
        while any(one.get("enabled", True) and one.get("pending") for one in await self.signals()):
            if time.monotonic() - began_s > _PATIENCE_S:
                raise TimeoutError(f"signals are still missing after {_PATIENCE_S:.0f} s")
            await asyncio.sleep(_LOOK_S)
        return time.monotonic() - began_s

    async def signals(self) -> list[dict[str, Any]]:
        """What the server says of derived signals, by shard."""
        reply = await self._http.get("/v1/status/")
        reply.raise_for_status()
        return [shard.get("signals") or {} for shard in reply.json()["shards"]]

    async def post(self, path: str, body: Any) -> Any:
        """The answer.

        Raises:
            RuntimeError: it was refused.
        """
        reply = await self._http.post(path, json=body)
        if not reply.is_success:
            raise RuntimeError(f"{path} gave {reply.status_code}: {reply.text[:300]}")
        return reply.json()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


async def measure(full: OwnServer, bare: OwnServer | None, plan: Plan, tell: Tell) -> list[Table]:
    """All of it.

    Args:
        full: a server with nothing in it.
        bare: one whose derived signals are off; None: adds aren't compared.
        plan: how much.
        tell: is told what is done.

    Raises:
        RuntimeError: a server refused something.
        TimeoutError: signals never became complete.
    """
    client = Client(full.url, plan.callers)
    try:
        tables = [await _completion(client, "small", plan.memories, tell)]
        if plan.large:
            tables.append(await _completion(client, "large", plan.large, tell))
        stored = plan.memories + plan.large
        tables.append(_sizes(full, stored))
        tables.append(await _throughput(client, plan, tell))
        if plan.large:
            tables.append(await _latency(client, plan, tell))
        # Only now are the scopes in memory.
        tables += [_told_sizes(await client.signals()), _resident(full)]
        if bare is not None:
            tables.append(await _adds(client, bare, plan, tell))
        return tables
    finally:
        await client.close()


async def _completion(client: Client, user: str, memories: int, tell: Tell) -> Table:
    tell(f"loading {memories} memories")
    began_s = time.monotonic()
    await client.load(user, memories)
    added_s = time.monotonic() - began_s
    behind = await client.signals()
    tell("waiting for derived signals")
    settled_s = await client.settled()
    row = (
        number(memories / added_s),
        str(sum(one.get("pending", 0) for one in behind)),
        number(max((one.get("lag_s", 0.0) for one in behind), default=0.0)),
        number(settled_s),
        number(memories / (added_s + settled_s)),
    )
    header = ("memories/s added", "pending then", "lag s then", "complete after s", "memories/s complete")
    return Table(f"{memories:,} memories, {_SESSION} messages an add, {_LOADERS} callers", header, (row,), left=0)


async def _throughput(client: Client, plan: Plan, tell: Tell) -> Table:
    kinds: dict[str, dict[str, float] | None] = {"dense alone": DENSE_ALONE, "all default signals": None}
    found = {name: Windows() for name in kinds}
    for turn in range(plan.rounds + 1):
        tell(f"searches, round {turn} of {plan.rounds}" if turn else "searches, warming up")
        for name in _in_turn(list(kinds), turn):
            window = await _searches(client, "small", plan.memories, kinds[name], plan.callers, plan.seconds)
            if turn:
                found[name].took(window)
    ratios = _ratios(found["all default signals"], found["dense alone"])
    return _compared(f"Searches by {plan.callers} callers, {plan.memories:,} memories in scope", found, ratios)


async def _latency(client: Client, plan: Plan, tell: Tell) -> Table:
    scopes = {"small": plan.memories, "large": plan.large}
    found = {f"{count:,} memories in scope": Windows() for count in scopes.values()}
    for turn in range(plan.rounds + 1):
        tell(f"scopes, round {turn} of {plan.rounds}" if turn else "scopes, warming up")
        for user, count in scopes.items():
            window = await _searches(client, user, count, None, 1, plan.seconds)
            if turn:
                found[f"{count:,} memories in scope"].took(window)
    small, large = found.values()
    return _compared("Searches by one caller, all default signals", found, _ratios(large, small))


async def _adds(client: Client, bare: OwnServer, plan: Plan, tell: Tell) -> Table:
    other = Client(bare.url, plan.callers)
    found = {"derived signals off": Windows(), "derived signals on": Windows()}
    first, completed = plan.memories + plan.large, list[float]()
    try:
        for turn in range(plan.rounds + 1):
            tell(f"adds, round {turn} of {plan.rounds}" if turn else "adds, warming up")
            for name in _in_turn(list(found), turn):
                numbers = range(first, first + _CALLS)
                first += _CALLS
                asked = client if name == "derived signals on" else other
                window = await run(
                    asked.add, numbers, concurrency=plan.callers, limit_s=plan.seconds, settle_s=SETTLE_S
                )
                # What is computed in the background must not fall into the other server's window.
                settled_s = await asked.settled()
                if turn:
                    found[name].took(window)
                    completed += [len(window.answers) / (window.seconds + settled_s)] if asked is client else []
    finally:
        await other.close()
    table = _compared(
        f"Adds of one message by {plan.callers} callers",
        found,
        _ratios(found["derived signals on"], found["derived signals off"]),
    )
    return Table(f"{table.title}; signals complete at {number(median(completed))} memories/s", table.header, table.rows)


async def _searches(
    client: Client, user: str, memories: int, weights: dict[str, float] | None, callers: int, seconds: float
) -> Window:
    async def call(place: int) -> list[str]:
        return await client.search(user, place * 7 % memories, weights)

    return await run(call, range(_CALLS), concurrency=callers, limit_s=seconds, settle_s=SETTLE_S)


def _in_turn(names: Sequence[str], turn: int) -> list[str]:
    """Another one begins in each round."""
    shift = turn % len(names)
    return [*names[shift:], *names[:shift]]


def _ratios(one: Windows, other: Windows) -> list[float]:
    return [mine / theirs for mine, theirs in zip(one.per_s, other.per_s, strict=True) if theirs]


def _compared(title: str, found: dict[str, Windows], ratios: Sequence[float]) -> Table:
    """Throughput and time of each; the last one's throughput by the first one's."""
    rows = []
    for place, (name, windows) in enumerate(found.items()):
        last = place == len(found) - 1 and ratios
        cell = f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})" if last else ""
        times = (number(percentile(windows.ms, 0.5)), number(percentile(windows.ms, 0.95)))
        rate = number(median(windows.per_s)) if windows.per_s else "–"
        rows.append((name, rate, *times, cell, str(windows.errors)))
    return Table(title, ("", "per s", "p50 ms", "p95 ms", "× the other (range)", "errors"), tuple(rows))


def _sizes(server: OwnServer, stored: int) -> Table:
    sizes = server.sizes()
    rows = [(part, f"{size:,}", f"{size / stored:,.0f}") for part, size in sorted(sizes.items())]
    together = sum(sizes.values())
    rows.append(("together", f"{together:,}", f"{together / stored:,.0f}"))
    title = f"On disk with {stored:,} memories of 33 tokens, while it runs"
    return Table(title, ("", "bytes", "per memory"), tuple(rows))


def _told_sizes(shards: Sequence[dict[str, Any]]) -> Table:
    rows = []
    for place, shard in enumerate(shards):
        for key, what in (("bytes_per_memory", "on disk, per memory"), ("resident_bytes", "resident")):
            rows += [
                (f"shard {place}, {what}: {part}", f"{size:,.0f}") for part, size in (shard.get(key) or {}).items()
            ]
    return Table("Of derived signals, as the server's status tells it", ("", "bytes"), tuple(rows))


def _resident(server: OwnServer) -> Table:
    sizes = sorted(((name_of(one), size_of(one)) for one in tree(server.pid)), key=lambda one: -one[1])
    rows = [(name, f"{size / 2**20:.0f}") for name, size in sizes if "Actor" in name or "Replica" in name]
    return Table("Resident (PSS) by process", ("", "MiB"), tuple(rows))
