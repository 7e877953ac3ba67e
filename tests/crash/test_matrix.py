"""Every actor dies at every point of every kind of write; afterwards all three stores hold its effect exactly once.

The ledger is a SQLite file and the graph a snapshot file, read anew after a death. The vector store is in memory (it
comes back empty) or a Milvus Lite file.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from engine import index_feed
from engine.concurrency import Pauses
from engine.errors import RemoraError
from engine.faults import WritePoint
from engine.filters import Everything
from engine.graph_port import GraphQuery
from engine.ledger.store import SqlLedger
from engine.memory import Memory
from engine.ports import VectorQuery
from engine.types import Entity, Json
from tests.crash.mortal import ACTORS, DIMENSIONS, LEDGER, World

PATIENCE_S = 30.0
KEY = "the one send"
SEEDED = {"first": "the first fact", "second": "the second fact", "of bob": "a fact of bob"}
HELD = "an earlier fact"

Ids: TypeAlias = dict[str, str]


@dataclass(frozen=True, slots=True)
class Write:
    """A write: how it is sent, what is live after it, and how many events it makes.

    `held`: whether the add that was accepted before it is live afterwards, where there is one.
    """

    send: Callable[[Memory, Ids], Awaitable[Json]]
    live: frozenset[str]
    events: int
    held: bool = True
    erases: str | None = None


def without(*names: str) -> frozenset[str]:
    return frozenset(text for name, text in SEEDED.items() if name not in names)


WRITES: dict[str, Write] = {
    "add": Write(
        lambda memory, _: memory.add(
            [{"role": "user", "content": "a new fact"}, {"role": "user", "content": "a newer fact"}],
            user_id="ann",
            idempotency_key=KEY,
        ),
        without() | {"a new fact", "a newer fact"},
        2,
    ),
    "update": Write(
        lambda memory, ids: memory.update(ids["first"], text="a corrected fact", idempotency_key=KEY),
        without("first") | {"a corrected fact"},
        1,
    ),
    "delete": Write(lambda memory, ids: memory.delete(ids["first"], idempotency_key=KEY), without("first"), 1),
    "delete_all of a user": Write(
        lambda memory, _: memory.delete_all(user_id="ann", idempotency_key=KEY), without("first", "second"), 2, False
    ),
    "delete_all of an agent": Write(
        lambda memory, _: memory.delete_all(agent_id="helper", idempotency_key=KEY), without("of bob"), 1
    ),
    "purge": Write(
        lambda memory, ids: memory.purge(memory_id=ids["first"], idempotency_key=KEY),
        without("first"),
        1,
        erases="the first fact",
    ),
    "purge of a user": Write(
        lambda memory, _: memory.purge(user_id="ann", idempotency_key=KEY),
        without("first", "second"),
        2,
        False,
        erases="the second fact",
    ),
}
ASK_MODELS = ("add", "update")


@dataclass(frozen=True, slots=True)
class Case:
    """Who dies where, over which write."""

    point: WritePoint
    actor: str
    write: str

    def __str__(self) -> str:
        return f"{self.actor}-{self.point.value}-{self.write}"

    @property
    def behind(self) -> bool:
        """Whether it needs an earlier write in its lane, to be accepted before it is committed."""
        return self.point is WritePoint.AFTER_ACCEPT and self.write not in ASK_MODELS


PAIRS = list(product(WritePoint, ACTORS))
ALL = [Case(point, actor, write) for point, actor in PAIRS for write in WRITES]
OTHERS = [write for write in WRITES if write != "add"]
QUICK = [
    Case(point, actor, write)
    for number, (point, actor) in enumerate(PAIRS)
    for write in ("add", OTHERS[(number + number // len(ACTORS)) % len(OTHERS)])
]
"""Every actor at every point: an add, and one of the other writes in turn."""
QUICK_ON_LITE = [
    Case(WritePoint.AFTER_COMMIT, "vector store", "add"),
    Case(WritePoint.BETWEEN_APPLIES, "orchestrator", "add"),
]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried again soon: the pauses between are no part of what is tested."""
    monkeypatch.setattr(index_feed, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(Pauses, "first_s", 0.001)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a ledger that has its tables: making them anew for every case takes longer than the case."""
    directory = tmp_path_factory.mktemp("fresh")

    async def make() -> None:
        ledger = SqlLedger(f"sqlite:///{directory / LEDGER}", readers=1)
        await ledger.open()
        await ledger.close()

    asyncio.run(make())
    return directory


@pytest.mark.parametrize("case", QUICK, ids=Case.__str__)
async def test_a_write_survives_the_death_of(case: Case, fresh: Path, tmp_path: Path) -> None:
    await one_death(case, fresh, tmp_path, lite=False)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in ALL if case not in QUICK], ids=Case.__str__)
async def test_every_other_write_survives_the_death_of(case: Case, fresh: Path, tmp_path: Path) -> None:
    await one_death(case, fresh, tmp_path, lite=False)


@pytest.mark.parametrize("case", QUICK_ON_LITE, ids=Case.__str__)
async def test_a_write_survives_with_milvus_lite_the_death_of(case: Case, fresh: Path, tmp_path: Path) -> None:
    await one_death(case, fresh, tmp_path, lite=True)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in QUICK if case not in QUICK_ON_LITE], ids=Case.__str__)
async def test_other_writes_survive_with_milvus_lite_the_death_of(case: Case, fresh: Path, tmp_path: Path) -> None:
    await one_death(case, fresh, tmp_path, lite=True)


async def one_death(case: Case, fresh: Path, directory: Path, *, lite: bool) -> None:
    wanted, actor = WRITES[case.write], case.actor
    async with asyncio.timeout(PATIENCE_S), seeded(fresh, directory, lite=lite) as (world, ids):
        if case.behind:
            await an_earlier_add(world)
        met = world.life.met
        world.life.at(case.point, lambda: world.kill(actor))
        answer = asyncio.ensure_future(wanted.send(world.memory, ids))
        await first_of(met.wait())
        world.models_open.set()
        await first_of(answer, world.met_dead(actor))
        await world.recover(actor)
        first = await outcome(answer) if actor != "orchestrator" else None
        if case.point is WritePoint.BEFORE_ACCEPT and actor == "orchestrator":
            await check(world, frozenset(SEEDED.values()), len(SEEDED))
        again = await wanted.send(world.memory, ids)

        assert again["status"] == "SUCCEEDED"
        if first is not None:
            assert same(again, first)
        live, events = wanted.live, len(SEEDED) + wanted.events
        if case.behind:
            live, events = (live | {HELD}, events + 1) if wanted.held else (live, events + 2)
        await check(world, live, events)
        if wanted.erases is not None:
            assert wanted.erases not in await everything_told(world)
            assert lite or not world.files_that_hold(wanted.erases)


def same(one: Json, other: Json) -> bool:
    """Answers of one operation: what is late is said as it is then."""
    return {**one, "degraded": None} == {**other, "degraded": None}


@asynccontextmanager
async def seeded(fresh: Path, directory: Path, *, lite: bool) -> AsyncIterator[tuple[World, Ids]]:
    """Three memories of two users, in all three stores."""
    world = World(fresh, directory, lite=lite)
    try:
        await world.memory.start()
        ann = await world.memory.add(
            [{"role": "user", "content": SEEDED["first"]}, {"role": "user", "content": SEEDED["second"]}], user_id="ann"
        )
        bob = await world.memory.add(SEEDED["of bob"], user_id="bob", agent_id="helper")
        made = [row["id"] for row in (*ann["results"], *bob["results"])]
        yield world, dict(zip(SEEDED, made, strict=True))
    finally:
        world.models_open.set()
        await world.close()


async def an_earlier_add(world: World) -> None:
    """One of the same lane that is accepted and waits for its model: whoever comes next is accepted, and waits."""
    world.models_open.clear()
    accepted = await world.memory.add(HELD, user_id="ann", wait=False)
    assert accepted["status"] == "PENDING"


async def outcome(answer: asyncio.Future[Json]) -> Json | None:
    """What the caller hears; an error leaves it not knowing."""
    try:
        return await answer
    except RemoraError:
        return None


async def first_of(*waits: Any) -> None:
    """Until one of them is done."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task, wait in zip(tasks, waits, strict=True):
        if task is not wait:
            task.cancel()


async def check(world: World, live: frozenset[str], events: int) -> None:
    """All three stores hold exactly these texts, the ledger made exactly so many events, and `verify` agrees."""
    ledger = world.parts["ledger"].port
    await wake_up(world)
    await world.memory.indexes_at(events)
    page = await ledger.page("default", Everything(), 0, 1000)
    told = {version.memory_id: version.text for version in page.versions}
    assert sorted(told.values()) == sorted(live)
    stream = await ledger.changes(0, 1000)
    assert [change.position for change in stream.changes] == list(range(1, events + 1))
    assert not await ledger.unfinished()
    assert await in_the_vector_store(world) == told
    assert await in_the_graph(world) == set(told)
    assert await found_by_verify(world.memory) == []


async def wake_up(world: World) -> None:
    """A search tells the feeds what an index has lost, as any user's does."""
    await world.memory.search("fact", user_id="ann")


async def in_the_vector_store(world: World) -> dict[str, str]:
    everything = VectorQuery("default", Everything(), 1000, vector=np.ones(DIMENSIONS, dtype=np.float32))
    answer = await world.parts["vector store"].port.search([everything])
    hits = answer.hits[0]
    assert len({hit.version.memory_id for hit in hits}) == len(hits)
    return {hit.version.memory_id: hit.version.text for hit in hits}


async def in_the_graph(world: World) -> set[str]:
    answer = await world.parts["graph store"].port.search([GraphQuery("default", (Entity("fact"),), 1000)])
    return {hit.memory_id for hit in answer.hits[0]}


async def found_by_verify(memory: Memory) -> list[Any]:
    found: list[Any] = []
    cursor: str | None = None
    while True:
        answer = await memory.verify(cursor=cursor, limit=100)
        found += [*answer["differences"], *answer["problems"]]
        cursor = answer["next"]
        if cursor is None:
            return found


async def everything_told(world: World) -> str:
    """What the system answers about all that it has, and the whole of its ledger."""
    memory, ledger = world.memory, world.parts["ledger"].port
    stream = await ledger.changes(0, 1000)
    listed = await memory.list(user_id="*", page_size=1000)
    operations = await memory.operations(page_size=1000)
    return f"{stream.changes} {listed} {operations}"
