"""Blocking work beside an event loop, and an event loop beside blocking callers."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent import futures
from typing import Any, Generic, TypeVar

from remora.errors import InvalidInput, Unavailable

T = TypeVar("T")

_STOP_S = 60.0
_LISTEN_S = 0.5


async def in_thread(work: Callable[[], T], undo: Callable[[T], None]) -> T:
    """What `work` returns, done on a thread of its own; undone there if nobody waits for it any more.

    The thread neither holds up the interpreter's exit nor needs a pool, which is gone by then.
    """
    handover = _Handover(work, undo)
    _in_background(handover.run)
    return await handover.result()


class _Handover(Generic[T]):
    """Work on its way from a thread to an event loop."""

    def __init__(self, work: Callable[[], T], undo: Callable[[T], None]) -> None:
        self._work = work
        self._undo = undo
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[T] = self._loop.create_future()

    def run(self) -> None:
        """Do the work, on the thread."""
        try:
            result = self._work()
        except BaseException as error:  # noqa: BLE001 - a boundary: it goes to whoever waits
            self._post(self._failed, error)
        else:
            if not self._post(self._succeeded, result):
                self._undo(result)

    async def result(self) -> T:
        """Wait for it, on the loop."""
        try:
            return await self._done
        except asyncio.CancelledError:
            if self._done.done() and not self._done.cancelled() and self._done.exception() is None:
                self._give_up(self._done.result())
            raise

    def _post(self, settle: Callable[[Any], None], outcome: object) -> bool:
        try:
            self._loop.call_soon_threadsafe(settle, outcome)
        except RuntimeError:  # The loop has been closed.
            return False
        return True

    def _failed(self, error: BaseException) -> None:
        if not self._done.done():
            self._done.set_exception(error)

    def _succeeded(self, result: T) -> None:
        if self._done.done():
            self._give_up(result)
        else:
            self._done.set_result(result)

    def _give_up(self, result: T) -> None:
        _in_background(lambda: self._undo(result))


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="remora-work", daemon=True).start()


class LoopThread:
    """An event loop on a thread of its own, for callers that block. Safe to call from any thread but its own."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._ending = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="remora-memory", daemon=True)
        self._thread.start()

    @property
    def usable(self) -> bool:
        """False after `stop`, and in a process that was forked off."""
        return self._process == os.getpid() and not self._ending

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            _cancel_all(self._loop)
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the coroutine returns. Ctrl-C, or whatever else interrupts the waiting, cancels it.

        Raises:
            InvalidInput: the loop has ended, lives in another process, or is the caller's own.
            Unavailable: the loop was ended while this was under way.
        """
        future: futures.Future[T] | None = None
        try:
            future = self._submit(work)
            return _result(future)
        except futures.CancelledError as error:
            raise Unavailable("the memory was closed while this call was under way") from error
        except BaseException:
            if future is not None:
                future.cancel()
            raise

    def stop(self) -> None:
        """End the loop and its thread; what is under way is cancelled."""
        if self._process == os.getpid():
            self._end()
            self._thread.join(_STOP_S)

    def abandon(self, last: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Do `last`, then end; waits for neither. For finalizers, which hold up whatever thread they run on."""
        if self.usable:
            asyncio.run_coroutine_threadsafe(last(), self._loop).add_done_callback(lambda _: self._end())

    def _submit(self, work: Callable[[], Coroutine[Any, Any, T]]) -> futures.Future[T]:
        if self._process != os.getpid():
            raise InvalidInput("this Memory was made before the process forked; make a new one in this process")
        if threading.current_thread() is self._thread:
            raise InvalidInput("a Memory can't be called on its own thread; use AsyncMemory there")
        with self._lock:  # What is submitted before the end is cancelled by it; nothing comes after.
            if self._ending:
                raise InvalidInput("this Memory has been closed; make a new one")
            return asyncio.run_coroutine_threadsafe(work(), self._loop)

    def _end(self) -> None:
        with self._lock:
            if not self._ending:
                self._ending = True
                self._loop.call_soon_threadsafe(self._loop.stop)


def _result(future: futures.Future[T]) -> T:
    """The result, waited for with pauses: a signal that comes just before the waiting begins is heard only after it."""
    while True:
        try:
            return future.result(_LISTEN_S)
        except TimeoutError:
            if future.done():  # Its own error, or it was done just now.
                return future.result()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
