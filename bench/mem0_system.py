"""mem0 as the benchmark drives it: a process in an environment of its own, asked by JSON lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import mem0_environment
from bench.closed_loop import CALL_LIMIT_S, SETTLE_S, Window
from bench.results import MEM0, Verb

_START_LIMIT_S = 120.0
_STOP_LIMIT_S = 20.0
_LINE_BYTES = 256 * 1024 * 1024


class Mem0:
    """mem0 in a process of its own environment."""

    name = MEM0

    def __init__(self, python: Path, path: Path, order: Mapping[str, Any]) -> None:
        self._python = python
        self._path = path
        self._order = {**order, "path": str(path)}
        self._process: asyncio.subprocess.Process | None = None
        self.versions: dict[str, str] = {}

    async def start(self) -> None:
        """Start its process; what it stored before is there."""
        self._path.mkdir(parents=True, exist_ok=True)
        with (self._path / "mem0.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(self._python, "-m", "bench.mem0_worker"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=mem0_environment.variables(self._path),
                cwd=self._path,
                limit=_LINE_BYTES,
            )
        self.versions = await self._ask(self._order, _START_LIMIT_S)

    async def window(self, verb: Verb, numbers: range, concurrency: int, limit_s: float) -> Window:
        order = {"do": verb, "concurrency": concurrency, "limit_s": limit_s, "settle_s": SETTLE_S}
        span = [numbers.start, numbers.stop]
        return Window.from_json(await self._ask({**order, "numbers": span}, limit_s + 2 * CALL_LIMIT_S))

    async def embed_rate(self, numbers: range, batch: int, limit_s: float) -> float:
        """Texts per second of its embedder alone."""
        order = {"do": "embed", "batch": batch, "limit_s": limit_s, "numbers": [numbers.start, numbers.stop]}
        return float(await self._ask(order, limit_s + CALL_LIMIT_S))

    async def stored(self) -> list[str]:
        """The ids of all memories."""
        return list(await self._ask({"do": "stored"}, _START_LIMIT_S))

    async def stop(self) -> None:
        """End its process: by closing its input, or by force."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOP_LIMIT_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _ask(self, order: Mapping[str, Any], limit_s: float) -> Any:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise RuntimeError("mem0's process does not run")
        process.stdin.write(json.dumps(order).encode() + b"\n")
        await process.stdin.drain()
        line = await asyncio.wait_for(process.stdout.readline(), limit_s)
        if not line:
            log = (self._path / "mem0.log").read_text(errors="replace").splitlines()
            raise RuntimeError("\n".join(["mem0's process ended; its log closes with", *log[-12:]]))
        return json.loads(line)
