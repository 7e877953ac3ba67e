"""mem0 as the benchmark of speed drives it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.closed_loop import CALL_LIMIT_S, SETTLE_S, Window
from bench.mem0_process import START_LIMIT_S, Mem0Process
from bench.results import MEM0, Verb


class Mem0:
    """mem0 in a process of its own environment."""

    name = MEM0

    def __init__(self, python: Path, path: Path, order: Mapping[str, Any]) -> None:
        self._process = Mem0Process(python, "bench.mem0_worker", path)
        self._order = order
        self.versions: dict[str, str] = {}

    async def start(self) -> None:
        """Start its process; what it stored before is there."""
        self.versions = await self._process.start(self._order)

    async def window(self, verb: Verb, numbers: range, concurrency: int, limit_s: float) -> Window:
        order = {"do": verb, "concurrency": concurrency, "limit_s": limit_s, "settle_s": SETTLE_S}
        span = [numbers.start, numbers.stop]
        answer = await self._process.ask({**order, "numbers": span}, limit_s + 2 * CALL_LIMIT_S)
        return Window.from_json(answer)

    async def embed_rate(self, numbers: range, batch: int, limit_s: float) -> float:
        """Texts per second of its embedder alone."""
        order = {"do": "embed", "batch": batch, "limit_s": limit_s, "numbers": [numbers.start, numbers.stop]}
        return float(await self._process.ask(order, limit_s + CALL_LIMIT_S))

    async def stored(self) -> list[str]:
        """The ids of all memories."""
        return list(await self._process.ask({"do": "stored"}, START_LIMIT_S))

    async def stop(self) -> None:
        """End its process: by closing its input, or by force."""
        await self._process.stop()
