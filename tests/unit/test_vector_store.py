"""The lasting store's order of things: what waits for what, when it flushes, and what a failing table leaves behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
import pytest_asyncio

from engine.errors import Conflict, Unavailable
from engine.filters import Compare, Everything, Op
from engine.ports import EmbedderInfo, VectorHit, VectorQuery
from engine.text.analyzer import Analyzer
from engine.types import Block, BlockKey, Change, ChangeBatch, EventKind, FloatArray, LiveRows, MemoryVersion, Scope
from engine.vector.block import Row
from engine.vector.lost_rows import LostRows
from engine.vector.mark import Mark
from engine.vector.store import MilvusVectorStore
from engine.vector.table import Table

KEY = BlockKey("p", "user_id", "ann")
ANNS = VectorQuery("p", Compare("user_id", Op.EQ, "ann"), 10, np.ones(2, dtype=np.float32), block=KEY)
WIDE = VectorQuery("p", Everything(), 10, np.ones(2, dtype=np.float32))


@dataclass
class FakeTable:
    """Notes the calls; can be made to wait, or to fail."""

    mark: Mark = field(default_factory=lambda: Mark.of(EmbedderInfo("test", 2, 1), "english"))
    calls: list[str] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    go_on: threading.Event = field(default_factory=threading.Event)
    holding: str = ""
    failing: str = ""
    error: type[Unavailable] = Unavailable
    keeps_erased: bool = True
    rows: dict[str, tuple[MemoryVersion, FloatArray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.go_on.set()

    def _call(self, name: str, what: str) -> None:
        if self.holding in ("", name):
            assert self.go_on.wait(10)
        self.calls.append(f"{name} {what}".strip())
        self.threads.add(threading.get_ident())
        if name == self.failing:
            raise self.error("down")

    def write(self, rows: Sequence[Row]) -> None:
        self._call("write", ",".join(row.change.memory_id for row in rows))
        for row in rows:
            self.rows.pop(row.change.memory_id, None)
            if row.change.version is not None and row.vector is not None:
                self.rows[row.change.memory_id] = row.change.version, row.vector

    def ids(self, after: str, most: int) -> list[str]:
        return sorted(one for one in self.rows if one > after)[:most]

    def read(self, ids: Sequence[str]) -> list[tuple[MemoryVersion, FloatArray]]:
        return [self.rows[one] for one in ids if one in self.rows]

    def take_over(self, old: FakeTable, position: int, unerased: int) -> None:
        self._call("take over", str(position))
        self.mark = self.mark.at(position, unerased)

    def remove(self) -> None:
        self._call("remove", "")

    def flush(self, position: int, unerased: int) -> None:
        self._call("flush", str(position))
        self.mark = self.mark.at(position, unerased)

    def search(self, queries: Sequence[VectorQuery]) -> list[tuple[VectorHit, ...]]:
        self._call("search", str(len(queries)))
        return [()] * len(queries)

    def close(self) -> None:
        self._call("close", "")


@pytest.fixture
def table() -> FakeTable:
    return FakeTable()


@pytest.fixture
def copy() -> FakeTable:
    """What a rebuild fills."""
    return FakeTable()


def no_copy(_: Table) -> FakeTable:
    raise AssertionError("there is no rebuild in this test")


Open = Callable[[], MilvusVectorStore]


@pytest_asyncio.fixture
async def store(table: FakeTable, copy: FakeTable) -> AsyncIterator[MilvusVectorStore]:
    made = MilvusVectorStore(
        lambda: (table, []), Analyzer("english"), block_bytes=1 << 20, flush_rows=3, open_copy=lambda _: copy
    )
    yield made
    table.failing = ""
    table.go_on.set()
    await made.close()


def batch(*positions: int, after: int | None = None) -> ChangeBatch:
    changes = [
        Change(at, EventKind.ADD, f"m{at}", "p", MemoryVersion(f"m{at}", "p", Scope("ann"), "text", 1, at, 1, 1))
        for at in positions
    ]
    vectors = np.ones((len(positions), 2), dtype=np.float32)
    return ChangeBatch(positions[0] - 1 if after is None else after, positions[-1], tuple(changes), vectors)


async def warm(store: MilvusVectorStore) -> None:
    await store.fill(Block(KEY, 0, (), np.zeros((0, 2), dtype=np.float32)))


async def test_a_block_is_searched_while_the_table_is_busy(store: MilvusVectorStore, table: FakeTable) -> None:
    await warm(store)
    await store.apply(batch(1))
    table.go_on.clear()
    write = asyncio.create_task(store.apply(batch(2)))
    answer = await store.search([ANNS])
    assert {hit.version.memory_id for hit in answer.hits[0]} >= {"m1"}
    assert answer.applied.position == 1
    assert not write.done()
    table.go_on.set()
    assert (await write).position == 2


async def test_the_table_is_used_from_one_thread_and_that_is_not_the_callers(
    store: MilvusVectorStore, table: FakeTable
) -> None:
    await asyncio.gather(*(store.search([WIDE]) for _ in range(5)), store.apply(batch(1)), store.apply(batch(2)))
    assert len(table.threads) == 1
    assert threading.get_ident() not in table.threads


async def test_a_search_is_one_call_for_all_wide_queries(store: MilvusVectorStore, table: FakeTable) -> None:
    answer = await store.search([WIDE, ANNS, WIDE])
    assert table.calls == ["search 2"]
    assert answer.cold == (None, KEY, None)


async def test_a_search_of_blocks_leaves_the_table_alone(store: MilvusVectorStore, table: FakeTable) -> None:
    await warm(store)
    await store.search([ANNS])
    assert table.calls == []


async def test_a_batch_is_one_write_of_the_last_change_of_each_memory(
    store: MilvusVectorStore, table: FakeTable
) -> None:
    twice = batch(1, 2)
    gone = Change(3, EventKind.DELETE, "m1", "p", None)
    await store.apply(ChangeBatch(0, 3, (*twice.changes, gone), twice.vectors))
    assert table.calls == ["write m1,m2"]


async def test_it_flushes_behind_the_answer_once_enough_is_unflushed(
    store: MilvusVectorStore, table: FakeTable
) -> None:
    await store.apply(batch(1))
    await store.apply(batch(2))
    assert table.mark.position == 0
    await store.apply(batch(3))
    await store.search([WIDE])
    assert table.calls[-2:] == ["flush 3", "search 1"]
    assert table.mark.position == 3


async def test_a_failed_write_moves_nothing_and_can_be_repeated(store: MilvusVectorStore, table: FakeTable) -> None:
    await warm(store)
    table.failing = "write"
    with pytest.raises(Unavailable):
        await store.apply(batch(1))
    assert (await store.status()).position == 0
    table.failing = ""
    assert (await store.apply(batch(1))).position == 1
    assert [hit.version.memory_id for hit in (await store.search([ANNS])).hits[0]] == ["m1"]


async def test_a_failed_flush_is_noted_and_tried_again(store: MilvusVectorStore, table: FakeTable) -> None:
    table.failing = "flush"
    await store.apply(batch(1, 2, 3))
    await store.search([WIDE])
    await asyncio.sleep(0)
    assert store.notices == ["flush failed: down"]
    assert table.mark.position == 0
    table.failing = ""
    await store.apply(batch(4))
    await store.search([WIDE])
    assert table.mark.position == 4


async def test_closing_flushes_and_closes_once(store: MilvusVectorStore, table: FakeTable) -> None:
    await store.apply(batch(1))
    await store.close()
    await store.close()
    assert table.calls == ["write m1", "flush 1", "close"]


async def test_nothing_is_flushed_when_nothing_came(store: MilvusVectorStore, table: FakeTable) -> None:
    await store.close()
    assert table.calls == ["close"]


def test_a_table_that_cannot_be_opened_raises_and_leaves_no_thread() -> None:
    def fails() -> tuple[FakeTable, list[str]]:
        raise Unavailable("no")

    before = threading.active_count()
    with pytest.raises(Unavailable, match="no"):
        MilvusVectorStore(fails, Analyzer("english"), block_bytes=1, flush_rows=1, open_copy=no_copy)
    assert threading.active_count() == before


def live(*positions: int) -> LiveRows:
    made = batch(*positions)
    return LiveRows(positions[-1], tuple(one.version for one in made.changes if one.version), made.vectors)


async def test_lost_rows_set_the_position_back_to_what_is_durable(store: MilvusVectorStore, table: FakeTable) -> None:
    await warm(store)
    await store.apply(batch(1, 2, 3))
    await store.search([WIDE])
    assert table.mark.position == 3
    before = await store.apply(batch(4))
    table.failing, table.error = "write", LostRows
    with pytest.raises(LostRows):
        await store.apply(batch(5))
    after = await store.status()
    assert (after.position, after.incarnation != before.incarnation) == (3, True)
    table.failing = ""
    await store.apply(batch(4))
    assert (await store.apply(batch(5))).position == 5
    assert sorted(table.rows) == ["m1", "m2", "m3", "m4", "m5"]
    assert len((await store.search([ANNS])).hits[0]) == 5


async def test_rows_that_a_flush_behind_the_answer_loses_are_told_by_the_next_answer(
    store: MilvusVectorStore, table: FakeTable
) -> None:
    table.failing, table.error = "flush", LostRows
    applied = await store.apply(batch(1, 2, 3))
    assert applied.position == 3
    answer = await store.search([WIDE])  # waits behind the flush
    assert answer.applied.position == 0
    assert answer.applied.incarnation != applied.incarnation
    assert store.notices == ["flush failed: down"]


async def test_a_change_that_was_written_behind_a_flush_that_lost_rows_moves_nothing(
    store: MilvusVectorStore, table: FakeTable
) -> None:
    table.holding, table.failing, table.error = "flush", "flush", LostRows
    table.go_on.clear()
    assert (await store.apply(batch(1, 2, 3))).position == 3
    late = asyncio.create_task(store.apply(batch(4)))
    await asyncio.sleep(0)  # so that its write waits behind the flush
    table.go_on.set()
    assert (await late).position == 0
    table.failing = ""
    await store.apply(batch(1, 2, 3))
    assert (await store.apply(batch(4))).position == 4


async def test_the_old_table_is_searched_until_the_new_one_takes_over(
    store: MilvusVectorStore, table: FakeTable, copy: FakeTable
) -> None:
    await store.apply(batch(1))
    await store.begin_rebuild()
    copy.go_on.clear()
    loading = asyncio.create_task(store.load(live(1)))
    await store.search([WIDE])
    assert not loading.done()
    assert table.calls[-1] == "search 1"
    await store.apply(batch(2))
    copy.go_on.set()
    await loading
    applied = await store.finish_rebuild(1)
    assert applied.position == 2
    assert copy.calls == ["write m1", "write m2", "take over 2"]
    assert table.calls[-1] == "remove"
    await store.search([WIDE])
    assert copy.calls[-1] == "search 1"
    assert len(copy.threads) == 2, "its own, and in between that of the table it takes over from"


async def test_a_search_that_waits_for_the_old_table_is_still_answered_by_it(
    store: MilvusVectorStore, table: FakeTable, copy: FakeTable
) -> None:
    await store.apply(batch(1))
    await store.begin_rebuild()
    await store.load(live(1))
    table.go_on.clear()
    searches = [asyncio.create_task(store.search([WIDE])) for _ in range(3)]
    await asyncio.sleep(0)  # so that they have asked
    finish = asyncio.create_task(store.finish_rebuild(1))
    table.go_on.set()
    await asyncio.gather(finish, *searches)
    assert table.calls == ["write m1", "search 1", "search 1", "search 1", "remove"]


async def test_closing_gives_a_copy_up(store: MilvusVectorStore, table: FakeTable, copy: FakeTable) -> None:
    await store.begin_rebuild()
    await store.close()
    assert copy.calls == ["remove"]
    assert table.calls == ["close"]


async def test_a_copy_that_loses_rows_is_given_up(store: MilvusVectorStore, copy: FakeTable) -> None:
    await store.begin_rebuild()
    copy.failing, copy.error = "write", LostRows
    with pytest.raises(LostRows):
        await store.load(live(1))
    assert copy.calls[-1] == "remove"
    with pytest.raises(Conflict):
        await store.load(live(1))


async def test_a_rebuild_whose_caller_went_away_still_ends(
    store: MilvusVectorStore, table: FakeTable, copy: FakeTable
) -> None:
    await store.begin_rebuild()
    await store.load(live(1))
    copy.go_on.clear()
    finish = asyncio.create_task(store.finish_rebuild(1))
    await asyncio.sleep(0)
    finish.cancel()
    await asyncio.gather(finish, return_exceptions=True)
    copy.go_on.set()
    await store.close()
    assert table.calls == ["remove"]
    assert copy.calls[-1] == "close"
    assert copy.mark.position == 1
