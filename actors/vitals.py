"""What a process of the runtime says of itself, whatever it does: where it is, what it uses, how late its loop is."""

from __future__ import annotations

import os
import platform
import time

import psutil

from engine.loop_lag import LoopLag
from engine.types import Json


class Vitals:
    """Of this process. `watch` has to be called in the event loop whose lateness counts; it is cheap to call again."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._since_s = time.monotonic()
        self._lag = LoopLag()
        self.watch = self._lag.watch

    def figures(self) -> Json:
        """Which process, `up_s`, `rss_bytes`, `cpu_s` since it started, `loop_lag_ms`; may be asked from any thread."""
        with self._process.oneshot():
            used, memory = self._process.cpu_times(), self._process.memory_info()
        return {
            "pid": os.getpid(),
            "host": platform.node(),
            "up_s": round(time.monotonic() - self._since_s, 1),
            "rss_bytes": memory.rss,
            "cpu_s": round(used.user + used.system, 2),
            "loop_lag_ms": self._lag.figures(),
        }

    async def close(self) -> None:
        """Watch no more."""
        await self._lag.close()
