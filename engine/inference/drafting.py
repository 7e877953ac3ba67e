"""Asks the language model what facts an add's messages hold, and the models what else has to be known of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from engine import ids, ingest
from engine.facts.made import SoFar
from engine.facts.making import FactMaker
from engine.facts.reading import Fact
from engine.facts.tasks import FACTS, RECORD
from engine.inference.draft import Draft, DraftFact
from engine.inference.wishing import Wishing
from engine.ledger_port import Ledger, Operation, Source
from engine.models import Models, entities_or_none
from engine.ports import Priority
from engine.types import PROCEDURAL, Message

_FIRST_FACT = 1_000_000
"""Facts are numbered from here: the messages of the same operation have the numbers before it."""


class Drafter:
    """Makes drafts. It changes nothing, so that a draft may be made again.

    Args:
        ledger: knows the messages as they are now.
        models: for vectors and entities.
        maker: asks the language model.
        wishing: what its project and its caller want.
    """

    def __init__(self, ledger: Ledger, models: Models, maker: FactMaker, wishing: Wishing) -> None:
        self._ledger = ledger
        self._models = models
        self._maker = maker
        self._wishing = wishing

    async def draft(self, operation: Operation, secret: bytes, so_far: SoFar) -> Draft:
        """The facts of an add whose messages are memories already. `so_far`: of earlier tries, to go on from there.

        Raises:
            Overloaded, Unavailable, DeadlineExceeded: a model can't be had now; the same may work later.
        """
        return await self._drafted(operation, secret, so_far, self._sources)

    async def preview(self, operation: Operation, secret: bytes) -> Draft:
        """The same for an add that is none yet, as if its messages were memories. Raises as `draft`."""

        async def supposed(_: Operation) -> Mapping[int, tuple[Source, ...]]:
            numbers = range(len(operation.request["messages"]))
            return {number: (Source(ids.memory_id(secret, operation.id, number), 1),) for number in numbers}

        return await self._drafted(operation, secret, SoFar(), supposed)

    async def _drafted(
        self,
        operation: Operation,
        secret: bytes,
        so_far: SoFar,
        look: Callable[[Operation], Awaitable[Mapping[int, tuple[Source, ...]]]],
    ) -> Draft:
        body = operation.request
        messages, about = ingest.messages_of(body, images=True), ingest.scope_of(body).user_id
        said_us, wishes = ingest.said_us_of(operation), await self._wishing.of(operation)
        task = RECORD if body.get("memory_type") == PROCEDURAL else FACTS
        made = await self._maker.make(messages, about, said_us, wishes, so_far, task)
        sources = await look(operation)
        facts = [
            _draft_fact(ids.memory_id(secret, operation.id, _FIRST_FACT + number), one, behind, messages, said_us)
            for number, one in enumerate(made.facts)
            if (behind := _behind(one, sources))
        ]
        texts = [one.text for one in facts]
        vectors, entities = await asyncio.gather(
            self._models.vectors(texts, Priority.BULK), entities_or_none(self._models, texts, Priority.BULK)
        )
        read = _read(sources, made.unread)
        return Draft(tuple(facts), vectors, tuple(entities), read, made.unread, made.problems, made.cost, made.refused)

    async def _sources(self, operation: Operation) -> Mapping[int, tuple[Source, ...]]:
        """Per message the memories that hold it, as they are now; a long one is held in pieces."""
        rows = [row for row in (operation.result or {}).get("results", ()) if "message_index" in row]
        known = await self._ledger.get(operation.project, list(dict.fromkeys(row["id"] for row in rows)))
        versions = {version.memory_id: version.version for version in known if version is not None}
        found: dict[int, tuple[Source, ...]] = {}
        for row in rows:
            if (number := versions.get(row["id"])) is not None:
                index = row["message_index"]
                found[index] = (*found.get(index, ()), Source(row["id"], number))
        return found


def _read(sources: Mapping[int, tuple[Source, ...]], unread: Sequence[int]) -> tuple[str, ...]:
    """The memories of all messages but those that nobody could read."""
    wanted = [behind for number, behind in sources.items() if number not in unread]
    return tuple(dict.fromkeys(one.memory_id for behind in wanted for one in behind))


def _behind(fact: Fact, sources: Mapping[int, tuple[Source, ...]]) -> tuple[Source, ...]:
    """The memories behind a fact; none when all of them are gone."""
    return tuple(dict.fromkeys(one for line in fact.lines for one in sources.get(line, ())))


def _draft_fact(
    memory_id: str, fact: Fact, sources: tuple[Source, ...], messages: Sequence[Message], said_us: int
) -> DraftFact:
    """It was said when the last of its messages was, and by somebody if they all were."""
    said = [messages[line] for line in fact.lines]
    speakers = {(message.role, message.name) for message in said}
    role, name = speakers.pop() if len(speakers) == 1 else (None, None)
    times = [said_us if message.timestamp_us is None else message.timestamp_us for message in said]
    return DraftFact(memory_id, fact, sources, max(times), role, name)
