"""Who is killed in a chaos run, and when. Only processes of the runtime that the run has started itself."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator

import psutil

TITLES = {
    "ledger": "ray::LedgerActor",
    "vector-store": "ray::VectorStoreActor",
    "graph-store": "ray::GraphStoreActor",
    "embedder": "ray::EmbedderActor",
    "extractor": "ray::ExtractorActor",
    "orchestrator": "ray::OrchestratorActor",
    "replica": "ray::ServeReplica:remora",
}
"""What the process of each kind of actor is called; the replica is Ray Serve's, with the HTTP application."""

_LOOK_S = 0.1
_PATIENCE_S = 60.0


class Killer:
    """Kills one process of each kind in turn, in an order that the seed gives, at even steps of the workload.

    Args:
        head: the runtime's own process; its descendants are what may be killed.
        kills: how many, at least one of every kind if there are enough.
        operations: after so many the workload ends.
        done: how many are done.
        seed: of the order.
    """

    def __init__(self, head: int, *, kills: int, operations: int, done: Callable[[], int], seed: int) -> None:
        self._head = psutil.Process(head)
        self._kills = kills
        self._operations = operations
        self._done = done
        self._random = random.Random(f"kills/{seed}")
        self.killed: Counter[str] = Counter()

    def _order(self) -> Iterator[str]:
        while True:
            yield from self._random.sample([*TITLES], len(TITLES))

    async def run(self) -> None:
        """Kill until all are killed. Some come right after each other: recovery from one is met by the next."""
        for number, kind in zip(range(self._kills), self._order(), strict=False):
            due = (number + self._random.random() * 0.9) * self._operations / self._kills
            while self._done() < due:  # noqa: ASYNC110 - many callers count, none of them for us
                await asyncio.sleep(_LOOK_S)
            await self._kill(kind)

    async def _kill(self, kind: str) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while not (found := self._find(kind)):  # noqa: ASYNC110 - only the process table can tell
                await asyncio.sleep(_LOOK_S)
        self._random.choice(found).send_signal(signal.SIGKILL)
        self.killed[kind] += 1

    def _find(self, kind: str) -> list[psutil.Process]:
        return [process for process in self._head.children(recursive=True) if _is(process, TITLES[kind])]


def _is(process: psutil.Process, title: str) -> bool:
    try:
        return " ".join(process.cmdline()).startswith(title) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
