"""Many calls in one: what a client wants travels together, and so does what is finished. No Ray here.

A call to an actor costs about a millisecond of both processes, whatever it carries. So a `Channel` collects the calls
of its process and hands them over in one `exchange`, which answers as soon as *any* of the client's calls is done,
with all that are. A slow call therefore holds up nobody: it is answered by a later exchange.
"""

from __future__ import annotations

import asyncio
import itertools
import pickle
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from engine.concurrency import TaskSet
from engine.errors import InvalidInput, RemoraError, Unavailable, from_parts
from engine.figures import Histogram
from engine.types import Json

Call: TypeAlias = tuple[int, str, bytes]
"""Number, verb, and the pickled arguments and fields: what one caller gives can't keep others' from travelling."""
Reply: TypeAlias = tuple[int, Any, tuple[str, str, dict[str, Any]] | None]
"""Number, answer, and the parts of the error instead of it."""
Calls: TypeAlias = list[Call]
Replies: TypeAlias = tuple[str, list[Reply]]
"""Which life of the desk answers, and what is finished."""
Perform: TypeAlias = Callable[[str, tuple[Any, ...], dict[str, Any]], Awaitable[Any]]
Send: TypeAlias = Callable[[str, Calls], Awaitable[Replies]]

_COMPANY_S = 0.001
"""How long calls wait for company while others are under way."""
_MOST_WAITING = 2
_FORGET_S = 300.0


class Gone(Exception):
    """The desk that had the call has been replaced: the call may or may not have been done."""


@dataclass(slots=True)
class _Client:
    """What the desk knows of a client: finished calls that nobody has fetched, and exchanges that wait for some."""

    finished: deque[Reply] = field(default_factory=deque)
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    running: int = 0
    seen_s: float = 0.0

    @property
    def idle(self) -> bool:
        return not (self.finished or self.waiting or self.running)

    def wake(self) -> None:
        """Let the longest waiting exchange answer."""
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


class Desk:
    """The server's side: does the calls of many clients, and answers each client's exchanges.

    Args:
        perform: does one call; a `RemoraError` goes to its caller.
    """

    def __init__(self, perform: Perform) -> None:
        self.incarnation = uuid.uuid4().hex
        self._perform = perform
        self._clients: dict[str, _Client] = {}
        self._together = {"calls": Histogram(), "replies": Histogram()}
        self._tasks = TaskSet()

    async def exchange(self, name: str, calls: Sequence[Call]) -> Replies:
        """Begin the calls; answer with all of the client's that are finished, once there is one.

        An exchange may answer with nothing: when nothing is under way, or when newer ones wait in its place.
        """
        loop = asyncio.get_running_loop()
        self._forget_silent(loop.time())
        client = self._clients.setdefault(name, _Client())
        client.seen_s = loop.time()
        if calls:
            self._together["calls"].record(len(calls))
        for call in calls:
            client.running += 1
            self._tasks.start(self._do(client, call), name=f"{call[1]} of {name}")
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
            args, fields = _unpacked(verb, packed)
            client.finished.append((number, await self._perform(verb, args, fields), None))
        except RemoraError as error:
            client.finished.append((number, None, (error.code, error.message, error.details)))
        finally:
            client.running -= 1
            client.wake()

    def figures(self) -> Json:
        """How many calls, and how many answers, travelled together."""
        return {name: recorded.figures() for name, recorded in self._together.items()}

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


@dataclass(slots=True)
class _Pending:
    """`generation`: in which the call was sent. `desk`: which life of the desk is known to have it."""

    answer: asyncio.Future[Any]
    generation: int | None = None
    desk: str | None = None


class Channel:
    """The client's side, for one event loop: many callers, few exchanges."""

    def __init__(self) -> None:
        self._name = uuid.uuid4().hex
        self._numbers = itertools.count()
        self._pending: dict[int, _Pending] = {}
        self._outbox: list[Call] = []
        self._send: Send | None = None
        self._timer: asyncio.Handle | None = None
        self._outstanding = 0
        self._generation = 0
        self._tasks = TaskSet()

    async def call(self, send: Send, verb: str, args: tuple[Any, ...], fields: dict[str, Any]) -> Any:
        """The call's answer. `send`: how an exchange reaches the desk now.

        Raises:
            InvalidInput: something that was given can't be sent.
            RemoraError: what the call failed with.
            Gone: the desk was replaced; the call may or may not have been done.
        Exception: what `send` raised; the same.
        """
        packed = _packed(verb, args, fields)
        number = next(self._numbers)
        pending = _Pending(asyncio.get_running_loop().create_future())
        self._pending[number] = pending
        self._outbox.append((number, verb, packed))
        self._send = send
        self._schedule()
        try:
            return await pending.answer
        finally:
            self._pending.pop(number, None)

    def _schedule(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            later = self._outstanding > 0 and bool(self._outbox)
            self._timer = loop.call_later(_COMPANY_S, self._flush) if later else loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._timer = None
        calls = [call for call in self._outbox if call[0] in self._pending]
        self._outbox.clear()
        if self._send is None or not (calls or (self._pending and not self._outstanding)):
            return
        for call in calls:
            self._pending[call[0]].generation = self._generation
        self._outstanding += 1
        self._tasks.start(self._exchange(self._send, calls, self._generation), name="exchange")

    async def _exchange(self, send: Send, calls: list[Call], generation: int) -> None:
        try:
            desk, replies = await send(self._name, calls)
        except Exception as error:  # noqa: BLE001 - a boundary: it goes to every caller whose answer is lost
            self._lost(generation, error)
        else:
            for number, answer, parts in replies:
                self._settle(number, answer, parts)
            self._took_over(desk, calls)
        finally:
            self._outstanding -= 1
            if self._pending:
                self._schedule()

    def _took_over(self, desk: str, calls: list[Call]) -> None:
        """The desk has these calls now; what an earlier life of it had is lost."""
        for call in calls:
            if (pending := self._pending.get(call[0])) is not None:
                pending.desk = desk
        for pending in self._pending.values():
            if pending.desk not in (None, desk) and not pending.answer.done():
                pending.answer.set_exception(Gone("the orchestrator was replaced"))

    def _settle(self, number: int, answer: Any, parts: tuple[str, str, dict[str, Any]] | None) -> None:
        pending = self._pending.get(number)
        if pending is None or pending.answer.done():
            return
        if parts is None:
            pending.answer.set_result(answer)
        else:
            pending.answer.set_exception(from_parts(*parts))

    def _lost(self, generation: int, error: Exception) -> None:
        """The desk is gone, and with it all that it had: exchanges of the same time report the same loss once."""
        if generation < self._generation:
            return
        self._generation += 1
        for pending in self._pending.values():
            if pending.generation is not None and pending.generation <= generation and not pending.answer.done():
                pending.answer.set_exception(error)

    async def close(self) -> None:
        """Tell those that wait, and end."""
        await self._tasks.close()
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(Unavailable("the channel is closed"))


def _packed(verb: str, args: tuple[Any, ...], fields: dict[str, Any]) -> bytes:
    try:
        return pickle.dumps((args, fields), protocol=pickle.HIGHEST_PROTOCOL)
    except (TypeError, AttributeError, ValueError, RecursionError, pickle.PicklingError) as error:
        raise InvalidInput(f"{verb}: what is given can't be sent to another process: {error}") from error


def _unpacked(verb: str, packed: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
    try:
        args, fields = pickle.loads(packed)  # noqa: S301 - from processes that Ray let in; Ray unpickles all they send
    except Exception as error:  # a boundary: a class that exists only at the caller fails in any way
        raise InvalidInput(f"{verb}: what is given can't be read here: {error}") from error
    return args, fields
