"""`remora top`: looks at a running Remora again and again, and draws it. What a picture shows is in `views`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from remora.errors import DeadlineExceeded, Overloaded, RateLimited, RemoraError, Unavailable
from remora.figures import Look
from remora.views.top import picture, told

if TYPE_CHECKING:
    from remora.http_api import HttpApi

_PASSING = (Unavailable, DeadlineExceeded, Overloaded, RateLimited)
"""What may be over at the next look; anything else, as a wrong key, ends it."""
_PATIENCE_S = 5.0
_QUIT = {"q", "Q", "\x03", "\x04"}


class Watch:
    """The latest look at a runtime, the one before, and what was wrong with the last try."""

    def __init__(self, api: HttpApi) -> None:
        self._api = api
        self._before: Look | None = None
        self._latest: Look | None = None
        self._error: RemoraError | None = None

    async def look(self) -> None:
        """Once more. A runtime that doesn't answer now is no error: it may do so at the next look."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                status = await self._api.status()
        except _PASSING as error:
            self._error = error
            return
        except TimeoutError:
            self._error = DeadlineExceeded(f"{self._api.url} didn't answer within {_PATIENCE_S:.0f} s")
            return
        self._error = None
        self._before, self._latest = self._latest, Look(time.monotonic(), status)

    @property
    def error(self) -> RemoraError | None:
        """Why the last try gave nothing."""
        return self._error

    def picture(self, width: int, height: int) -> RenderableType:
        """What is known now."""
        note = "" if self._error is None else f"trying again: {self._error.message}"
        if self._latest is None:
            return Group(*told(note, width)) if note else Text(f"asking {self._api.url}")
        if note:
            note = f"{time.monotonic() - self._latest.at_s:.0f} s old, {note}"
        return picture(self._latest, self._before, self._api.url, width=width, height=height, note=note)


async def once(api: HttpApi, console: Console, interval_s: float) -> None:
    """Print one picture, of two looks: without the first there would be no rates.

    Raises:
        RemoraError: it doesn't answer.
    """
    watch = Watch(api)
    for pause_s in (interval_s, 0.0):
        await watch.look()
        if watch.error is not None:
            raise watch.error
        await asyncio.sleep(pause_s)
    console.print(watch.picture(console.width, sys.maxsize))


async def follow(api: HttpApi, console: Console, interval_s: float) -> None:
    """Draw until somebody presses q or Ctrl-C.

    Raises:
        RemoraError: it won't ever answer, as to a wrong key.
    """
    watch, over = Watch(api), False
    drawing = _this_task()

    def stop() -> None:
        nonlocal over
        over = True
        drawing.cancel()

    with _stopping(stop), Live(console=console, screen=True, auto_refresh=False) as live:
        try:
            while True:
                began_s = time.monotonic()
                await watch.look()
                live.update(watch.picture(console.width, console.height), refresh=True)
                await asyncio.sleep(max(0.0, began_s + interval_s - time.monotonic()))
        except asyncio.CancelledError:
            if not over:
                raise
            drawing.uncancel()


def _this_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in one
    return task


@contextlib.contextmanager
def _stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Inside, `stop` is called at Ctrl-C, at SIGTERM and when q is pressed."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        with _keys(stop):
            yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _keys(stop: Callable[[], None]) -> Iterator[None]:
    """Inside, the terminal gives each key at once and doesn't echo it; without a terminal there are no keys."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    terminal, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    before = termios.tcgetattr(terminal)

    def pressed() -> None:
        if _QUIT & set(sys.stdin.readline(1)):
            stop()

    tty.setcbreak(terminal)
    loop.add_reader(terminal, pressed)
    try:
        yield
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
