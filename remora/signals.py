"""Ctrl-C and its relatives for a command that runs until it is told to stop. Knows nothing of what runs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Stopped(BaseException):
    """Somebody asked this process to stop. No `Exception`, so that nothing on the way takes it for a failure."""


class StopSignals:
    """Turns the first stop signal into `Stopped`, and those that follow into nothing: stopping is under way."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._muted = False

    def install(self) -> None:
        """Take the signals over; again, when something else (Ray does) has taken them since."""
        for number in _STOPPING:
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        first = not self._asked.is_set()
        self._asked.set()
        if first and not self._muted:
            raise Stopped

    def wait(self, timeout_s: float) -> bool:
        """Whether a stop has been asked for, after at most so long. Raises Stopped when it comes meanwhile."""
        return self._asked.wait(timeout_s)

    @contextmanager
    def muted(self) -> Iterator[None]:
        """Nothing is interrupted inside: for the stopping itself."""
        self._muted = True
        self.install()
        yield
