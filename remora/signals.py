"""Ctrl-C and its relatives for a command that runs until it is told to stop. Knows nothing of what runs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Stopped(BaseException):
    """Somebody asked this process to stop. No `Exception`, so that nothing on the way takes it for a failure."""


@contextmanager
def stop_signals() -> Iterator[None]:
    """Inside, the first stop signal raises Stopped. Those that follow do nothing, so that stopping isn't cut short."""
    asked = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        first, asked = not asked, True
        if first:
            raise Stopped

    before = {number: signal.signal(number, on_signal) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
