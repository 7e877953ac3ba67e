"""What was said in chats, on its way into the memory: each turn once, however often it takes, and never too many."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from engine.api import MemoryApi
from engine.concurrency import Pauses, TaskSet
from engine.errors import PASSING, Overloaded, RemoraError
from engine.gate import Gate, Load, Room
from engine.types import Json

_ACCEPTED_S = 0.25
"""An answer's end waits no longer for the memory; then the turn goes on by itself."""
_LAST_S = 2.0
"""So long it is waited at the end for what hasn't been accepted."""
_EACH_BYTES = 1024
_BYTES_PER_CHAR = 4
_log = logging.getLogger("remora.http")


@dataclass(frozen=True, slots=True)
class Turn:
    """What was said. `name`: the idempotency key under which it is accepted once. `fields`: of the add."""

    name: str
    messages: list[Json]
    fields: Json

    @property
    def load(self) -> Load:
        """What it takes while it waits."""
        chars = sum(len(one["content"]) for one in self.messages)
        return Load(_EACH_BYTES + _BYTES_PER_CHAR * chars)


def new_name() -> str:
    """A name for a turn that no other has."""
    return f"chat-{uuid.uuid4().hex}"


class Turns:
    """Hands turns to the memory in the background, again and again while it is away.

    Args:
        most: turns that may wait at once.
        most_bytes: of what they hold.
        clock: monotonic seconds.
    """

    def __init__(self, most: int, most_bytes: int, clock: Callable[[], float]) -> None:
        self._gate = Gate("turns of chats that wait to be remembered", Room(most, most_bytes, 0), clock)
        self._tasks = TaskSet()
        self._accepted = self._retries = self._failed = 0

    def begin(self, api: MemoryApi, turn: Turn) -> asyncio.Task[None] | None:
        """Start to remember a turn; None: too many wait already, and it is not remembered."""
        try:
            self._gate.enter(turn.load)
        except Overloaded as error:
            _log.error("the turn %s is not remembered: %s", turn.name, error)
            return None
        return self._tasks.start(self._keep(api, turn), name=turn.name)

    async def accepted(self, task: asyncio.Task[None] | None) -> None:
        """Wait until a turn is safe, but not long."""
        if task is not None:
            await asyncio.wait({task}, timeout=_ACCEPTED_S)

    def figures(self) -> Json:
        """Counted since the start, and what waits."""
        return {
            "accepted": self._accepted,
            "retries": self._retries,
            "failed": self._failed,
            "gate": self._gate.figures(),
        }

    async def close(self) -> None:
        """Wait a little for what is under way, then give it up."""
        await self._tasks.settle(_LAST_S)
        if len(self._tasks):
            _log.error("%d turns of chats are not remembered: the memory is away", len(self._tasks))
        await self._tasks.close()

    async def _keep(self, api: MemoryApi, turn: Turn) -> None:
        kept = False
        try:
            kept = await self._kept(api, turn)
        except RemoraError as error:
            self._failed += 1
            _log.error("the turn %s is not remembered: %s", turn.name, error)
        except Exception:  # noqa: BLE001 - nobody else would hear of it
            self._failed += 1
            _log.exception("the turn %s is not remembered", turn.name)
        finally:
            self._gate.leave(turn.load, done=kept)

    async def _kept(self, api: MemoryApi, turn: Turn) -> bool:
        """Accepted, at last."""
        pauses = Pauses()
        while True:
            try:
                await api.add(turn.messages, wait=False, idempotency_key=turn.name, **turn.fields)
            except PASSING as error:
                _log.warning("the turn %s waits for the memory: %s", turn.name, error)
                self._retries += 1
                await pauses.wait()
            else:
                self._accepted += 1
                return True
