"""Indexes compared with the ledger: what is wrong is found and mended, what is only on its way is left alone."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import numpy as np
import pytest

from engine.errors import Unavailable
from engine.types import AuditAnswer, AuditRow, Change, ChangeBatch, EventKind, Mending, Scope
from engine.upkeep.comparison import Expected, Problem, compare
from engine.upkeep.verify import Stretch
from tests.unit.upkeep_world import World, vector_of, version_of

SEEDS = range(25)


def found(stretch: Stretch, index: str = "vector") -> dict[str, str]:
    (verdict,) = [one for one in stretch.verdicts if one.index == index]
    return {one.memory_id: one.problem.value for one in verdict.differences}


def left(stretch: Stretch) -> set[str]:
    return {memory_id for verdict in stretch.verdicts for memory_id in verdict.left}


async def everything(world: World, limit: int, *, repair: bool = False) -> tuple[dict[str, dict[str, str]], set[str]]:
    """All stretches: per index what differs, and all that is left."""
    verification, after = world.verification(), ""
    differs: dict[str, dict[str, str]] = {"vector": {}, "graph": {}}
    remains: set[str] = set()
    while True:
        stretch = await verification.stretch(after, limit, repair=repair)
        for name, already in differs.items():
            fresh = found(stretch, name)
            assert not fresh.keys() & already.keys()
            already.update(fresh)
        remains |= left(stretch)
        if stretch.after is None:
            return differs, remains
        after = stretch.after


def test_every_kind_of_difference_is_told_apart() -> None:
    expected = {name: Expected(5, b"d") for name in ("fine", "missing", "stale", "different", "ahead")}
    held = [
        AuditRow("fine", 5, b"d"),
        AuditRow("stale", 4, b"c"),
        AuditRow("different", 5, b"x"),
        AuditRow("ahead", 6, b"d"),
        AuditRow("foreign", 1, b"f"),
    ]
    assert [(one.memory_id, one.problem) for one in compare(expected, held)] == [
        ("ahead", Problem.DIFFERENT),
        ("different", Problem.DIFFERENT),
        ("foreign", Problem.UNKNOWN),
        ("missing", Problem.MISSING),
        ("stale", Problem.STALE),
    ]


def test_any_content_will_do_where_the_ledger_does_not_know_it() -> None:
    assert compare({"a": Expected(5, None)}, [AuditRow("a", 5, b"whatever")]) == []
    assert len(compare({"a": Expected(5, None)}, [AuditRow("a", 4, b"whatever")])) == 1


def test_a_memory_that_is_held_twice_is_wrong_if_one_of_them_is() -> None:
    twice = [AuditRow("a", 5, b"d"), AuditRow("a", 5, b"other")]
    assert [one.found for one in compare({"a": Expected(5, b"d")}, twice)] == [twice[1]]
    assert compare({"a": Expected(5, b"d")}, [twice[0], twice[0]]) == []


async def test_what_agrees_has_no_differences_and_every_memory_is_checked_once() -> None:
    async with World() as world:
        for number in range(25):
            world.put(f"m{number:02}", f"Thing {number}")
        verification, checked = world.verification(), []
        after: str | None = ""
        while after is not None:
            stretch = await verification.stretch(after, 10, repair=False)
            assert (found(stretch), found(stretch, "graph"), left(stretch)) == ({}, {}, set())
            checked.append(stretch.checked)
            after = stretch.after
        assert checked == [10, 10, 5]


async def test_what_stands_behind_the_last_memory_and_before_the_first_is_found() -> None:
    async with World() as world:
        await world.feeds[0].known()
        for memory_id in ("a", "z"):
            world.table.rows[memory_id] = version_of(memory_id, "foreign", 1), vector_of("foreign")
        assert (await everything(world, 10))[0]["vector"] == {"a": "unknown", "z": "unknown"}
        world.put("m", "Thing")
        for limit in (1, 2):
            assert (await everything(world, limit))[0]["vector"] == {"a": "unknown", "z": "unknown"}


async def plant(world: World, dice: random.Random) -> dict[str, dict[str, str]]:
    """Spoil both indexes at random; per index what a verification has to find."""
    planted: dict[str, dict[str, str]] = {"vector": {}, "graph": {}}
    ids = dice.sample(sorted(world.truth.live_now), k=8)
    for memory_id, how in zip(ids[:5], ("drop", "stale", "payload", "vector", "scope"), strict=True):
        version, vector = world.table.rows[memory_id]
        match how:
            case "drop":
                del world.table.rows[memory_id]
            case "stale":
                world.table.rows[memory_id] = replace(version, live_from=version.live_from - 1), vector
            case "payload":
                world.table.rows[memory_id] = replace(version, metadata={"altered": True}), vector
            case "vector":
                world.table.rows[memory_id] = version, np.nextafter(vector, np.float32(9))
            case _:
                world.table.rows[memory_id] = replace(version, scope=Scope(user_id="ben")), vector
        planted["vector"][memory_id] = {"drop": "missing", "stale": "stale"}.get(how, "different")
    foreign = f"f{dice.randrange(100)}"
    world.table.rows[foreign] = version_of(foreign, "foreign", 1), vector_of("foreign")
    planted["vector"][foreign] = "unknown"
    spoilt = []
    for memory_id, how in zip(ids[5:], ("drop", "entities", "stale"), strict=True):
        version = world.truth.live_now[memory_id][0]
        at = version.live_from
        spoilt.append(Change(at, EventKind.DELETE, memory_id, "p", None))
        if how == "entities":
            spoilt.append(Change(at, EventKind.ADD, memory_id, "p", replace(version, entities=())))
        elif how == "stale":
            spoilt.append(Change(at - 1, EventKind.ADD, memory_id, "p", replace(version, live_from=at - 1)))
        planted["graph"][memory_id] = {"drop": "missing", "stale": "stale"}.get(how, "different")
    spoilt.append(Change(1, EventKind.ADD, foreign, "q", version_of(foreign, "foreign", 1)))
    planted["graph"][foreign] = "unknown"
    await world.graph.mend(Mending(tuple(spoilt), np.zeros((0, 0), np.float32)))
    return planted


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_is_planted_is_found_and_nothing_else_while_writes_go_on(seed: int) -> None:
    dice = random.Random(seed)
    async with World() as world:
        for number in range(100):
            world.put(f"k{number:03}", f"Thing {number}")
        await world.caught_up()
        planted = await plant(world, dice)
        stop = asyncio.Event()

        async def write() -> None:
            for number in range(2000):
                if stop.is_set():
                    break
                world.scribble(dice, number)
                for _ in range(dice.randrange(3)):
                    await asyncio.sleep(0)

        writing = asyncio.ensure_future(write())
        for repair in (False, True):
            differs, remains = await everything(world, dice.choice([7, 20, 1000]), repair=repair)
            assert differs == planted
            assert remains == (set() if repair else {*planted["vector"], *planted["graph"]})
        assert await everything(world, 50) == ({"vector": {}, "graph": {}}, set())
        stop.set()
        await writing
        await world.caught_up()
        assert await everything(world, 50) == ({"vector": {}, "graph": {}}, set())
        assert {memory_id: row[0] for memory_id, row in world.table.rows.items()} == {
            memory_id: row[0] for memory_id, row in world.truth.live_now.items()
        }


async def test_a_memory_that_is_deleted_while_it_is_mended_stays_deleted() -> None:
    async with World() as world:
        world.put("a", "Thing")
        await world.caught_up()
        del world.table.rows["a"]
        mend = world.table.mend
        begun, go = asyncio.Event(), asyncio.Event()

        async def slowly(mending: Mending) -> object:
            begun.set()
            await go.wait()
            return await mend(mending)

        world.table.mend = slowly  # type: ignore[method-assign,assignment]
        repairing = asyncio.ensure_future(world.verification().stretch("", 10, repair=True))
        await begun.wait()
        world.end("a")
        go.set()
        await repairing
        await world.caught_up()
        assert world.table.rows == {}


async def test_a_memory_that_comes_and_goes_between_two_looks_is_not_wrong() -> None:
    async with World() as world:
        await world.caught_up()
        look = world.table.audit
        looks = 0

        async def meanwhile(after: str, until: str | None) -> AuditAnswer:
            """In each of the first three looks the index holds what the ledger has had and has again no more."""
            nonlocal looks
            looks += 1
            if looks > 3:
                return await look(after, until)
            world.put("a", f"Thing {looks}")
            await world.caught_up()
            answer = await look(after, until)
            world.end("a")
            return answer

        world.table.audit = meanwhile  # type: ignore[method-assign]
        assert await everything(world, 10) == ({"vector": {}, "graph": {}}, set())
        assert looks == 4


async def test_an_index_that_does_not_come_as_far_is_named() -> None:
    async with World() as world:
        world.put("a", "Thing")
        await world.caught_up()
        stuck = asyncio.Event()

        async def hang(batch: ChangeBatch) -> object:
            await stuck.wait()
            return None

        world.table.apply = hang  # type: ignore[method-assign,assignment]
        world.put("b", "Thing")
        with pytest.raises(Unavailable) as error:
            await world.verification(patience_s=0.05).stretch("", 10, repair=False)
        assert error.value.details["index"] == "vector"


async def test_an_index_that_loses_everything_meanwhile_is_waited_for() -> None:
    async with World() as world:
        for number in range(5):
            world.put(f"m{number}", f"Thing {number}")
        await world.caught_up()
        world.table.rows.clear()
        world.table.position = 0
        world.table.restart()
        assert await everything(world, 10) == ({"vector": {}, "graph": {}}, set())
