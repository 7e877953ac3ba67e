"""Whatever dies between the commit of a memory and its derived signals: they are complete in the end, and sound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from engine.concurrency import Pauses
from engine.ledger.store import SqlLedger
from engine.types import BlockKey, Derived
from tests.crash.mortal import ACTORS, LEDGER, World

PATIENCE_S = 30.0
BLOCK = BlockKey("default", "user_id", "ann")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pauses, "first_s", 0.001)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    ledger = SqlLedger(f"sqlite:///{fresh / LEDGER}")
    await ledger.open()
    await ledger.close()
    made = World(fresh, tmp_path / "parts", lite=False)
    await made.memory.start()
    yield made
    await made.close()


async def whole(world: World) -> None:
    """Every live memory has the signals of its version, in the ledger and in the index, and the ledger is sound."""
    async with asyncio.timeout(PATIENCE_S):
        await world.memory.signals_complete()
    ledger = world.parts["ledger"].port
    block = await ledger.block(BLOCK)
    assert {(one.memory_id, one.version) for one in block.derived} == {
        (one.memory_id, one.version) for one in block.versions
    }
    assert await ledger.check() == []


@pytest.mark.parametrize("actor", ACTORS)
async def test_a_death_right_after_the_answer_to_an_add(world: World, actor: str) -> None:
    answer = await world.memory.add(
        [{"role": "user", "content": "tea"}, {"role": "user", "content": "milk"}], user_id="ann"
    )
    world.kill(actor)
    await world.recover(actor)
    await whole(world)
    await world.memory.delete(answer["results"][0]["id"])
    world.kill(actor)
    await world.recover(actor)
    await whole(world)


@pytest.mark.parametrize("written", [True, False], ids=["after", "before"])
async def test_a_ledger_that_dies_when_signals_are_written(
    world: World, written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = asyncio.Event()
    put = SqlLedger.put_signals

    async def put_and_die(ledger: SqlLedger, epoch: int, made_by: str, rows: Sequence[Derived]) -> None:
        if died.is_set() or written:
            await put(ledger, epoch, made_by, rows)
        if not died.is_set():
            died.set()
            world.kill("ledger")

    monkeypatch.setattr(SqlLedger, "put_signals", put_and_die)
    await world.memory.add("tea with milk", user_id="ann")
    await died.wait()
    await world.recover("ledger")
    await whole(world)


async def test_an_owner_that_is_gone_writes_no_signals_over_those_of_the_next(world: World) -> None:
    world.models_open.clear()
    await world.memory.add("tea", user_id="ann", wait=False)
    world.kill("orchestrator")
    world.models_open.set()
    await world.recover("orchestrator")
    async with asyncio.timeout(PATIENCE_S):
        await world.memory.indexes_at(1)
    await whole(world)
