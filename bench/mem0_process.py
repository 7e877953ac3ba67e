"""mem0 in a process of an environment of its own, asked by JSON lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import mem0_environment

START_LIMIT_S = 120.0
_STOP_LIMIT_S = 20.0
_LINE_BYTES = 256 * 1024 * 1024


class Mem0Process:
    """Runs a worker module in mem0's environment."""

    def __init__(self, python: Path, worker: str, path: Path) -> None:
        """`worker`: the module that runs there. `path`: where it keeps what it stores."""
        self._python = python
        self._worker = worker
        self._path = path
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, order: Mapping[str, Any]) -> Any:
        """Start it with its first order; what it stored before is there. Gives its first answer."""
        self._path.mkdir(parents=True, exist_ok=True)
        with (self._path / "mem0.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(self._python, "-m", self._worker),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=mem0_environment.variables(self._path),
                cwd=self._path,
                limit=_LINE_BYTES,
            )
        return await self.ask({**order, "path": str(self._path)}, START_LIMIT_S)

    async def ask(self, order: Mapping[str, Any], limit_s: float) -> Any:
        """What it answers to an order.

        Raises:
            RuntimeError: it doesn't run, or ended; the message holds the end of its log.
            TimeoutError: no answer in that time.
        """
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

    async def stop(self) -> None:
        """End it: by closing its input, or by force."""
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
