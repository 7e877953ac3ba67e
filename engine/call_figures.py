"""How often each verb was called, how many calls are under way, and how long they took."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from engine.figures import Histogram
from engine.types import Json


class CallFigures:
    """Counts calls by verb, each from `begin` to the end of the task that it runs in: one call, one task."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()
        self._took_ms: dict[str, Histogram] = {}
        self._running = 0

    def begin(self, verb: str) -> None:
        """A call of `verb` has come in, in the present task."""
        self._calls[verb] += 1
        task = asyncio.current_task()
        if task is None:
            return
        self._running += 1
        began_s = time.monotonic()

        def end(_: asyncio.Task[object]) -> None:
            self._running -= 1
            self._took(verb).record((time.monotonic() - began_s) * 1000)

        task.add_done_callback(end)

    def _took(self, verb: str) -> Histogram:
        if verb not in self._took_ms:
            self._took_ms[verb] = Histogram()
        return self._took_ms[verb]

    def figures(self) -> Json:
        """`{calls: {verb: number}, running, took_ms: {verb: figures}}`."""
        return {
            "calls": dict(self._calls),
            "running": self._running,
            "took_ms": {verb: took.figures() for verb, took in self._took_ms.copy().items()},
        }
