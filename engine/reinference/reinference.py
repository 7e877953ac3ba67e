"""Reads stored messages once more, an add at a time, and writes the difference where that is asked for."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from engine import ids
from engine.config import Policy
from engine.errors import Conflict, InvalidInput, InvariantViolated, RemoraError, Unavailable
from engine.facts.made import NO_COST, Cost, SoFar
from engine.inference.drafting import Drafter
from engine.inference.planning import all_added
from engine.inference.reconciling import Reconciler
from engine.ledger_port import Ledger, Operation, OperationKind
from engine.reinference.change import body_of
from engine.reinference.difference import difference
from engine.reinference.outcome import Outcome, outcome_of, part_of
from engine.reinference.said import Said, rows_of, said
from engine.reinference.shown import conversation_object
from engine.reinference.standing import standing_of, standing_of_message
from engine.types import Json
from engine.write_path import WritePath

_log = logging.getLogger(__name__)

_TRIES = 3
"""How often an add is compared with what is known while that changes."""


@dataclass(slots=True)
class _Reading:
    """An add that is read, over all tries."""

    add: Operation
    wishes: Json
    messages: tuple[str, ...] = ()
    so_far: SoFar | None = None
    read: list[list[object]] | None = None
    compared: Cost = NO_COST
    problems: tuple[str, ...] = ()

    @property
    def cost(self) -> Cost:
        return self.compared if self.so_far is None else self.compared + self.so_far.cost


class Reinference:
    """One per shard.

    Args:
        ledger: knows the messages and what has become of their facts.
        writes: carries out what is to be changed.
        drafter: asks for facts.
        reconciler: asks what becomes of them.
        policy: how the facts of an add are kept consistent.
        functional: relationships that have one target at a time.
        clock: now in microseconds UTC.
        deadline_s: of a write.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        writes: WritePath,
        drafter: Drafter,
        reconciler: Reconciler,
        policy: Callable[[Operation], Awaitable[Policy]],
        functional: Collection[str],
        clock: Callable[[], int],
        deadline_s: float,
    ) -> None:
        self._ledger = ledger
        self._writes = writes
        self._drafter = drafter
        self._reconciler = reconciler
        self._policy = policy
        self._functional = functional
        self._clock = clock
        self._deadline_s = deadline_s
        self._position = 0

    async def read(self, add: Operation, wishes: Json, *, apply: bool) -> Json:
        """The facts of an add as they would be made now, beside those that it has; see `MemoryApi.reinfer`.

        Whatever goes wrong is told, and everything is as it was.
        """
        reading = _Reading(add, wishes)
        try:
            outcome, done = await self._read(reading, apply=apply)
        except RemoraError as error:
            return _shown(reading, error=error)
        except Exception as error:  # noqa: BLE001 - a bug, of this add alone
            _log.exception("operation %s can't be read anew", add.id)
            return _shown(reading, error=InvariantViolated(f"it can't be read anew: {type(error).__name__}"))
        return _shown(reading, outcome=outcome, done=done)

    async def _read(self, reading: _Reading, *, apply: bool) -> tuple[Outcome, Json | None]:
        """What comes of it, and what was written; compared again when something was changed meanwhile."""
        for _ in range(_TRIES):
            now = await self._said(reading)
            outcome = await self._outcome(reading, now)
            body = body_of(reading.add, outcome) if apply else None
            if body is None:
                return outcome, None
            try:
                return outcome, await self._written(reading.add, body, now.operation.id)
            except Conflict:
                continue
        raise Conflict("the facts were changed again and again while they were compared", {"retry": True})

    async def _said(self, reading: _Reading) -> Said:
        """The messages as they are now, to be read from the start if they have changed."""
        add = reading.add
        wanted = list(dict.fromkeys(row["id"] for row in rows_of(add)))
        live = {one.memory_id: one for one in await self._ledger.get(add.project, wanted) if one is not None}
        now = said(add, live, reading.wishes, ids.operation_id(ids.slot_in(add.id), secrets.token_bytes(16)))
        read = [*now.operation.request["messages"], list(now.memory_ids)]
        if reading.read != read:
            earlier = reading.so_far
            reading.so_far, reading.read = SoFar(), read
            reading.compared += NO_COST if earlier is None else earlier.cost
        reading.messages = now.memory_ids
        return now

    async def _outcome(self, reading: _Reading, now: Said) -> Outcome:
        operation = now.operation
        draft = await self._drafter.draft(operation, self._writes.ownership.secret, reading.so_far or SoFar())
        reading.problems = draft.problems
        if draft.unread:
            raise InvalidInput("the language model can't read all of the messages", {"messages": list(draft.unread)})
        traces = await self._ledger.traces(operation.project, now.memory_ids)
        facts = [standing_of(one, reading.add.id) for one in traces]
        found = difference(draft.facts, [*facts, *map(standing_of_message, now.memories)])
        new = part_of(draft, found.new)
        policy, gone = await self._policy(operation), [one.memory_id for one in found.gone]
        settled = all_added(new)
        if new.facts:
            settled = await self._reconciler.settle(operation, new, policy, self._position, gone)
        reading.compared += settled.cost
        reading.problems += settled.problems
        if settled.later:
            raise Unavailable("the new facts can't be compared with what is known now")
        return outcome_of(draft, found, settled, self._functional if policy is Policy.RULES else ())

    async def _written(self, add: Operation, body: Json, operation_id: str) -> Json:
        made = Operation(operation_id, add.project, OperationKind.REINFER, add.lane, body, self._clock())
        answer = await self._writes.submit(made, wait=True, deadline_s=self._deadline_s)
        self._position = max(self._position, answer["position"] or 0)
        return answer


def _shown(
    reading: _Reading, *, outcome: Outcome | None = None, done: Json | None = None, error: RemoraError | None = None
) -> Json:
    return conversation_object(
        reading.add,
        reading.messages,
        outcome=outcome,
        cost=reading.cost,
        problems=reading.problems,
        error=error,
        done=done,
    )
