"""Many calls in one: what a client wants travels together, and so does what is finished. No Ray here.

A call to an actor costs about a millisecond of both processes, whatever it carries. So a `Channel` collects the calls
of its process and hands them over in one `exchange`, which answers as soon as *any* of the client's calls is done,
with all that are. A slow call therefore holds up nobody: it is answered by a later exchange. The other side is `desk`.
"""

from __future__ import annotations

import asyncio
import itertools
import pickle
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from engine.concurrency import TaskSet
from engine.errors import InvalidInput, Unavailable, from_parts

Call: TypeAlias = tuple[int, str, bytes]
"""Number, verb, and the pickled arguments and fields: what one caller gives can't keep others' from travelling.

With the verb `LEFT` it is no call: whoever made the one with that number doesn't wait for it any more."""
Reply: TypeAlias = tuple[int, Any, tuple[str, str, dict[str, Any]] | None]
"""Number, answer, and the parts of the error instead of it."""
Calls: TypeAlias = list[Call]
Replies: TypeAlias = tuple[str, list[Reply]]
"""Which life of the desk answers, and what is finished."""
Send: TypeAlias = Callable[[str, Calls], Awaitable[Replies]]

LEFT = ""
_COMPANY_S = 0.001
"""How long calls wait for company while others are under way."""


class Gone(Exception):
    """The desk that had the call has been replaced: the call may or may not have been done."""


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
        self._left: list[Call] = []
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
        except asyncio.CancelledError:
            self._leave(number, pending)
            raise
        finally:
            self._pending.pop(number, None)

    def _leave(self, number: int, pending: _Pending) -> None:
        """Let the desk know that nobody waits for this call any more, if it may have it."""
        # Cancelled together with its caller; anything else is an answer that came in this very moment.
        if pending.generation == self._generation and pending.answer.cancelled():
            self._left.append((number, LEFT, b""))
            self._schedule()

    def _schedule(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            later = self._outstanding > 0 and bool(self._outbox)
            self._timer = loop.call_later(_COMPANY_S, self._flush) if later else loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._timer = None
        calls = [*self._left, *(call for call in self._outbox if call[0] in self._pending)]
        self._left.clear()
        self._outbox.clear()
        if self._send is None or not (calls or (self._pending and not self._outstanding)):
            return
        for call in calls:
            if (pending := self._pending.get(call[0])) is not None:
                pending.generation = self._generation
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
