"""An index gets every change, in order, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from engine.errors import Unavailable
from engine.index_feed import IndexFeed
from engine.types import Applied, Change, ChangeBatch, EventKind

NOTHING = np.zeros((0, 0), dtype=np.float32)


def changes(after: int, until: int) -> ChangeBatch:
    made = tuple(Change(at, EventKind.DELETE, f"m{at}", "p", None) for at in range(after + 1, until + 1))
    return ChangeBatch(after, until, made, NOTHING)


class Index:
    """Takes changes in order, and remembers their positions."""

    def __init__(self) -> None:
        self.life = "first"
        self.has: list[int] = []
        self.open = asyncio.Event()
        self.open.set()

    async def status(self) -> Applied:
        return Applied(self.life, len(self.has))

    async def apply(self, batch: ChangeBatch) -> Applied:
        await self.open.wait()
        if batch.after <= len(self.has):
            self.has += [change.position for change in batch.changes if change.position > len(self.has)]
        return await self.status()


class Ledger:
    def __init__(self) -> None:
        self.position = 0
        self.pulls = 0
        self.broken: Exception | None = None

    async def changes(self, after: int, limit: int) -> ChangeBatch:
        self.pulls += 1
        if self.broken:
            error, self.broken = self.broken, None
            raise error
        return changes(after, min(self.position, after + limit))

    def commit(self, count: int) -> ChangeBatch:
        self.position += count
        return changes(self.position - count, self.position)


class Fed:
    def __init__(self) -> None:
        self.index, self.ledger = Index(), Ledger()
        self.feed = IndexFeed("test", self.index, self.ledger.changes, check_s=0.05)


@pytest.fixture
async def fed() -> AsyncIterator[Fed]:
    one = Fed()
    one.feed.start(0)
    yield one
    await one.feed.close()


async def complete(fed: Fed) -> bool:
    async with asyncio.timeout(5):
        await fed.feed.reached(fed.ledger.position)
    return fed.index.has == list(range(1, fed.ledger.position + 1))


async def test_what_is_offered_arrives_without_asking_the_ledger(fed: Fed) -> None:
    for _ in range(5):
        fed.feed.offer(fed.ledger.commit(2))
    assert await complete(fed)
    assert fed.ledger.pulls == 0
    assert fed.feed.healthy


async def test_what_a_lost_answer_held_is_pulled(fed: Fed) -> None:
    fed.index.open.clear()
    fed.feed.offer(fed.ledger.commit(3))
    fed.ledger.commit(2)  # committed, and the answer that carried it was lost
    fed.feed.offer(changes(fed.ledger.position, fed.ledger.position))  # the same commands again: nothing is new
    fed.feed.offer(fed.ledger.commit(1))
    fed.index.open.set()
    assert await complete(fed)


async def test_waiting_for_more_than_there_is_changes_nothing(fed: Fed) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await fed.feed.reached(10**9)
    assert fed.feed.lag == 0
    fed.feed.offer(fed.ledger.commit(2))
    fed.ledger.commit(0)
    assert await complete(fed)
    assert fed.feed.healthy


@pytest.mark.parametrize("error", [Unavailable("away"), ValueError("a bug")])
async def test_a_failing_push_is_tried_again(fed: Fed, error: Exception) -> None:
    fed.ledger.commit(3)
    fed.ledger.broken = error
    fed.feed.offer(changes(2, 3))
    assert await complete(fed)


async def test_an_idle_index_that_starts_anew_is_filled_unasked(fed: Fed) -> None:
    fed.feed.offer(fed.ledger.commit(4))
    assert await complete(fed)
    fed.index.has, fed.index.life = [], "second"
    async with asyncio.timeout(5):
        while len(fed.index.has) < 4:
            await asyncio.sleep(0.01)


async def test_an_answer_below_what_was_confirmed_says_that_something_is_lost(fed: Fed) -> None:
    fed.feed.offer(fed.ledger.commit(4))
    assert await complete(fed)
    since = fed.feed.confirmed
    assert fed.feed.observe(Applied("first", 4), since)
    fed.index.has, fed.index.life = [], "second"
    assert not fed.feed.observe(Applied("second", 0), since)
    await fed.feed.caught_up()
    assert fed.index.has == [1, 2, 3, 4]


async def test_an_index_ahead_of_the_ledger_is_never_known() -> None:
    fed = Fed()
    fed.index.has = [1, 2, 3]
    fed.feed.start(1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await fed.feed.known()
    assert not fed.feed.healthy
    await fed.feed.close()
