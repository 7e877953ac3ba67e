"""Building an index anew while everything goes on, and what makes it happen unasked."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from engine.errors import Conflict, Unavailable
from engine.graph_port import GraphQuery
from engine.types import Applied, ChangeBatch, Entity, EventKind
from engine.upkeep import rebuild as rebuild_module
from engine.upkeep.erasure import FOREIGN, PURGED, Erasure
from engine.upkeep.rebuild import Rebuild, RebuildState
from tests.unit.upkeep_world import World


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild_module, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(rebuild_module, "_LONGEST_PAUSE_S", 0.002)


async def filled(world: World, count: int = 50) -> None:
    for number in range(count):
        world.put(f"k{number:03}", f"Thing {number}")
    await world.caught_up()


def agree(world: World) -> bool:
    return {one: row[0] for one, row in world.table.rows.items()} == {
        one: row[0] for one, row in world.truth.live_now.items()
    }


async def clean(world: World) -> bool:
    stretch = await world.verification().stretch("", 10_000, repair=False)
    return all(not verdict.differences for verdict in stretch.verdicts)


@pytest.mark.parametrize("seed", range(20))
async def test_nothing_is_missing_after_a_rebuild_while_writes_and_reads_go_on(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild_module, "_PAGE", 7)
    dice = random.Random(seed)
    async with World() as world:
        await filled(world)
        await world.graph.status()
        rebuilds = [world.rebuild_of(subject) for subject in world.subjects]
        for rebuild in rebuilds:
            rebuild.start("a test")
        number = 0
        while any(rebuild.running for rebuild in rebuilds):
            world.scribble(dice, number)
            number += 1
            answer = await world.graph.search([GraphQuery("p", (Entity("Thing"),), 500)])
            assert len(answer.hits[0]) >= 10
            assert len(world.table.rows) >= 10
        assert [rebuild.progress.state for rebuild in rebuilds] == [RebuildState.DONE] * 2
        assert world.table.rebuilds == 1
        await world.caught_up()
        assert agree(world)
        assert await clean(world)


async def test_progress_is_told_and_whoever_asks_joins_the_one_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild_module, "_PAGE", 10)
    async with World() as world:
        await filled(world, 30)
        rebuild = world.rebuild_of(world.subjects[0])
        assert rebuild.progress.figures() == {"state": "NONE", "done": 0, "total": 0, "error": None}
        seen = set()
        rebuild.start("a test")
        while rebuild.running:
            rebuild.start("another")
            seen.add(rebuild.progress.done)
            await asyncio.sleep(0)
        assert seen >= {0, 10, 20, 30}
        assert rebuild.progress.figures() == {"state": "DONE", "done": 30, "total": 30, "error": None}
        assert (world.table.rebuilds, rebuild.progress.reason) == (1, "a test")
        rebuild.start("another")
        assert await rebuild.finished() is RebuildState.DONE
        assert world.table.rebuilds == 2


async def test_an_actor_that_is_replaced_midway_makes_it_begin_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild_module, "_PAGE", 10)
    async with World() as world:
        await filled(world, 50)
        rebuild = world.rebuild_of(world.subjects[0])
        rebuild.start("a test")
        for loads in (2, 6):
            while world.table.loads < loads:
                await asyncio.sleep(0)
            world.table.restart()
        assert await rebuild.finished() is RebuildState.DONE
        assert rebuild.progress.figures() == {"state": "DONE", "done": 50, "total": 50, "error": None}
        await world.caught_up()
        assert agree(world)


async def test_an_index_that_never_keeps_a_copy_makes_it_fail_and_stays_as_it_was() -> None:
    async with World() as world:
        await filled(world)

        async def no_copy(_: Any) -> None:
            raise Conflict("no rebuild is under way")

        world.table.load = no_copy  # type: ignore[method-assign,assignment]
        rebuild = world.rebuild_of(world.subjects[0])
        rebuild.start("a test")
        assert await rebuild.finished() is RebuildState.FAILED
        assert rebuild.progress.error == "no rebuild is under way"
        assert agree(world)


async def test_a_bug_makes_it_fail_with_its_name() -> None:
    async with World() as world:
        await filled(world, 1)

        async def broken(_: Any) -> None:
            raise KeyError("gone")

        world.table.load = broken  # type: ignore[method-assign,assignment]
        rebuild = world.rebuild_of(world.subjects[0])
        rebuild.start("a test")
        assert await rebuild.finished() is RebuildState.FAILED
        assert rebuild.progress.error == "KeyError: 'gone'"


async def test_a_part_that_is_away_for_a_while_is_waited_for() -> None:
    async with World() as world:
        await filled(world)
        load, away = world.table.load, [True] * 3

        async def moody(rows: Any) -> None:
            if away:
                away.pop()
                raise Unavailable("away")
            await load(rows)

        world.table.load = moody  # type: ignore[method-assign]
        rebuild = world.rebuild_of(world.subjects[0])
        rebuild.start("a test")
        assert await rebuild.finished() is RebuildState.DONE
        assert rebuild.progress.error is None


@pytest.mark.parametrize("comes", [True, False], ids=["it comes", "it never comes"])
async def test_the_copy_waits_for_the_index_in_use_to_come_as_far_but_not_for_ever(
    comes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with World() as world:
        await filled(world)
        apply, refused, held = world.table.apply, asyncio.Event(), True

        async def refuses(batch: ChangeBatch) -> Applied:
            if held:
                refused.set()
                raise Unavailable("a test")
            return await apply(batch)

        monkeypatch.setattr(world.table, "apply", refuses)
        world.put("k999", "Thing 999")
        await refused.wait()
        patience_s = 30.0 if comes else 0.01
        rebuild = Rebuild(world.truth, world.subjects[0], world.tasks, patience_s=patience_s)  # type: ignore[arg-type]
        rebuild.start("a test")
        if comes:
            refused.clear()
            async with asyncio.timeout(10):
                await refused.wait()
            assert rebuild.running
            assert world.table.rebuilds == 0
            held = False
        assert await rebuild.finished() is RebuildState.DONE
        assert world.table.rebuilds == 1
        held = False
        await world.caught_up()
        assert agree(world)


async def test_when_the_last_answer_is_lost_it_begins_again() -> None:
    async with World() as world:
        await filled(world)
        finish, lost = world.table.finish_rebuild, [True]

        async def lossy(position: int) -> Any:
            answer = await finish(position)
            if lost:
                lost.pop()
                raise Unavailable("the answer is lost")
            return answer

        world.table.finish_rebuild = lossy  # type: ignore[method-assign]
        rebuild = world.rebuild_of(world.subjects[0])
        rebuild.start("a test")
        assert await rebuild.finished() is RebuildState.DONE
        assert world.table.rebuilds == 2
        await world.caught_up()
        assert agree(world)


def watched(world: World) -> Erasure:
    rebuild = world.rebuild_of(world.subjects[0])
    erasure = Erasure(world.feeds[0], rebuild)
    world.tasks.start(erasure.watch(), name="watch")
    return erasure


async def test_what_is_purged_leaves_the_files_and_purges_that_come_meanwhile_share_a_rebuild() -> None:
    async with World() as world:
        world.table.keeps_text = True
        await filled(world)
        erasure = watched(world)
        assert erasure.due() is None
        for number in range(20):
            world.end(f"k{number:03}", EventKind.PURGE)
        async with asyncio.timeout(10):
            await world.feeds[0].erased(world.truth.position)
        assert (world.table.unerased, erasure.due()) == (0, None)
        assert 1 <= world.table.rebuilds <= 5
        assert agree(world)


async def test_a_purge_during_a_rebuild_leads_to_another_one() -> None:
    async with World() as world:
        world.table.keeps_text = True
        await filled(world)
        watched(world)
        loading, go, load = asyncio.Event(), asyncio.Event(), world.table.load

        async def held_up(rows: Any) -> None:
            await load(rows)
            loading.set()
            await go.wait()

        world.table.load = held_up  # type: ignore[method-assign]
        world.end("k001", EventKind.PURGE)
        await loading.wait()
        world.end("k002", EventKind.PURGE)
        go.set()
        async with asyncio.timeout(10):
            await world.feeds[0].erased(world.truth.position)
        assert world.table.rebuilds == 2
        assert agree(world)


async def test_a_restart_with_text_left_in_the_files_goes_on_erasing() -> None:
    world = World()
    world.truth.put("a", "Thing")
    world.truth.end("a", EventKind.PURGE)
    world.table.position, world.table.unerased = 2, 2
    async with world:
        watched(world)
        async with asyncio.timeout(10):
            await world.feeds[0].erased(2)
        assert world.table.rebuilds == 1


async def test_an_index_of_another_ledger_is_built_anew_and_used_only_then() -> None:
    other = World()
    async with other:
        for number in range(9):
            other.put(f"foreign{number}", "Theirs")
        await other.caught_up()
    world = World()
    world.table.rows, world.table.position = other.table.rows, 9
    world.truth.put("mine", "Mine")
    async with world:
        async with asyncio.timeout(10):
            await world.feeds[0].news.wait()
        assert world.feeds[0].foreign
        with pytest.raises(Unavailable):
            await world.verification(patience_s=0.02).stretch("", 10, repair=False)
        erasure = watched(world)
        assert erasure.due() == FOREIGN != PURGED
        world.put("later", "Mine")
        async with asyncio.timeout(10):
            await world.feeds[0].reached(2)
        assert set(world.table.rows) == {"mine", "later"}
        assert await clean(world)
