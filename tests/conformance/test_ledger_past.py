"""The ledger as it was: one suite over SQLite in a file and in memory, and over PostgreSQL where one is named."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, create_engine, event

from engine.as_of import AsOf
from engine.filters import Filter, parse
from engine.ledger import past
from engine.ledger.store import SqlLedger
from engine.ledger_port import DeleteEvent, DeleteScopeEvent, Page, UpdateEvent
from engine.types import BlockKey, FloatArray, MemoryVersion, Scope
from tests.conformance.ledger_writer import ANN, KINDS, Writer, owned

BOB = Scope(user_id="bob", agent_id="coach")
ANNS = BlockKey("p", "user_id", "ann")
EXACT = parse({"user_id": "ann"})
IN_PART = parse({"AND": [{"user_id": "*"}, {"metadata": {"deep": "nothing"}}]})


@pytest.fixture(params=KINDS)
async def writer(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Writer]:
    async with owned(request.param, tmp_path) as writer:
        yield writer


@dataclass(frozen=True, slots=True)
class State:
    """What the reads of the present say."""

    page: Page
    memories: list[MemoryVersion | None]
    block: tuple[MemoryVersion, ...]
    vectors: FloatArray


def updated(memory_id: str, text: str) -> UpdateEvent:
    return UpdateEvent(memory_id, frozenset({"text"}), text=text, row=0)


async def present(writer: Writer, ids: list[str], node: Filter) -> State:
    block = await writer.ledger.block(ANNS)
    page = await writer.ledger.page("p", node, 0, 100)
    return State(page, await writer.ledger.get("p", ids), block.versions, block.vectors)


async def at(ledger: SqlLedger, position: int, ids: list[str], node: Filter) -> State:
    rows = await ledger.rows_at("p", ANNS, position, 100)
    page = await ledger.page_at("p", node, position, 0, 100)
    return State(page, await ledger.get_at("p", ids, position), rows.versions, rows.vectors)


def same(one: State, other: State) -> None:
    assert one.page == other.page
    assert one.memories == other.memories
    assert one.block == other.block
    assert np.array_equal(one.vectors, other.vectors)


@pytest.mark.parametrize(
    "node", [EXACT, parse({"user_id": "*"}), parse({"OR": [{"user_id": "ann"}, {"agent_id": "*"}]})]
)
async def test_every_state_can_be_read_again_as_it_was(writer: Writer, node: Filter) -> None:
    ids = [*await writer.add("tea", "coffee"), *await writer.add("milk", scope=BOB)]
    states = {3: await present(writer, ids, node)}
    await writer.change(updated(ids[0], "green tea"), np.ones((1, 4), dtype=np.float32))
    states[4] = await present(writer, ids, node)
    await writer.change(DeleteEvent(ids[1]))
    states[5] = await present(writer, ids, node)
    await writer.change(updated(ids[0], "black tea"), np.ones((1, 4), dtype=np.float32))
    states[6] = await present(writer, ids, node)
    await writer.change(DeleteScopeEvent(ANN))
    ids += await writer.add("tea")
    now = (await writer.ledger.moment(AsOf(position=2**40))).position
    states[now] = await present(writer, ids, node)
    for position, state in states.items():
        known = replace(state, memories=state.memories + [None] * (len(ids) - len(state.memories)))
        same(await at(writer.ledger, position, ids, node), known)


async def test_before_the_first_event_there_is_nothing(writer: Writer) -> None:
    ids = await writer.add("tea")
    assert await writer.ledger.get_at("p", ids, 0) == [None]
    assert await writer.ledger.page_at("p", EXACT, 0, 0, 10) == Page(0, ())
    assert (await writer.ledger.rows_at("p", ANNS, 0, 10)).versions == ()


async def test_pages_and_keys_of_then_follow_on_each_other(writer: Writer) -> None:
    ids = [(await writer.add(f"fact {number}", at_us=number))[0] for number in range(7)]
    for memory_id in ids[:5]:
        await writer.change(DeleteEvent(memory_id))
    pages = [await writer.ledger.page_at("p", EXACT, 9, start, 2) for start in range(0, 6, 2)]
    assert [one.memory_id for page in pages for one in page.versions] == ids[:1:-1]
    assert {page.count for page in pages} == {5}
    keys = await writer.ledger.keys_at("p", EXACT, 9, 3)
    assert (keys.count, [one for _, one in keys.rows]) == (5, ids[:3:-1])


async def test_what_only_the_predicate_can_say_of_a_filter_holds_for_the_past_too(writer: Writer) -> None:
    (first,) = await writer.add("green tea")
    await writer.add("coffee")
    await writer.change(DeleteEvent(first))
    node = parse({"AND": [{"user_id": "ann"}, {"text": {"icontains": "TEA"}}]})
    page = await writer.ledger.page_at("p", node, 2, 0, 10)
    assert [one.memory_id for one in page.versions] == [first]
    assert (await writer.ledger.keys_at("p", node, 2, 10)).count == page.count == 1
    assert (await writer.ledger.page_at("p", node, 3, 0, 10)).count == 0


async def test_what_has_been_purged_since_was_never_there(writer: Writer) -> None:
    (gone, stays) = await writer.add("secret", "tea")
    await writer.change(updated(gone, "secret again"), np.ones((1, 4), dtype=np.float32))
    await writer.purge(gone)
    for position in (2, 3, 4):
        assert await writer.ledger.get_at("p", [gone], position) == [None]
        page = await writer.ledger.page_at("p", EXACT, position, 0, 10)
        assert [one.memory_id for one in page.versions] == [stays]
        assert [one.memory_id for one in (await writer.ledger.rows_at("p", None, position, 10)).versions] == [stays]


async def test_another_project_has_another_past(writer: Writer) -> None:
    ids = await writer.add("tea")
    assert await writer.ledger.get_at("q", ids, 1) == [None]
    assert (await writer.ledger.rows_at("q", None, 1, 10)).count == 0


async def test_more_rows_than_asked_for_are_only_counted(writer: Writer) -> None:
    await writer.add("tea", "coffee", "milk")
    rows = await writer.ledger.rows_at("p", ANNS, 3, 2)
    assert (rows.count, rows.versions) == (3, ())


async def test_a_time_names_the_last_state_that_is_not_later(tmp_path: Path) -> None:
    clock = [0]
    ledger = SqlLedger(f"sqlite:///{tmp_path / 'ledger.db'}", clock=lambda: clock[0])
    writer = Writer(ledger, await ledger.open())
    try:
        for clock[0] in (10, 20, 20, 40):
            await writer.add(f"said at {clock[0]} as {writer.made}")
        clock[0] = 50
        asked = {at_us: await ledger.moment(AsOf(at_us=at_us)) for at_us in (0, 9, 10, 19, 20, 39, 40, 50)}
        assert [one.position for one in asked.values()] == [0, 0, 1, 1, 3, 3, 4, 4]
        assert [one.latest for one in asked.values()] == [False] * 6 + [True] * 2
        assert [one.at_us for one in asked.values()] == list(asked)
        by_position = [await ledger.moment(AsOf(position=position)) for position in (0, 2, 4, 9)]
        assert [(one.position, one.at_us, one.latest) for one in by_position] == [
            (0, 0, False),
            (2, 20, False),
            (4, 50, True),
            (4, 50, True),
        ]
    finally:
        await ledger.close()


READS: list[Callable[[Connection], object]] = [
    lambda c: past.get(c, "p", ["m"], 1),
    lambda c: past.page(c, "p", EXACT, 1, 0, 10),
    lambda c: past.page(c, "p", IN_PART, 1, 0, 10),
    lambda c: past.keys(c, "p", EXACT, 1, 10),
    lambda c: past.rows(c, "p", ANNS, 1, 10),
    lambda c: past.rows(c, "p", None, 1, 10),
    lambda c: past.moment(c, AsOf(at_us=1), 2),
]


def explained(path: Path, read: Callable[[Connection], object]) -> list[str]:
    """How SQLite goes about a read, step by step."""
    engine = create_engine(f"sqlite:///{path}")
    said: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda *call: said.append((call[2], call[3])))
    with engine.connect() as connection:
        read(connection)
        plans = [
            step[-1]
            for statement, values in list(said)
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    engine.dispose()
    return plans


@pytest.mark.parametrize("read", READS)
async def test_no_read_of_the_past_looks_through_all_versions(
    tmp_path: Path, read: Callable[[Connection], object]
) -> None:
    async with owned("file", tmp_path) as writer:
        await writer.add("tea")
    plans = explained(tmp_path / "ledger.db", read)
    assert plans
    assert not [step for step in plans if step.startswith(("SCAN versions", "SCAN events"))]
    assert not [step for step in plans if "past_" in step and "live_to>?" not in step]


async def test_of_a_scopes_ended_versions_only_those_are_looked_at_that_ended_later(tmp_path: Path) -> None:
    async with owned("file", tmp_path) as writer:
        await writer.add("tea")
    plans = explained(tmp_path / "ledger.db", lambda c: past.rows(c, "p", ANNS, 1, 10))
    assert [step for step in plans if "past_user_id (project=? AND user_id=? AND live_to>?" in step]
