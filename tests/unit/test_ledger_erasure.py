"""After a purge no file of the ledger holds what was purged: looked for byte by byte."""

from __future__ import annotations

import asyncio
import hashlib
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import ids
from engine.ledger.store import SqlLedger
from engine.ledger_port import (
    Accept,
    AcceptAndCommit,
    AddEvent,
    Commit,
    DeleteEvent,
    Fail,
    Forget,
    OperationKind,
    Plan,
    PurgeEvent,
    UpdateEvent,
)
from engine.types import Entity, Json, Relation, Scope
from tests.conformance.ledger_writer import NOTHING, Writer

CANARY = "kanarienvogel"
VECTOR = np.array([[0.125, -7.75, 3.5, 1234.5678]], dtype=np.float32)
WHO = Scope(user_id=f"user-{CANARY}", run_id="r")
ERROR: Json = {"code": "invalid_input", "message": "no", "details": {"said": CANARY}}


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def traces(directory: Path, needles: list[bytes]) -> list[tuple[str, bytes]]:
    return [(name, needle) for name, raw in files(directory).items() for needle in needles if needle in raw]


def needles() -> list[bytes]:
    """The canary in every encoding, the vector, and hashes of what was said."""
    text = f"text {CANARY}"
    return [
        CANARY.encode(),
        CANARY.encode("utf-16-le"),
        CANARY.encode("utf-16-be"),
        VECTOR.astype("<f4").tobytes(),
        VECTOR.astype("<f4").tobytes()[:8],
        ids.fingerprint(WHO, "user", f"name {CANARY}", text),
        hashlib.sha256(text.encode()).digest(),
    ]


def said(writer: Writer, operation_id: str, text: str, index: int = 0) -> AddEvent:
    return AddEvent(
        memory_id=ids.memory_id(writer.owner.secret, operation_id, index),
        scope=WHO,
        text=text,
        fingerprint=ids.fingerprint(WHO, "user", f"name {CANARY}", text),
        row=0,
        created_at_us=1,
        message_index=index,
        role="user",
        name=f"name {CANARY}",
        metadata={"deep": [CANARY, {CANARY: 1}]},
        entities=(Entity(CANARY, "person"),),
        relations=(Relation(CANARY, "knows", CANARY),),
    )


async def fill(writer: Writer) -> tuple[str, list[str]]:
    """A memory full of the canary and everything that operations can keep of it; its id, and the keys."""
    text, lane = f"text {CANARY}", ids.routing_key("p", WHO)
    digest = hashlib.sha256(text.encode()).digest()

    def asked(kind: OperationKind, key: str, request: Json) -> Accept:
        operation = writer.operation(kind, key, request={**request, "scope": WHO.ids()}, lane=lane)
        return Accept(replace(operation, request_hash=digest))

    adds = [
        asked(OperationKind.ADD, key, {"messages": [["user", text, None, None], ["user", "else", None, None]]})
        for key in ("add", "again")
    ]
    memory_id = ""
    for command in adds:
        operation = command.operation
        events = (said(writer, operation.id, text), said(writer, operation.id, f"more {CANARY}", 1))
        plan = Plan(events, VECTOR, answer={"relations": [{"source": CANARY}]})
        written = (await writer.do(command, Commit(operation.id, plan)))[1].operation
        assert written is not None
        assert written.result is not None
        memory_id = written.result["results"][0]["id"]
    given = {"memory_id": memory_id, "given": {"text": f"new {CANARY}"}}
    update, failed = asked(OperationKind.UPDATE, "update", given), asked(OperationKind.UPDATE, "failed", given)
    event = UpdateEvent(memory_id, frozenset({"text"}), text=f"new {CANARY}", row=0, entities=(Entity(CANARY),))
    await writer.do(update, Commit(update.operation.id, Plan((event,), VECTOR + 1)))
    await writer.do(failed, Fail(failed.operation.id, ERROR))
    never = asked(OperationKind.ADD, "never", {"messages": [["user", text, None, None]]})
    await writer.do(never, Fail(never.operation.id, ERROR))
    delete = asked(OperationKind.DELETE, "delete", {"memory_id": memory_id})
    await writer.do(delete, Commit(delete.operation.id, Plan((DeleteEvent(memory_id),), NOTHING)))
    return memory_id, ["add", "again", "delete", "failed", "never", "update"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def ledger_in(place: Path) -> SqlLedger:
    return SqlLedger(f"sqlite:///{place / 'ledger.db'}")


@pytest.mark.parametrize("by", ["scope", "ids"])
async def test_after_a_purge_no_file_has_a_trace_of_it(place: Path, by: str) -> None:
    ledger = ledger_in(place)
    writer = Writer(ledger, await ledger.open())
    try:
        _, keys = await fill(writer)
        assert len(traces(place, needles())) >= 5, "the canary has to be there first"
        (kept,) = await writer.add("kept", scope=Scope(user_id="someone else"))
        made = [change.memory_id for change in (await ledger.changes(0, 9)).changes if change.kind == "ADD"]
        if by == "scope":
            answer = await writer.purge(scope=WHO)
            assert answer["keys"] == keys
        else:
            for memory_id in made:
                if memory_id != kept:
                    await writer.purge(memory_id)
        # A failed add names no memory: a purge by id finds it by the text that it failed to write.
        assert traces(place, needles()) == []
        assert (place / "ledger.db-wal").stat().st_size == 0
        assert not (await ledger.status())["unerased"]
        assert await ledger.check() == []
        assert (await ledger.get("p", [kept]))[0] is not None
    finally:
        await ledger.close()
    assert traces(place, needles()) == []


async def test_the_hash_that_a_claim_keeps_goes_with_its_forgetting(place: Path) -> None:
    ledger = ledger_in(place)
    writer = Writer(ledger, await ledger.open())
    digest = hashlib.sha256(CANARY.encode())
    claim = writer.operation(OperationKind.CLAIM, "k", request={"digest": digest.hexdigest()})
    try:
        await writer.do(AcceptAndCommit(claim, Plan((), NOTHING)))
        assert traces(place, [digest.hexdigest().encode()])
        await writer.do(Forget("p", ("k",)))
        assert traces(place, [digest.hexdigest().encode()]) == []
    finally:
        await ledger.close()


@contextmanager
def reader_of(path: Path) -> Iterator[sqlite3.Connection]:
    """Another process's look at the state as it is now: a backup under way."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM versions").fetchone()
        yield connection


async def test_the_log_is_truncated_as_soon_as_nobody_reads_the_old_state(place: Path) -> None:
    ledger = ledger_in(place)
    writer = Writer(ledger, await ledger.open())
    try:
        await fill(writer)
        with reader_of(place / "ledger.db"):
            await writer.purge(scope=WHO)
            assert (await ledger.status())["unerased"]
        async with asyncio.timeout(20):
            await ledger.scrubbed()
        assert not (await ledger.status())["unerased"]
        assert traces(place, needles()) == []
    finally:
        await ledger.close()


async def test_what_a_purge_could_not_finish_the_next_start_does(place: Path) -> None:
    ledger = ledger_in(place)
    writer = Writer(ledger, await ledger.open())
    await fill(writer)
    with reader_of(place / "ledger.db"):
        await writer.purge(scope=WHO)
        await ledger.close()
        assert traces(place, needles()) != []
    again = ledger_in(place)
    await again.open()
    try:
        assert traces(place, needles()) == []
        assert not (await again.status())["unerased"]
    finally:
        await again.close()


async def test_a_start_finishes_the_rewriting_that_a_crash_cut_short(place: Path) -> None:
    ledger = ledger_in(place)
    await ledger.open()
    await ledger.close()
    with closing(sqlite3.connect(place / "ledger.db", isolation_level=None)) as crashed:
        crashed.execute("PRAGMA secure_delete = OFF")
        crashed.execute("CREATE TABLE remains (text TEXT)")
        crashed.executemany("INSERT INTO remains VALUES (?)", [(f"{CANARY} {number}" * 9,) for number in range(99)])
        crashed.execute("DELETE FROM remains")
        crashed.execute("PRAGMA user_version = 1")
    assert traces(place, [CANARY.encode()])
    again = ledger_in(place)
    await again.open()
    await again.close()
    assert traces(place, [CANARY.encode()]) == []
    with closing(sqlite3.connect(place / "ledger.db")) as done:
        assert done.execute("PRAGMA user_version").fetchone() == (0,)


@pytest.mark.parametrize("asked", ["write", "status"])
async def test_a_process_that_takes_over_finishes_the_purge_of_one_that_was_killed(place: Path, asked: str) -> None:
    """Only the ledger's process dies, so nobody opens it anew; and the purge that is sent again is done already."""
    ledger = ledger_in(place)
    owner = await ledger.open()
    writer = Writer(ledger, owner)
    await fill(writer)
    with reader_of(place / "ledger.db"):
        await writer.purge(scope=WHO)
        await ledger.close()
        # As a kill leaves it: the last connection that ends would tidy up.
        copy = place / "killed"
        copy.mkdir()
        for name, raw in files(place).items():
            (copy / name).write_bytes(raw)
    assert traces(copy, needles()) != []
    again = ledger_in(copy)
    try:
        if asked == "write":
            await again.write(owner.epoch, [Forget("p", ("nobody's",))])
        else:
            await again.status()
            await again.scrubbed()
        assert traces(copy, needles()) == []
        assert not (await again.status())["unerased"]
    finally:
        await again.close()


async def test_rows_that_moved_between_pages_leave_no_copy_behind(place: Path) -> None:
    """Page splits copy rows; what deletes the row later doesn't reach the copy. Many rows, so that some do."""
    noise = random.Random(7)
    ledger = ledger_in(place)
    writer = Writer(ledger, await ledger.open())
    gone: list[str] = []
    try:
        for _ in range(12):
            marks = [f"mark{noise.getrandbits(64):016x}" for _ in range(60)]
            commands: list[AcceptAndCommit] = []
            for place_, mark in enumerate(marks):
                who = Scope(user_id=mark)
                text = mark + "x" * noise.choice([10, 300, 2000, 6000])
                asked = {"messages": [["user", text, None, None]], "scope": who.ids()}
                operation = writer.operation(request=asked, lane=ids.routing_key("p", who), at_us=place_)
                commands.append(AcceptAndCommit(operation, writer.adding(operation, text, scope=who)))
            await writer.do(*commands)
            doomed = noise.sample(marks, 30)
            gone += doomed
            purges = [
                AcceptAndCommit(
                    writer.operation(OperationKind.PURGE, request={"scope": {"user_id": mark}}),
                    Plan((PurgeEvent(scope=Scope(user_id=mark)),), NOTHING),
                )
                for mark in doomed
            ]
            await writer.do(*purges)
        assert traces(place, [mark.encode() for mark in gone]) == []
        assert await ledger.check() == []
    finally:
        await ledger.close()
