"""From an accepted request to a plan for the ledger: asks the models, decides nothing (`ingest` does)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np

from engine import ingest
from engine.ledger_port import Operation, OperationKind, Plan
from engine.models import Models, entities_or_none
from engine.operations import needs_model
from engine.ports import Priority
from engine.reinference.change import plan_change, texts_of


class Planner:
    """Makes plans. It changes nothing, so that a plan may be made again.

    `rules`: relations are read from the texts. `infers`: facts are made of adds later.
    """

    def __init__(self, models: Models, *, rules: bool = True, infers: bool = False) -> None:
        self._models = models
        self._rules = rules
        self._infers = infers

    async def plan(self, operation: Operation, secret: bytes, priority: Priority, *, missing: bool = False) -> Plan:
        """What the operation does.

        Args:
            operation: accepted or not.
            secret: the server's, for ids.
            priority: with which the models are asked.
            missing: the memory that it names isn't there, so that no model has to be asked.

        Raises:
            Unavailable, DeadlineExceeded, Overloaded: a model is away or has no room; the same may work later.
            RemoraError: what is wrong with the request.
        """
        match operation.kind:
            case OperationKind.ADD:
                return await self._add(operation, secret, priority)
            case OperationKind.UPDATE if needs_model(operation) and not missing:
                return await self._update(operation, priority)
            case OperationKind.REINFER:
                return await self._reinfer(operation, secret)
            case _:
                return _plain(operation)

    async def _add(self, operation: Operation, secret: bytes, priority: Priority) -> Plan:
        fragments = await self._models.fragments(ingest.messages_of(operation.request))
        texts = [fragment.text for fragment in fragments]
        vectors, entities = await asyncio.gather(
            self._models.vectors(texts, priority), entities_or_none(self._models, texts, priority)
        )
        plan = ingest.plan_add(operation, secret, fragments, vectors, entities, rules=self._rules)
        return replace(plan, more=bool(plan.events) and self._infers and ingest.infers(operation))

    async def _update(self, operation: Operation, priority: Priority) -> Plan:
        text = [operation.request["given"]["text"]]
        vectors, entities = await asyncio.gather(
            self._models.vectors(text, priority), entities_or_none(self._models, text, priority)
        )
        return ingest.plan_update(operation, vectors, entities[0], rules=self._rules)

    async def _reinfer(self, operation: Operation, secret: bytes) -> Plan:
        texts = texts_of(operation.request)
        vectors, entities = await asyncio.gather(
            self._models.vectors(texts, Priority.BULK), entities_or_none(self._models, texts, Priority.BULK)
        )
        return plan_change(operation, secret, vectors, entities)


def _plain(operation: Operation) -> Plan:
    """Of what needs no model."""
    nothing = np.zeros((0, 0), dtype=np.float32)
    match operation.kind:
        case OperationKind.UPDATE:
            return ingest.plan_update(operation, nothing, None)
        case OperationKind.DELETE | OperationKind.DELETE_ALL:
            return ingest.plan_delete(operation, nothing)
        case OperationKind.PURGE:
            return ingest.plan_purge(operation, nothing)
        case _:
            return Plan((), nothing)
