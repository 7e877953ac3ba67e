"""The orchestrator's side of `exchange`: does the calls of many clients. No Ray here."""

from __future__ import annotations

import asyncio
import pickle
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from actors.exchange import LEFT, Call, Replies, Reply
from engine.concurrency import TaskSet
from engine.errors import InvalidInput, RemoraError
from engine.figures import Histogram
from engine.types import Json

Perform: TypeAlias = Callable[[str, tuple[Any, ...], dict[str, Any]], Awaitable[Any]]
Admit: TypeAlias = Callable[[str, int], AbstractContextManager[None]]
"""Holds a place for a call, by its verb and its size in bytes, or raises Overloaded."""

_MOST_WAITING = 2
_FORGET_S = 60.0
"""A client that asked for nothing so long has answers that nobody waits for: longer than calls are waited for."""


@dataclass(slots=True)
class _Client:
    """What the desk knows of a client: finished calls that nobody has fetched, and exchanges that wait for some."""

    finished: deque[Reply] = field(default_factory=deque)
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    running: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    seen_s: float = 0.0

    @property
    def idle(self) -> bool:
        return not (self.finished or self.waiting or self.running)

    def ended(self, number: int) -> None:
        """A call is over: with an answer, or because its caller has gone."""
        if self.running.pop(number, None) is not None:
            self.wake()

    def wake(self) -> None:
        """Let the longest waiting exchange answer."""
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


class Desk:
    """The server's side: does the calls of many clients, and answers each client's exchanges.

    A call whose caller has gone is cancelled; what that means for it is for `perform` to say.

    Args:
        perform: does one call; a `RemoraError` goes to its caller.
        admit: holds a place for a call while it is under way.
    """

    def __init__(self, perform: Perform, admit: Admit = lambda _verb, _size: nullcontext()) -> None:
        self.incarnation = uuid.uuid4().hex
        self._perform = perform
        self._admit = admit
        self._clients: dict[str, _Client] = {}
        self._together = {"calls": Histogram(), "replies": Histogram()}
        self._left = 0
        self._tasks = TaskSet()

    async def exchange(self, name: str, calls: Sequence[Call]) -> Replies:
        """Begin the calls; answer with all of the client's that are finished, once there is one.

        An exchange may answer with nothing: when nothing is under way, or when newer ones wait in its place.
        """
        loop = asyncio.get_running_loop()
        self._forget_silent(loop.time())
        client = self._clients.setdefault(name, _Client())
        client.seen_s = loop.time()
        self._begin(client, name, calls)
        if client.running and not client.finished:
            await self._turn(client, loop)
        replies = list(client.finished)
        client.finished.clear()
        if replies:
            self._together["replies"].record(len(replies))
        # By identity: forgotten already by another exchange of its, the client may have come again with new calls.
        if client.idle and self._clients.get(name) is client:
            del self._clients[name]
        return self.incarnation, replies

    def _begin(self, client: _Client, name: str, calls: Sequence[Call]) -> None:
        begun = 0
        for call in calls:
            number, verb, _ = call
            if verb != LEFT:
                begun += 1
                task = self._tasks.start(self._do(client, call), name=f"{verb} of {name}")
                client.running[number] = task
                task.add_done_callback(partial(_over, client, number))
            elif (left := client.running.get(number)) is not None:
                self._left += 1
                left.cancel()
        if begun:
            self._together["calls"].record(begun)

    async def _turn(self, client: _Client, loop: asyncio.AbstractEventLoop) -> None:
        while len(client.waiting) >= _MOST_WAITING:
            client.wake()
        waiter: asyncio.Future[None] = loop.create_future()
        client.waiting.append(waiter)
        await waiter
        # Calls that shared a batch end in the same turns of the loop: let them travel together too.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _do(self, client: _Client, call: Call) -> None:
        number, verb, packed = call
        try:
            with self._admit(verb, len(packed)):
                args, fields = _unpacked(verb, packed)
                answer = await self._perform(verb, args, fields)
            client.finished.append((number, answer, None))
        except RemoraError as error:
            client.finished.append((number, None, (error.code, error.message, error.details)))
        finally:
            client.ended(number)

    def figures(self) -> Json:
        """How many calls, and how many answers, travelled together; how many callers went away before theirs."""
        return {**{name: recorded.figures() for name, recorded in self._together.items()}, "left": self._left}

    def _forget_silent(self, now_s: float) -> None:
        """Clients that went away never fetch what is finished."""
        silent = [
            name
            for name, client in self._clients.items()
            if not client.waiting and not client.running and now_s - client.seen_s > _FORGET_S
        ]
        for name in silent:
            del self._clients[name]

    async def close(self) -> None:
        """End what is under way."""
        await self._tasks.close()


def _over(client: _Client, number: int, task: asyncio.Task[None]) -> None:
    """Also of a task that was cancelled before its first step. After the last one no exchange waits for nothing."""
    client.ended(number)
    while task.cancelled() and client.waiting and not client.running:
        client.wake()


def _unpacked(verb: str, packed: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
    try:
        args, fields = pickle.loads(packed)  # noqa: S301 - from processes that Ray let in; Ray unpickles all they send
    except Exception as error:  # a boundary: a class that exists only at the caller fails in any way
        raise InvalidInput(f"{verb}: what is given can't be read here: {error}") from error
    return args, fields
