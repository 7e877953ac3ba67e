"""The disk is full under the ledger: new writes are refused at once, what was acknowledged waits and is all there."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from engine.concurrency import Pauses
from engine.config import RuntimeSettings, Settings
from engine.errors import Unavailable
from engine.in_process import in_process
from engine.ledger.store import SqlLedger
from engine.ledger_port import Command, Commit, WriteAnswer
from engine.memory import Memory
from engine.types import Json
from engine.vector.memory import InMemoryVectorStore
from tests.crash.mortal import DIMENSIONS, HeldEmbedder

PATIENCE_S = 30.0
DEADLINE_S = 10.0
AT_ONCE_S = 3.0
MANY = 8
LONG: Json = {"note": "so much that it needs pages of its own " * 300}


class Disk:
    """Every connection to a SQLite file, and how many pages it may have."""

    def __init__(self) -> None:
        self._connections: list[sqlite3.Connection] = []

    def connected(self, connection: sqlite3.Connection, _: Any) -> None:
        self._connections.append(connection)

    def fill(self) -> None:
        """Let no file grow any more."""
        self._limit(1)  # SQLite never goes below what there is.

    def free(self) -> None:
        self._limit(1_000_000)

    def _limit(self, pages: int) -> None:
        for connection in self._connections:
            with suppress(sqlite3.ProgrammingError):  # It is closed.
                connection.execute(f"PRAGMA max_page_count = {pages}")


@pytest.fixture
def disk() -> Iterator[Disk]:
    one = Disk()
    event.listen(Engine, "connect", one.connected)
    yield one
    event.remove(Engine, "connect", one.connected)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pauses, "longest_s", 0.02)


class Watched(SqlLedger):
    """`promise_refused` is set when a commit of something that is accepted did not fit, `promise_kept` when it did."""

    def __init__(self, url: str) -> None:
        super().__init__(url, readers=1)
        self.promise_refused = asyncio.Event()
        self.promise_kept = asyncio.Event()

    async def write(self, epoch: int, commands: Sequence[Command]) -> WriteAnswer:
        promised = any(isinstance(command, Commit) for command in commands)
        try:
            answer = await super().write(epoch, commands)
        except Unavailable:
            if promised:
                self.promise_refused.set()
            raise
        if promised:
            self.promise_kept.set()
        return answer


class System:
    """A memory system over a ledger in a file, whose embedder computes while `models_open` is set."""

    def __init__(self, path: Path) -> None:
        self.models_open = asyncio.Event()
        self.models_open.set()
        self.ledger = Watched(f"sqlite:///{path}")
        self.memory: Memory = in_process(
            Settings(runtime=RuntimeSettings(deadline_s=DEADLINE_S)),
            embedder=HeldEmbedder(self.models_open),
            ledger_=self.ledger,
            vector=InMemoryVectorStore(DIMENSIONS),
        )

    async def close(self) -> None:
        await self.memory.close()
        await self.ledger.close()


@pytest.fixture
async def system(tmp_path: Path, disk: Disk) -> AsyncIterator[System]:
    one = System(tmp_path / "ledger.db")
    await one.memory.start()
    await one.memory.add("what was there before", user_id="ann")
    one.ledger.promise_kept.clear()
    yield one
    disk.free()
    await one.close()


async def adds(system: System, *, wait: bool = True) -> list[Any]:
    """So many long adds of as many users, each with its answer or its error."""
    sent = [
        system.memory.add("a fact", user_id=f"user {number}", metadata=LONG, wait=wait, idempotency_key=f"key {number}")
        for number in range(MANY)
    ]
    async with asyncio.timeout(PATIENCE_S):
        return await asyncio.gather(*sent, return_exceptions=True)


def assert_refused(outcome: Any) -> None:
    assert isinstance(outcome, Unavailable)
    assert outcome.details["rolled_back"]
    assert "full" in str(outcome)


async def differences(memory: Memory) -> list[Any]:
    answer = await memory.verify(limit=1000)
    assert answer["next"] is None
    return [*answer["differences"], *answer["problems"]]


async def done(system: System, accepted: list[Json]) -> None:
    """Sent again with its key, each answers when it is done."""
    async with asyncio.timeout(PATIENCE_S):
        await system.ledger.promise_kept.wait()
    answers = await adds(system)
    assert [answer["status"] for answer in answers] == ["SUCCEEDED"] * MANY
    assert [answer["operation_id"] for answer in answers] == [one["operation_id"] for one in accepted]


async def test_new_writes_are_refused_at_once_and_nothing_of_them_is_there(system: System, disk: Disk) -> None:
    disk.fill()
    began_s = time.monotonic()

    outcomes = await adds(system)

    assert time.monotonic() - began_s < AT_ONCE_S
    for outcome in outcomes:
        assert_refused(outcome)
    assert (await system.memory.operations())["count"] == 1
    assert not await system.ledger.unfinished()


async def test_reads_go_on_while_the_disk_is_full(system: System, disk: Disk) -> None:
    disk.fill()
    await adds(system)

    assert (await system.memory.list(user_id="*"))["count"] == 1
    assert len((await system.memory.search("what was there", user_id="ann"))["results"]) == 1


async def test_the_same_writes_take_effect_once_there_is_space(system: System, disk: Disk) -> None:
    disk.fill()
    await adds(system)
    disk.free()

    answers = await adds(system)

    assert [answer["status"] for answer in answers] == ["SUCCEEDED"] * MANY
    assert (await system.memory.list(user_id="*"))["count"] == 1 + MANY
    assert await differences(system.memory) == []


async def full_with_promises(system: System, disk: Disk) -> list[Json]:
    """Adds that were acknowledged before the disk was full, and are to commit now."""
    system.models_open.clear()
    accepted = await adds(system, wait=False)
    disk.fill()
    system.models_open.set()
    assert [answer["status"] for answer in accepted] == ["PENDING"] * MANY
    async with asyncio.timeout(PATIENCE_S):
        await system.ledger.promise_refused.wait()
    return accepted


async def test_what_was_acknowledged_is_committed_once_there_is_space(system: System, disk: Disk) -> None:
    accepted = await full_with_promises(system, disk)
    with pytest.raises(Unavailable):
        await system.memory.add("too late", user_id="late", metadata=LONG)
    disk.free()

    await done(system, accepted)

    assert (await system.memory.list(user_id="*"))["count"] == 1 + MANY
    assert await differences(system.memory) == []


async def test_while_promises_wait_for_space_new_writes_are_refused_at_once(system: System, disk: Disk) -> None:
    await full_with_promises(system, disk)
    began_s = time.monotonic()

    for outcome in await asyncio.gather(
        *[system.memory.add("too late", user_id=f"late {number}", metadata=LONG) for number in range(MANY)],
        return_exceptions=True,
    ):
        assert_refused(outcome)

    assert time.monotonic() - began_s < AT_ONCE_S
    listed = await system.memory.operations(page_size=100)
    assert [one["status"] for one in listed["results"]].count("SUCCEEDED") == 1
    assert listed["count"] == 1 + MANY


async def test_promises_outlive_a_restart_on_a_full_disk(system: System, disk: Disk, tmp_path: Path) -> None:
    accepted = await full_with_promises(system, disk)
    await system.close()
    again = System(tmp_path / "ledger.db")
    try:
        await again.memory.start()
        disk.free()
        await done(again, accepted)
        assert (await again.memory.list(user_id="*"))["count"] == 1 + MANY
        assert await differences(again.memory) == []
    finally:
        await again.close()


async def test_a_deletion_on_a_full_disk_is_whole_or_refused(system: System, disk: Disk) -> None:
    known = (await system.memory.list(user_id="*"))["results"][0]["id"]
    disk.fill()

    outcome = (await asyncio.gather(system.memory.delete(known), return_exceptions=True))[0]

    gone = isinstance(outcome, dict)
    assert (await system.memory.list(user_id="*"))["count"] == (0 if gone else 1)
    assert await differences(system.memory) == []
