"""Many calls in one, for one event loop: callers that ask at about the same time share a bulk call. No HTTP here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from remora.errors import DeadlineExceeded, InvalidInput, Overloaded, RemoraError, TooLarge, Unavailable, error_of

Json: TypeAlias = dict[str, Any]
One: TypeAlias = Callable[[Json], Awaitable[Json]]
Many: TypeAlias = Callable[[Sequence[Json]], Awaitable[Sequence[Json]]]

_COMPANY_S = 0.001
"""How long calls wait for company while others are under way."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one bulk call: items and bytes. Of the whole: calls that wait, and bulk calls under way."""

    items: int = 1000
    bytes: int = 4 * 1024 * 1024
    waiting: int = 10_000
    under_way: int = 8


@dataclass(slots=True, eq=False)
class Waiting:
    """A call that nobody has answered yet; `size`: its bytes."""

    item: Json
    size: int
    answer: asyncio.Future[Json]


def groups(sizes: Sequence[int], limits: Limits) -> Iterator[range]:
    """Cut a queue into runs that fit into a bulk call each; what is too large by itself is a run of its own."""
    start = total = 0
    for index, size in enumerate(sizes):
        if index > start and (index - start == limits.items or total + size > limits.bytes):
            yield range(start, index)
            start, total = index, 0
        total += size
    if start < len(sizes):
        yield range(start, len(sizes))


class Merger:
    """Sends a lone call by `one`, and calls that meet by `many`; each caller gets its own answer or error.

    `many` answers per item, in order, what `one` would or `{error: {code, message, details}}`. A caller that gives up
    takes nobody along. A bulk call is over when its last item is: a slow item keeps those waiting that share its call.
    """

    def __init__(self, one: One, many: Many, limits: Limits | None = None) -> None:
        self._one = one
        self._many = many
        self._limits = limits or Limits()
        self._outbox: list[Waiting] = []
        self._timer: asyncio.Handle | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._closed = False

    async def call(self, item: Json, size: int, patience_s: float) -> Json:
        """The item's answer.

        Raises:
            Overloaded: too many calls wait already.
            DeadlineExceeded: it wasn't there in time.
            RemoraError: what it was answered with.
        """
        self._admit()
        waiting = Waiting(item, size, asyncio.get_running_loop().create_future())
        self._outbox.append(waiting)
        self._schedule()
        limit = asyncio.timeout(patience_s)
        try:
            async with limit:
                return await waiting.answer
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise DeadlineExceeded(f"no answer within {patience_s:g} s") from error

    def _admit(self) -> None:
        if self._closed:
            raise InvalidInput("this connection to Remora has been closed")
        if len(self._outbox) >= self._limits.waiting:
            raise Overloaded(f"{len(self._outbox)} calls of this process wait already", {"retry_after_s": 1})

    def _schedule(self) -> None:
        if self._timer is None and self._outbox and len(self._under_way) < self._limits.under_way:
            loop = asyncio.get_running_loop()
            # With nothing under way nobody waits; what is asked in the same turn of the loop still travels together.
            self._timer = loop.call_later(_COMPANY_S, self._flush) if self._under_way else loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._timer = None
        calls = [waiting for waiting in self._outbox if not waiting.answer.done()]
        self._outbox = []
        room = self._limits.under_way - len(self._under_way)
        for count, run in enumerate(groups([waiting.size for waiting in calls], self._limits)):
            if count == room:
                self._outbox = calls[run.start :]
                return
            self._start([calls[index] for index in run])

    def _start(self, group: list[Waiting]) -> None:
        task = asyncio.get_running_loop().create_task(self._send(group), name=f"bulk call of {len(group)}")
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not self._closed:
            self._schedule()

    async def _send(self, group: list[Waiting]) -> None:
        try:
            await (self._send_one(group[0]) if len(group) == 1 else self._send_many(group))
        finally:
            for waiting in group:
                _fail(waiting, Unavailable("the connection to Remora was closed while this call was under way"))

    async def _send_many(self, group: list[Waiting]) -> None:
        try:
            answers = await self._many([waiting.item for waiting in group])
        except (InvalidInput, TooLarge):  # Of the bulk call itself, by a server with smaller limits: then without it.
            await asyncio.gather(*[self._send_one(waiting) for waiting in group])
        except Exception as error:  # noqa: BLE001 - a boundary: it goes to every caller
            for waiting in group:
                _fail(waiting, _copy(error))
        else:
            for waiting, answer in zip(group, answers, strict=True):
                _settle(waiting, answer)

    async def _send_one(self, waiting: Waiting) -> None:
        try:
            answer = await self._one(waiting.item)
        except Exception as error:  # noqa: BLE001 - a boundary: it goes to the caller
            _fail(waiting, error)
        else:
            if not waiting.answer.done():
                waiting.answer.set_result(answer)

    async def close(self) -> None:
        """End what is under way, and tell those that wait."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for waiting in self._outbox:
            _fail(waiting, InvalidInput("this connection to Remora has been closed"))


def _settle(waiting: Waiting, answer: Json) -> None:
    match answer:
        case {"error": {"code": str(code), "message": str(message), "details": dict(details)}} if len(answer) == 1:
            _fail(waiting, error_of(code, message, details))
        case _ if not waiting.answer.done():
            waiting.answer.set_result(answer)


def _fail(waiting: Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)


def _copy(error: Exception) -> Exception:
    """The error for one more caller: a traceback belongs to one of them."""
    if isinstance(error, RemoraError):
        return error_of(error.code, error.message, error.details, error.request_id)
    return error
