"""Derived signals in the ledger: kept for live versions only, and gone with the versions that they know of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from sqlalchemy import insert

from engine.conversations import Conversation, conversation_of, order_of, windows
from engine.errors import StaleEpoch
from engine.ledger.codec import version_row
from engine.ledger.schema import signals
from engine.ledger_port import DeleteEvent, DeleteScopeEvent, Lacking, Stretch, UpdateEvent
from engine.packed import rounded
from engine.types import BlockKey, Derived, MemoryVersion, Scope
from tests.conformance.ledger_writer import ANN, KINDS, Writer, owned

MODEL = "model/1"
RUN = Scope(user_id="ann", run_id="monday")
BLOCK = BlockKey("p", "user_id", "ann")


@pytest_asyncio.fixture(params=KINDS)
async def writer(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Writer]:
    async with owned(request.param, tmp_path) as one:
        yield one


def derived(version: MemoryVersion, key: bytes, value: int = 1) -> Derived:
    context = np.array([1, 0, 0, 0], dtype=np.float32)
    return Derived(version.memory_id, version.version, key, context, np.full((2, 3), value, dtype=np.int8))


async def live(writer: Writer) -> list[MemoryVersion]:
    return list((await writer.ledger.block(BLOCK)).versions)


async def compute(writer: Writer, model: str = MODEL) -> None:
    """All windows of all conversations."""
    rows: list[Derived] = []
    found = await live(writer)
    for conversation in {conversation_of(version) for version in found}:
        mine = sorted((one for one in found if conversation_of(one) == conversation), key=order_of)
        for window in windows(conversation, mine, model):
            rows += [derived(one, window.key_of(place)) for place, one in enumerate(window.versions)]
    await writer.ledger.put_signals(writer.owner.epoch, model, rows)


async def ids_without(writer: Writer) -> set[str]:
    return {memory_id for memory_id, _ in (await writer.ledger.lacking("", 100)).memories}


async def test_a_block_comes_with_the_signals_of_its_memories(writer: Writer) -> None:
    first, second = await writer.add("tea", "and milk")
    before = await writer.ledger.block(BLOCK)
    await writer.ledger.put_signals(writer.owner.epoch, MODEL, [derived(before.versions[1], b"k" * 18, 7)])
    (found,) = (await writer.ledger.block(BLOCK)).derived
    assert before.derived == ()
    assert (found.memory_id, found.version, found.key) == (second, 1, b"k" * 18)
    assert found.context.tolist() == rounded(np.array([1, 0, 0, 0], dtype=np.float32)).tolist()
    assert found.tokens.tolist() == [[7] * 3] * 2
    assert await ids_without(writer) == {first}


async def test_signals_are_written_over(writer: Writer) -> None:
    await writer.add("tea")
    (version,) = await live(writer)
    for value in (1, 2):
        await writer.ledger.put_signals(writer.owner.epoch, MODEL, [derived(version, b"k" * 18, value)])
    (found,) = (await writer.ledger.block(BLOCK)).derived
    assert found.tokens.max() == 2


async def test_signals_of_a_version_that_has_ended_come_too_late(writer: Writer) -> None:
    (memory_id,) = await writer.add("tea")
    (old,) = await live(writer)
    await writer.change(UpdateEvent(memory_id, frozenset({"metadata"}), metadata={"a": 1}))
    await writer.ledger.put_signals(writer.owner.epoch, MODEL, [derived(old, b"k" * 18)])
    assert (await writer.ledger.block(BLOCK)).derived == ()
    assert await writer.ledger.check() == []


async def test_a_window_of_which_a_memory_has_ended_comes_too_late_as_a_whole(writer: Writer) -> None:
    first, second = await writer.add("tea", "and milk")
    seen = await live(writer)
    await writer.change(DeleteEvent(first))
    late = [derived(one, b"k" * 16 + place.to_bytes(2)) for place, one in enumerate(seen)]
    await writer.ledger.put_signals(writer.owner.epoch, MODEL, late)
    assert await ids_without(writer) == {second}


async def test_a_former_owner_writes_no_signals(writer: Writer) -> None:
    await writer.add("tea")
    (version,) = await live(writer)
    former = writer.owner.epoch
    await writer.ledger.open()
    with pytest.raises(StaleEpoch):
        await writer.ledger.put_signals(former, MODEL, [derived(version, b"k" * 18)])
    with pytest.raises(StaleEpoch):
        await writer.ledger.begin_signals(former, MODEL)


async def test_the_end_of_a_version_takes_the_signals_of_its_window_along(writer: Writer) -> None:
    first, second = await writer.add("tea", "and milk")
    (other,) = await writer.add("coffee")
    await compute(writer)
    await writer.change(DeleteEvent(first))
    assert await ids_without(writer) == {second}
    await compute(writer)
    await writer.change(UpdateEvent(other, frozenset({"metadata"}), metadata={"a": 1}))
    assert await ids_without(writer) == {other}
    assert await writer.ledger.check() == []


async def test_a_deleted_scope_leaves_no_signals(writer: Writer) -> None:
    await writer.add("tea", "and milk")
    await compute(writer)
    await writer.change(DeleteScopeEvent(ANN))
    assert (await writer.ledger.status())["signals"] == 0


async def test_a_purge_takes_what_was_made_with_the_text_in_sight(writer: Writer) -> None:
    first, second, third = [*await writer.add("tea", "and milk"), *await writer.add("coffee")]
    await compute(writer)
    await writer.purge(memory_id=first)
    assert await ids_without(writer) == {second}
    await writer.purge(scope=ANN)
    assert (await writer.ledger.status())["signals"] == 0
    assert third not in await ids_without(writer)


async def test_what_lacks_signals_is_told_in_pages_with_where_it_belongs(writer: Writer) -> None:
    made = sorted([*await writer.add("a", "b"), *await writer.add("c", scope=RUN)])
    first = await writer.ledger.lacking("", 2)
    rest = await writer.ledger.lacking(made[1], 2)
    assert [memory_id for memory_id, _ in (*first.memories, *rest.memories)] == made
    assert (first.total, rest.total) == (3, None)
    assert Conversation("p", RUN) in [conversation for _, conversation in (*first.memories, *rest.memories)]
    await compute(writer)
    assert await writer.ledger.lacking("", 2) == Lacking((), 0)


async def test_another_model_begins_anew(writer: Writer) -> None:
    (memory_id,) = await writer.add("tea")
    await compute(writer)
    await writer.ledger.begin_signals(writer.owner.epoch, MODEL)
    assert await ids_without(writer) == set()
    await writer.ledger.begin_signals(writer.owner.epoch, "model/2")
    assert await ids_without(writer) == {memory_id}


async def test_a_run_is_read_in_order_with_keys_and_in_stretches(writer: Writer) -> None:
    late = await writer.add("3", "4", scope=RUN, at_us=20)
    early = await writer.add("1", "2", scope=RUN, at_us=10)
    await writer.add("of another run", scope=Scope(user_id="ann", run_id="tuesday"))
    await writer.add("of no run")
    await writer.change(UpdateEvent(early[0], frozenset({"metadata"}), metadata={"a": 1}))
    run = Conversation("p", RUN)
    (whole,) = await writer.ledger.conversations([Stretch(run)], 10)
    assert [one.memory_id for one in whole.versions] == early + late
    assert not whole.more
    (part,) = await writer.ledger.conversations([Stretch(run)], 3)
    assert ([one.text for one in part.versions], part.more) == (["1", "2", "3"], True)
    for at in range(4):
        (rest,) = await writer.ledger.conversations([Stretch(run, order_of(whole.versions[at]))], 10)
        assert rest.versions == whole.versions[at + 1 :]
    await writer.ledger.put_signals(writer.owner.epoch, MODEL, [derived(whole.versions[2], b"k" * 18)])
    (keyed,) = await writer.ledger.conversations([Stretch(run)], 10)
    assert keyed.keys == {late[0]: b"k" * 18}


async def test_an_adds_memories_are_read_together_even_when_one_was_updated(writer: Writer) -> None:
    first, second = await writer.add("a", "b")
    alone = await writer.add("c")
    before = {conversation_of(one) for one in await live(writer)}
    await writer.change(UpdateEvent(first, frozenset({"metadata"}), metadata={"a": 1}))
    assert {conversation_of(one) for one in await live(writer)} == before
    asked = [Stretch(conversation_of(one)) for one in await live(writer) if one.memory_id in (second, *alone)]
    found = await writer.ledger.conversations(asked, 1)
    assert sorted([one.memory_id for one in rows.versions] for rows in found) == sorted([[first, second], alone])
    gone = Conversation("p", ANN, "019-no-such")
    assert [rows.versions for rows in await writer.ledger.conversations([Stretch(gone)], 1)] == [()]


async def test_a_check_tells_of_signals_of_what_is_not_live(writer: Writer) -> None:
    (memory_id,) = await writer.add("tea")
    (version,) = await live(writer)
    assert version_row(version, b"", None)["memory_id"] == memory_id
    row = {"memory_id": memory_id, "version": 2, "made_by": "m", "window": b"w", "place": b"", "width": 1}
    with writer.ledger._connections.writer.begin() as connection:
        connection.execute(insert(signals).values(**row, context=b"", tokens=b""))
    (told,) = await writer.ledger.check()
    assert "version 2" in told
    assert memory_id in told
