"""The background that computes signals: complete in the end, whatever fails, and never more than it has to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from engine.config import SignalSettings
from engine.errors import InvalidInput, Unavailable
from engine.ledger_port import DeleteEvent, UpdateEvent
from engine.packed import pack
from engine.ports import EmbedderInfo
from engine.ranking.codes import CODE_DIMENSIONS
from engine.types import Scope
from tests.unit.signal_world import Encoder, World

RUN = Scope(user_id="ann", run_id="monday")
LONG = "tea " * 90


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.open()
    yield made
    await made.close()


async def test_what_is_added_gets_a_vector_in_context_and_token_codes(world: World) -> None:
    world.begin()
    first, second = await world.writer.add("Ann likes tea", "with milk")
    assert world.feed.pending == 2
    await world.complete()
    known = await world.known()
    assert known.keys() == {first, second}
    assert world.encoder.windows == ["Ann likes tea\nwith milk"]
    assert known[first].tokens.shape == (3, CODE_DIMENSIONS)
    assert np.linalg.norm(known[second].context) == pytest.approx(1, abs=1e-3)
    assert world.searches.got.keys() == {first, second}
    assert world.feed.pending == 0


async def test_pending_is_never_zero_between_the_answer_to_an_add_and_its_signals(world: World) -> None:
    world.begin()
    await world.complete()
    for number in range(3):
        (memory_id,) = await world.writer.add(f"memory {number}")
        while True:
            pending = world.feed.pending
            if memory_id in await world.known():
                break
            assert pending > 0
        await world.complete()


async def test_a_conversation_that_goes_on_recomputes_only_its_open_window(world: World) -> None:
    world.begin()
    early = await world.writer.add(LONG, LONG + "a", LONG + "b", scope=RUN, at_us=1)
    await world.complete()
    before, computed = await world.known(), len(world.encoder.windows)
    late = await world.writer.add("one more", scope=RUN, at_us=2)
    await world.complete()
    after = await world.known()
    assert [window.count("\n") for window in world.encoder.windows[computed:]] == [1]
    assert after.keys() == {*early, *late}
    assert [after[one].key == before[one].key for one in early] == [True, True, False]


async def test_what_is_said_earlier_is_put_where_it_belongs(world: World) -> None:
    world.begin()
    await world.writer.add("second", scope=RUN, at_us=20)
    await world.complete()
    await world.writer.add("first", scope=RUN, at_us=10)
    await world.complete()
    assert world.encoder.windows[-1] == "first\nsecond"


async def test_a_long_conversation_is_cut_the_same_however_it_is_read(world: World) -> None:
    texts = [f"message {number} {'x' * (number % 90)}" for number in range(700)]
    await world.writer.add(*texts, scope=RUN)
    world.begin()
    await world.complete()
    read_in_parts = {memory_id: row.key for memory_id, row in (await world.known()).items()}
    assert len(read_in_parts) == 700
    windows = world.encoder.windows
    assert "\n".join(windows) == "\n".join(texts)
    assert len(windows) == len({row[:16] for row in read_in_parts.values()})


async def test_a_restart_finishes_what_was_pending(world: World) -> None:
    await world.writer.add("tea")
    await world.end()
    await world.open()
    world.begin()
    assert world.feed.pending > 0
    await world.complete()
    assert len(await world.known()) == 1


async def test_a_restart_computes_nothing_that_is_there(world: World) -> None:
    world.begin()
    await world.writer.add("tea", "milk", scope=RUN)
    await world.complete()
    await world.end()
    await world.open("hashing-384")
    world.begin()
    await world.complete()
    assert world.encoder.windows == []


async def test_another_model_computes_everything_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.begin()
    (memory_id,) = await world.writer.add("tea")
    await world.complete()
    before = (await world.known())[memory_id].key
    await world.end()

    async def other(_: Encoder) -> EmbedderInfo:
        return EmbedderInfo("another", 384, 256)

    monkeypatch.setattr(Encoder, "info", other)
    await world.open()
    world.begin()
    await world.complete()
    assert (await world.known())[memory_id].key != before


async def test_while_the_embedder_is_away_nothing_is_lost(world: World) -> None:
    world.encoder.error = Unavailable("away")
    world.begin()
    (memory_id,) = await world.writer.add("tea")
    await world.encoder.failed.wait()
    assert world.feed.pending == 1
    assert world.feed.figures()["lag_s"] > 0
    world.encoder.error = None
    await world.complete()
    assert memory_id in await world.known()


async def test_while_the_ledger_refuses_nothing_is_lost(world: World) -> None:
    world.ledger.error = Unavailable("the disk is full", {"rolled_back": True})
    world.begin()
    await world.writer.add("tea")
    while not world.feed.figures()["failures"]:
        await asyncio.sleep(0.01)
    world.ledger.error = None
    await world.complete()
    assert len(await world.known()) == 1


async def test_searches_get_what_was_computed_while_they_were_away(world: World) -> None:
    world.searches.error = Unavailable("away")
    world.begin()
    (memory_id,) = await world.writer.add("tea")
    await world.searches.failed.wait()
    assert memory_id in await world.known()
    assert world.feed.pending > 0
    world.searches.error = None
    await world.complete()
    assert memory_id in world.searches.got


async def test_a_window_that_the_model_refuses_keeps_no_other_waiting(world: World) -> None:
    world.encoder.error, world.encoder.refused = InvalidInput("not for me"), "poison"
    world.begin()
    await world.writer.add("poison")
    (memory_id,) = await world.writer.add("tea")
    await world.complete()
    assert (await world.known()).keys() == {memory_id}
    assert world.feed.figures()["failed"] == 1


async def test_when_a_memory_is_deleted_its_neighbours_are_computed_without_it(world: World) -> None:
    world.begin()
    first, second = await world.writer.add("tea", "with milk")
    await world.complete()
    await world.writer.change(DeleteEvent(first))
    assert (await world.known()).keys() == set()
    assert world.feed.pending > 0
    await world.complete()
    assert (await world.known()).keys() == {second}
    assert world.encoder.windows[-1] == "with milk"


async def test_an_updated_memory_is_computed_in_its_place(world: World) -> None:
    world.begin()
    first, _ = await world.writer.add("tea", "with milk")
    await world.complete()
    fields = frozenset({"text"})
    await world.writer.change(UpdateEvent(first, fields, text="coffee", row=0), np.zeros((1, 4), dtype=np.float32))
    await world.complete()
    assert world.encoder.windows[-1] == "coffee\nwith milk"
    assert (await world.known())[first].version == 2


async def test_a_change_that_nobody_told_is_found(world: World) -> None:
    world.begin()
    await world.complete()
    world.ledger.listener = None
    (untold,) = await world.writer.add("tea")
    world.ledger.listener = world.feed.offer
    await world.writer.add("milk", scope=RUN)
    await world.complete()
    assert untold in await world.known()


async def test_a_shard_that_has_another_owner_stops(world: World) -> None:
    world.begin()
    await world.complete()
    assert world.feed.figures()["running"]
    world.writer.owner = await world.ledger.open()
    await world.writer.add("tea")
    while world.feed.figures()["running"]:
        await asyncio.sleep(0.01)
    assert await world.known() == {}


async def test_switched_off_nothing_is_computed_and_nothing_is_pending(tmp_path: Path) -> None:
    off = World(tmp_path, SignalSettings(enabled=False))
    await off.open()
    off.begin()
    await off.writer.add("tea")
    assert off.feed.figures()["enabled"] is False
    assert off.feed.pending == 0
    assert off.encoder.windows == []
    await off.close()


def _files(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.iterdir()))


async def test_after_a_purge_no_file_holds_what_was_made_of_the_memory(world: World, tmp_path: Path) -> None:
    world.begin()
    kept = await world.writer.add("coffee with sugar and cream")
    first, second = await world.writer.add("the secret is under the third stone", "tell nobody")
    await world.complete()
    known = await world.known()
    traces = [bytes(known[one].tokens.tobytes()) for one in (first, second)]
    traces += [pack(known[one].context) for one in (first, second)]
    before = _files(tmp_path)
    assert all(trace[:64] in before for trace in traces)
    await world.writer.purge(memory_id=first)
    await world.complete()
    after = _files(tmp_path)
    assert not any(trace[:64] in after for trace in (traces[0], traces[2]))
    assert (await world.known()).keys() == {*kept, second}
    assert await world.ledger.check() == []
