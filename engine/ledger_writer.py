"""The queue in front of the ledger: many commands, one transaction, and what happens when the ledger refuses it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from engine.batch_queue import BatchQueue
from engine.concurrency import Pauses
from engine.errors import PASSING, RemoraError, StaleEpoch, Unavailable
from engine.ledger_port import Command, Commit, Fail, Ledger, Ownership, Written
from engine.types import ChangeBatch, Json

_COMPANY_S = 0.003
"""How long a transaction waits for more operations after the one before it: less than an fsync takes."""


class Listener(Protocol):
    """Is told of everything that was committed, in the order of the ledger."""

    def offer(self, batch: ChangeBatch) -> None: ...


class LedgerWriter:
    """Writes as the shard's owner, and offers what was written to the feeds.

    A command whose outcome is unknown is sent again until it is known: each is conditional on the state of its
    operation. When the ledger says that it has rolled a transaction back (the disk is full), what is promised already
    is tried again until it works, and everything else is refused at once: nothing of it was accepted.

    Args:
        ledger: the truth.
        listeners: the feeds of the indexes, and whoever else has to know.
        batch_operations: commands in one transaction, at most.
    """

    def __init__(self, ledger: Ledger, listeners: Sequence[Listener], *, batch_operations: int) -> None:
        self._ledger = ledger
        self._listeners = listeners
        self._queue: BatchQueue[Command, Written] = BatchQueue(
            self._write_batch, name="ledger", max_items=batch_operations, linger_s=_COMPANY_S
        )
        self._unpromised: dict[int, tuple[Command, asyncio.Future[Written]]] = {}
        self._ownership: Ownership | None = None
        self._refusal: RemoraError | None = None
        self.fenced = False

    @property
    def ownership(self) -> Ownership:
        """What `own` was told.

        Raises:
            Unavailable: not yet, or somebody else owns the shard now.
        """
        if self._ownership is None or self.fenced:
            raise Unavailable("the shard has another owner" if self.fenced else "the runtime is starting")
        return self._ownership

    def own(self, ownership: Ownership) -> None:
        """Write with this epoch from now on."""
        self._ownership = ownership

    def __len__(self) -> int:
        """Commands that wait."""
        return len(self._queue)

    async def submit(self, command: Command) -> Written:
        """What became of the command.

        Raises:
            Unavailable: the ledger can't write; with `rolled_back` in its details, nothing of the command is there.
        """
        return await self.put(command)

    def put(self, command: Command) -> asyncio.Future[Written]:
        """`submit` for those who wait elsewhere: when this returns, the command has its place in the order."""
        if isinstance(command, Commit | Fail):
            return self._queue.put(command)
        if self._refusal is not None:
            raise _again(self._refusal)
        answer = self._queue.put(command)
        self._unpromised[id(command)] = (command, answer)
        answer.add_done_callback(lambda _: self._unpromised.pop(id(command)))
        return answer

    def take_back(self, answer: asyncio.Future[Written]) -> bool:
        """Take a command out of the queue. False: it is on its way to the ledger, or there, and `answer` will say."""
        return self._queue.take_back(answer)

    async def _write_batch(self, commands: list[Command]) -> list[Written | Exception]:
        """One transaction, again until its outcome is known."""
        epoch = self.ownership.epoch
        left, unknown, pauses = commands, False, Pauses()
        refusal: RemoraError = Unavailable("the ledger refuses to write")
        try:
            while left:
                try:
                    written = await self._transaction(epoch, left)
                    return _spread(commands, left, written, refusal)
                except StaleEpoch:
                    self.fenced = True
                    raise
                except PASSING as error:
                    if error.details.get("rolled_back"):
                        refusal, left = error, self._refuse(error, left, unknown=unknown)
                    else:
                        unknown = True
                if left:
                    await pauses.wait()
        finally:
            self._refusal = None
        return [refusal for _ in commands]

    async def _transaction(self, epoch: int, commands: list[Command]) -> list[Written | Exception]:
        try:
            answer = await self._ledger.write(epoch, commands)
        except PASSING:
            raise
        except RemoraError as error:
            return [error] if len(commands) == 1 else await self._one_by_one(commands)
        for listener in self._listeners:
            listener.offer(answer.changes)
        return list(answer.written)

    async def _one_by_one(self, commands: list[Command]) -> list[Written | Exception]:
        """What can't be written together: the command at fault fails, the others are written."""
        outcomes: list[Written | Exception] = []
        for command in commands:
            try:
                if self._is_refused(command):
                    raise Unavailable("refused while others were written")
                outcomes += await self._write_batch([command])
            except RemoraError as error:
                outcomes.append(error)
        return outcomes

    def _is_refused(self, command: Command) -> bool:
        """Whether its caller has heard already that nothing of it is there: then nothing of it may come."""
        if isinstance(command, Commit | Fail):
            return False
        known = self._unpromised.get(id(command))
        return known is None or known[1].done()

    def _refuse(self, error: RemoraError, sent: list[Command], *, unknown: bool) -> list[Command]:
        """The ledger has rolled back what was sent: answers what of it has to be sent again.

        `unknown`: it was sent before, and what became of it then is not known, so none of it can be refused.
        While something is sent again, what isn't promised is refused before it gets in line.
        """
        left = [command for command in sent if unknown or isinstance(command, Commit | Fail)]
        if not left:
            return []
        self._refusal = error
        kept = {id(command) for command in left}
        for command, answer in list(self._unpromised.values()):
            if id(command) not in kept and not answer.done():
                answer.set_exception(_again(error))
        return left

    def figures(self) -> Json:
        """Figures of the queue."""
        return self._queue.figures()

    @property
    def transactions(self) -> int:
        """Batches so far."""
        return self._queue.stats.batches

    async def close(self) -> None:
        """Refuse what comes and end what is under way."""
        await self._queue.close()


def _spread(
    commands: list[Command], sent: list[Command], written: list[Written | Exception], refusal: RemoraError
) -> list[Written | Exception]:
    """One outcome a command: that of the ledger for those that were sent, the refusal for the others."""
    outcomes = {id(command): outcome for command, outcome in zip(sent, written, strict=True)}
    return [outcomes.get(id(command), refusal) for command in commands]


def _again(error: RemoraError) -> RemoraError:
    """The same for another caller, with a traceback of its own."""
    return type(error)(error.message, error.details)
