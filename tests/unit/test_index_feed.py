"""An index gets every change, in order, whatever is lost on the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

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
        self.unerased = 0
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def is_asked_again(self) -> None:
        self.asked.clear()
        await self.asked.wait()

    async def status(self) -> Applied:
        self.asked.set()
        return Applied(self.life, len(self.has), self.unerased)

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
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.index, self.ledger = Index(), Ledger()
        self.feed = IndexFeed("test", self.index, self.ledger.changes, check_s=0.05, clock=clock)


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


async def test_an_index_ahead_of_the_ledger_gets_nothing_until_it_is_built_anew() -> None:
    fed = Fed()
    fed.index.has = [1, 2, 3]
    fed.ledger.commit(1)
    fed.feed.start(1)
    async with asyncio.timeout(5):
        await fed.feed.news.wait()
    assert (fed.feed.foreign, fed.feed.is_known, fed.feed.healthy) == (True, False, False)
    fed.feed.offer(fed.ledger.commit(3))
    await asyncio.sleep(0)
    assert fed.index.has == [1, 2, 3]
    fed.index.has, fed.index.life = [1], "built anew"
    async with asyncio.timeout(5):
        await fed.feed.known()
    assert await complete(fed)
    assert not fed.feed.foreign
    await fed.feed.close()


async def test_more_than_was_offered_may_be_pulled_and_the_index_is_still_ours(fed: Fed) -> None:
    fed.index.has, fed.index.life = [], "second"
    fed.ledger.commit(5)  # nobody has heard of these yet
    fed.feed.offer(changes(0, 1))
    fed.feed.offer(changes(3, 4))
    async with asyncio.timeout(5):
        await fed.feed.reached(5)
        await fed.index.is_asked_again()
    assert not fed.feed.foreign


async def test_what_is_erased_is_waited_for_until_no_file_holds_it(fed: Fed) -> None:
    fed.feed.offer(fed.ledger.commit(2))
    assert await complete(fed)
    fed.index.unerased = 3
    fed.feed.offer(fed.ledger.commit(2))
    waiting = [asyncio.ensure_future(fed.feed.erased(position)) for position in (2, 3, 4)]
    assert await complete(fed)
    assert [waiter.done() for waiter in waiting] == [True, False, False]
    assert (fed.feed.unerased, fed.feed.is_erased(2), fed.feed.is_erased(3)) == (3, True, False)
    fed.feed.news.clear()
    fed.index.unerased = 0
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
        await fed.feed.news.wait()
    assert fed.feed.is_erased(4)


async def test_nothing_is_pushed_while_the_feed_is_paused(fed: Fed) -> None:
    async with fed.feed.paused():
        fed.feed.offer(fed.ledger.commit(2))
        for _ in range(10):
            await asyncio.sleep(0)
        assert fed.index.has == []
    assert await complete(fed)


async def test_an_index_that_does_not_move_is_told_by_how_long() -> None:
    now = [100.0]
    fed = Fed(clock=lambda: now[0])
    fed.feed.start(0)
    async with asyncio.timeout(5):
        await fed.feed.known()
    assert fed.feed.stalled_s == 0
    fed.index.open.clear()
    fed.feed.offer(fed.ledger.commit(1))
    now[0] += 7
    fed.feed.offer(fed.ledger.commit(1))
    assert fed.feed.stalled_s == 7
    fed.index.open.set()
    assert await complete(fed)
    assert fed.feed.stalled_s == 0
    await fed.feed.close()
