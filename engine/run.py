"""One operation on its way through this process, and those who wait for it."""

from __future__ import annotations

import asyncio

from engine.ledger_port import Operation, Written
from engine.ports import Priority


class Run:
    """`accepted` and `done` will hold the operation as the ledger has it, or what went wrong.

    `busy`: it is being prepared or committed; False while it waits for its turn, or for a model that is away.
    `callers`: how many wait for it. `sent`: what makes it durable, on its way to the ledger. `task`: does the work.
    """

    def __init__(self, operation: Operation, priority: Priority) -> None:
        loop = asyncio.get_running_loop()
        self.operation = operation
        self.priority = priority
        self.busy = True
        self.callers = 0
        self.sent: asyncio.Future[Written] | None = None
        self.task: asyncio.Task[None] | None = None
        self.accepted: asyncio.Future[Operation] = loop.create_future()
        self.done: asyncio.Future[Operation] = loop.create_future()
        for outcome in (self.accepted, self.done):
            outcome.add_done_callback(_seen)

    def accept(self, operation: Operation) -> None:
        """It is durable."""
        _resolve(self.accepted, operation)

    def finish(self, operation: Operation) -> None:
        """It has ended, and was accepted if nobody has said so yet."""
        _resolve(self.accepted, operation)
        _resolve(self.done, operation)

    def fail(self, error: Exception) -> None:
        """Whoever still waits hears of the error."""
        for outcome in (self.accepted, self.done):
            if not outcome.done():
                outcome.set_exception(error)


def _resolve(outcome: asyncio.Future[Operation], operation: Operation) -> None:
    if not outcome.done():
        outcome.set_result(operation)


def _seen(outcome: asyncio.Future[Operation]) -> None:
    """Nobody may be waiting any more: that is no mistake."""
    if not outcome.cancelled():
        outcome.exception()
