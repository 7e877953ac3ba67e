"""Upkeep over the real stores: SQLite, Milvus Lite and graph files, in process, while callers write and search."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import graph, ledger, vector
from engine.config import Settings, load
from engine.embed.hashing import HashingEmbedder
from engine.errors import InvalidInput, NotFound
from engine.in_process import in_process
from engine.memory import Memory
from engine.types import Change, EventKind, Json, MemoryVersion, Mending
from tests.unit.test_degraded import Capitals

DIMENSIONS = 16
USERS = ("ann", "bob", "cy")
KEPT = 30
SEEDS = 3
CANARY = "Rumpelstiltskin"
# Behind all others: mending it has the vector index built anew, and that mends all that was not looked at before.
FOREIGN = "ffffffff-ffff-8fff-8fff-ffffffffffff"


class Stores:
    """A shard's files, and a memory system over them."""

    def __init__(self, folder: Path) -> None:
        self.settings: Settings = load(data_dir=folder, search={"leg_deadline_s": 20})
        self.folder = folder

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Stores]:
        embedder = HashingEmbedder(DIMENSIONS)
        self.ledger = ledger.build(self.settings)
        self.vector = vector.build(self.settings, 0, await embedder.info())
        self.graph = graph.build(self.settings, 0)
        self.memory: Memory = in_process(
            self.settings,
            embedder=embedder,
            recogniser=Capitals(),
            ledger_=self.ledger,
            vector=self.vector,
            graph_=self.graph,
        )
        await self.memory.start()
        try:
            yield self
        finally:
            await self.memory.close()
            for part in (self.vector, self.graph, self.ledger):
                await part.close()

    async def fill(self, count: int) -> list[str]:
        items = [{"messages": f"Thing {n} of Berlin", "user_id": USERS[n % 3]} for n in range(count)]
        answers = await self.memory.add_batch(items)
        return [answer["results"][0]["id"] for answer in answers]

    async def verified(self, limit: int, *, repair: bool = False) -> dict[str, dict[str, str]]:
        """Per index what differs; what is repaired must be right afterwards."""
        differs: dict[str, dict[str, str]] = {"vector": {}, "graph": {}}
        cursor: str | None = None
        while True:
            answer = await self.memory.verify(cursor=cursor, limit=limit, repair=repair)
            for one in answer["differences"]:
                differs[one["index"]][one["memory_id"]] = one["problem"]
                assert one["repaired"] is repair
            assert (answer["problems"], answer["repaired"]) == ([], len(answer["differences"]) if repair else 0)
            cursor = answer["next"]
            if cursor is None:
                return differs

    def bytes_of_files(self) -> bytes:
        found = b""
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with suppress(FileNotFoundError):  # a rebuild removes the old files
                    found += Path(folder, name).read_bytes()
        return found


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with Stores(tmp_path).opened() as opened:
        yield opened


async def plant(stores: Stores, ids: list[str]) -> dict[str, dict[str, str]]:
    """Spoil both indexes; per index what a verification has to find. The first ids are not touched by anybody else."""
    live = await stores.ledger.rows(ids)
    rows = {version.memory_id: (version, vector) for version, vector in zip(live.versions, live.vectors, strict=True)}
    planted: dict[str, dict[str, str]] = {}
    for name, store in (("vector", stores.vector), ("graph", stores.graph)):
        found = planted.setdefault(name, {})
        for memory_id, how in zip(ids, ("drop", "stale", "payload", "vector", "scope"), strict=False):
            if (name, how) == ("graph", "vector"):
                continue
            version, vector_ = rows[memory_id]
            await spoil(store.mend, version, vector_, how)
            found[memory_id] = {"drop": "missing", "stale": "stale"}.get(how, "different")
        version, vector_ = rows[ids[-1]]
        await spoil(store.mend, replace(version, memory_id=FOREIGN), vector_, "foreign")
        found[FOREIGN] = "unknown"
    return planted


async def spoil(
    mend: Callable[[Mending], Awaitable[Any]], version: MemoryVersion, vector_: np.ndarray[Any, Any], how: str
) -> None:
    at = version.live_from
    await mend(Mending((Change(at, EventKind.DELETE, version.memory_id, version.project, None),), vector_[:0, None]))
    match how:
        case "drop":
            return
        case "stale":
            version = replace(version, live_from=at - 1)
        case "payload":
            version = replace(version, expiration_date="2999-01-01")
        case "vector":
            vector_ = np.nextafter(vector_, np.float32(9))
        case "scope":
            version = replace(version, scope=replace(version.scope, run_id="another"))
    change = Change(version.live_from, EventKind.ADD, version.memory_id, version.project, version)
    await mend(Mending((change,), vector_[None]))


async def write(memory: Memory, dice: random.Random, mine: list[str], until: asyncio.Event) -> None:
    """Adds, updates and deletes of memories that nobody else touches."""
    number = 0
    while not until.is_set():
        number += 1
        if len(mine) < 5 or dice.random() < 0.5:
            added = await memory.add(f"Item {number} of Bonn", user_id=dice.choice(USERS))
            mine.append(added["results"][0]["id"])
        elif dice.random() < 0.5:
            await memory.update(dice.choice(mine), text=f"Item {number} of Cologne")
        else:
            await memory.delete(mine.pop(dice.randrange(len(mine))))


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_whatever_is_planted_is_found_and_mended_while_callers_write(stores: Stores, seed: int) -> None:
    dice = random.Random(seed)
    ids = await stores.fill(KEPT)
    await stores.memory.indexes_at(KEPT)
    await stores.memory.search("Thing", user_id="ann")
    planted = await plant(stores, dice.sample(ids, k=8))
    until = asyncio.Event()
    writing = asyncio.ensure_future(write(stores.memory, dice, [], until))
    try:
        assert await stores.verified(dice.choice([3, 10, 1000])) == planted
        assert await stores.verified(dice.choice([3, 10, 1000]), repair=True) == planted
        assert await stores.verified(1000) == {"vector": {}, "graph": {}}
    finally:
        until.set()
        await writing
    assert await stores.verified(7) == {"vector": {}, "graph": {}}
    found = await stores.memory.search("Thing", user_id="ann", top_k=100, threshold=0.0)
    assert found["degraded"] == []
    assert len([one for one in found["results"] if one["memory"].startswith("Thing")]) == KEPT / 3


async def built(memory: Memory, index: str) -> Json:
    async with asyncio.timeout(60):
        while (answer := await memory.rebuild(index, start=False))["state"] == "RUNNING":
            await asyncio.sleep(0.01)
    return answer


@pytest.mark.parametrize("index", ["vector", "graph"])
async def test_nothing_is_missing_after_a_rebuild_while_callers_write_and_search(stores: Stores, index: str) -> None:
    dice = random.Random(index)
    ids = await stores.fill(KEPT)
    until, searches = asyncio.Event(), 0

    async def search() -> None:
        nonlocal searches
        while not until.is_set():
            found = await stores.memory.search("Thing of Berlin", user_id="ann", top_k=100, threshold=0.0)
            assert found["degraded"] == []
            assert len([one for one in found["results"] if one["memory"].startswith("Thing")]) == KEPT / 3
            searches += 1

    tasks = [asyncio.ensure_future(write(stores.memory, dice, [], until)), asyncio.ensure_future(search())]
    for _ in range(2):
        begun = await stores.memory.rebuild(index)
        assert (begun["index"], begun["state"], len(begun["shards"])) == (index, "RUNNING", 1)
        answer = await built(stores.memory, index)
        assert (answer["state"], answer["error"]) == ("DONE", None)
        assert answer["done"] >= KEPT
    until.set()
    await asyncio.gather(*tasks)
    assert searches > 0
    assert await stores.verified(1000) == {"vector": {}, "graph": {}}
    assert (await stores.memory.status())["upkeep"][index]["state"] == "DONE"
    assert (await stores.memory.get(ids[0]))["memory"] == "Thing 0 of Berlin"


async def test_what_is_purged_is_in_no_file(tmp_path: Path) -> None:
    kept = Stores(tmp_path)
    async with kept.opened() as stores:
        await stores.fill(5)
        secret = {"messages": f"{CANARY} lives in Bonn", "user_id": CANARY, "metadata": {"name": CANARY}}
        added = (await stores.memory.add_batch([secret, {**secret, "messages": f"{CANARY} again"}]))[0]
        memory_id = added["results"][0]["id"]
        await stores.memory.update(memory_id, text=f"{CANARY} moved")
        await stores.memory.delete(memory_id)
        await stores.memory.search(CANARY, user_id=CANARY)
        await stores.graph.save()
        assert CANARY.encode() in stores.bytes_of_files()
        purged = await stores.memory.purge(user_id=CANARY)
        assert (purged["count"], purged["degraded"]) == (2, [])
        assert CANARY.encode() not in stores.bytes_of_files()
        assert await stores.verified(1000) == {"vector": {}, "graph": {}}
    assert CANARY.encode() not in kept.bytes_of_files()


async def test_repair_takes_what_must_not_be_there_out_of_the_files(stores: Stores) -> None:
    ids = await stores.fill(3)
    rows = await stores.ledger.rows(ids[:1])
    foreign = replace(rows.versions[0], memory_id=FOREIGN, text=CANARY)
    await spoil(stores.vector.mend, foreign, rows.vectors[0], "foreign")
    assert (await stores.verified(1000, repair=True))["vector"] == {FOREIGN: "unknown"}
    async with asyncio.timeout(60):
        while CANARY.encode() in stores.bytes_of_files():
            await asyncio.sleep(0.05)
    assert await stores.verified(1000) == {"vector": {}, "graph": {}}


async def test_files_of_another_ledger_are_built_anew(tmp_path: Path) -> None:
    old = Stores(tmp_path)
    async with old.opened() as stores:
        await stores.fill(KEPT)
        await stores.memory.indexes_at(KEPT)
    for path in tmp_path.glob("ledger*"):
        path.unlink()
    async with old.opened() as stores:
        added = await stores.memory.add("Hamburg in May", user_id="ann")
        await stores.memory.indexes_at(added["position"])
        found = await stores.memory.search("Thing of Berlin in May", user_id="ann", threshold=0.0)
        assert ([one["memory"] for one in found["results"]], found["degraded"]) == (["Hamburg in May"], [])
        assert await stores.verified(1000) == {"vector": {}, "graph": {}}
        upkeep = (await stores.memory.status())["upkeep"]
        assert all("another" in one["reason"] for one in upkeep.values())


async def test_wrong_requests_of_upkeep_are_refused(stores: Stores) -> None:
    for wrong in ({"cursor": "x"}, {"cursor": 5}, {"limit": 0}, {"limit": 5001}, {"repair": "yes"}, {"project": "p"}):
        with pytest.raises(InvalidInput):
            await stores.memory.verify(**wrong)
    for index, fields in (("ledger", {}), ("", {}), (None, {}), ("graph", {"start": "yes"}), ("graph", {"x": 1})):
        with pytest.raises(InvalidInput):
            await stores.memory.rebuild(index, **fields)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        await stores.memory.get(FOREIGN)
