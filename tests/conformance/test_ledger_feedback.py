"""What callers think of memories, in every ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.errors import StaleEpoch
from engine.ledger_port import DeleteEvent, Feedback, Rating
from tests.conformance.ledger_writer import KINDS, Writer, owned


@pytest.fixture(params=KINDS)
async def writer(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Writer]:
    async with owned(request.param, tmp_path) as writer:
        yield writer


async def rated(writer: Writer, memory_id: str, rating: Rating | None, at_us: int, reason: str | None = None) -> bool:
    given = None if rating is None else Feedback(memory_id, rating, reason, at_us)
    return await writer.ledger.put_feedback(writer.owner.epoch, "p", memory_id, given)


async def test_the_last_word_counts_and_the_newest_comes_first(writer: Writer) -> None:
    one, two = await writer.add("one", "two")
    assert await rated(writer, one, Rating.NEGATIVE, 1, "It was tea.")
    assert await rated(writer, two, Rating.VERY_NEGATIVE, 2)
    assert await rated(writer, one, Rating.POSITIVE, 3)
    found = await writer.ledger.feedback("p", None, 10)
    assert list(found.rows) == [
        Feedback(one, Rating.POSITIVE, None, 3),
        Feedback(two, Rating.VERY_NEGATIVE, None, 2),
    ]
    assert found.count == 2
    newest = await writer.ledger.feedback("p", None, 1)
    assert (newest.count, [row.memory_id for row in newest.rows]) == (2, [one])
    only = await writer.ledger.feedback("p", Rating.VERY_NEGATIVE, 10)
    assert (only.count, [row.memory_id for row in only.rows]) == (1, [two])


async def test_it_can_be_taken_back(writer: Writer) -> None:
    (one,) = await writer.add("one")
    await rated(writer, one, Rating.NEGATIVE, 1)
    assert await rated(writer, one, None, 2)
    assert (await writer.ledger.feedback("p", None, 10)).count == 0


async def test_only_live_memories_of_the_project_are_rated(writer: Writer) -> None:
    one, gone = await writer.add("one", "gone")
    await writer.change(DeleteEvent(gone))
    assert not await rated(writer, gone, Rating.NEGATIVE, 1)
    given = Feedback(one, Rating.NEGATIVE, None, 1)
    assert not await writer.ledger.put_feedback(writer.owner.epoch, "another project", one, given)
    assert (await writer.ledger.feedback("another project", None, 10)).count == 0


async def test_who_owns_the_shard_no_more_writes_nothing(writer: Writer) -> None:
    (one,) = await writer.add("one")
    with pytest.raises(StaleEpoch):
        await writer.ledger.put_feedback(writer.owner.epoch - 1, "p", one, Feedback(one, Rating.NEGATIVE, None, 1))
    assert (await writer.ledger.feedback("p", None, 10)).count == 0
