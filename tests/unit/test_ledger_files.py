"""A ledger's file when the disk is full or the file is damaged, and one that an older Remora made."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgpack
import numpy as np
import pytest

from engine import ids
from engine.errors import InvariantViolated, Unavailable
from engine.ledger.store import SqlLedger
from engine.ledger_port import Accept
from engine.types import Json, OperationState, Scope
from tests.conformance.ledger_writer import Writer

ROOT = Path(__file__).parents[2]
LONG = "x" * 20_000


async def test_a_full_disk_refuses_for_certain_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = SqlLedger(f"sqlite:///{path}")
    writer = Writer(ledger, await ledger.open())
    try:
        kept = await writer.add("before")
        _limit_pages(ledger, 60)
        with pytest.raises(Unavailable, match="the disk is full: free space there") as refused:
            await _add_without_end(writer, kept)
        assert refused.value.details == {"place": str(path), "rolled_back": True}
        assert "Nothing that was acknowledged is lost" in refused.value.message
        assert all(await ledger.get("p", kept)), "reads go on"
        _limit_pages(ledger, 10_000)
        kept += await writer.add("after")
        assert (await ledger.status())["memories"] == len(kept)
        assert await ledger.check() == []
    finally:
        await ledger.close()


async def _add_without_end(writer: Writer, kept: list[str]) -> None:
    for number in range(99):
        kept += await writer.add(f"{number} {LONG}")


def _limit_pages(ledger: SqlLedger, most: int) -> None:
    ledger._connections.write(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {most}"))


ON_A_SMALL_DISK = """
import asyncio, json, resource, sys
from engine.errors import Unavailable
from engine.ledger.store import SqlLedger
from tests.conformance.ledger_writer import Writer

async def main(path):
    ledger = SqlLedger(f"sqlite:///{path}")
    writer = Writer(ledger, await ledger.open())
    kept = await writer.add("before")
    everything = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, everything))
    refusals = []
    for number in range(60):
        try:
            kept += await writer.add(f"{number} " + "x" * 20_000)
        except Unavailable as error:
            refusals.append([error.message, error.details.get("rolled_back")])
    resource.setrlimit(resource.RLIMIT_FSIZE, (everything, everything))
    kept += await writer.add("after")
    status = await ledger.status()
    print(json.dumps([refusals, len(kept), status["memories"], await ledger.check()]))
    await ledger.close()

asyncio.run(main(sys.argv[1]))
"""


def test_a_file_that_may_not_grow_refuses_until_it_may(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    done = subprocess.run(
        [sys.executable, "-c", ON_A_SMALL_DISK, str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    refusals, kept, memories, problems = json.loads(done.stdout)
    assert len(refusals) > 10
    assert all(rolled_back for _, rolled_back in refusals)
    assert all("the disk refused: see that it has space" in message for message, _ in refusals)
    assert (kept, problems) == (memories, [])
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


PURGE_ON_A_SMALL_DISK = """
import asyncio, json, resource, sys
from engine.ledger.store import SqlLedger
from tests.conformance.ledger_writer import ANN, Writer

async def main(path):
    ledger = SqlLedger(f"sqlite:///{path}")
    writer = Writer(ledger, await ledger.open())
    everything = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    for number in range(30):
        await writer.add(f"canary {number} " + "x" * 20_000)
    await ledger.close()
    writer.owner = await (ledger := SqlLedger(f"sqlite:///{path}")).open()
    writer.ledger = ledger
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, everything))
    answer = await writer.purge((await ledger.live("", 1)).versions[0].memory_id)
    owed = (await ledger.status())["unerased"]
    resource.setrlimit(resource.RLIMIT_FSIZE, (everything, everything))
    async with asyncio.timeout(30):
        await ledger.scrubbed()
    print(json.dumps([answer["count"], owed, (await ledger.status())["unerased"], await ledger.check()]))
    await ledger.close()

asyncio.run(main(sys.argv[1]))
"""


def test_a_purge_that_the_disk_has_no_room_for_is_finished_when_it_has(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PURGE_ON_A_SMALL_DISK, str(tmp_path / "ledger.db")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [1, True, False, []]


async def made(path: Path) -> None:
    ledger = SqlLedger(f"sqlite:///{path}")
    writer = Writer(ledger, await ledger.open())
    for number in range(30):
        await writer.add(f"fact {number} {LONG}")
    await ledger.close()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "random bytes over the header": lambda raw: random.Random(1).randbytes(200) + raw[200:],
    "half of it": lambda raw: raw[: len(raw) // 2],
    "the first bytes": lambda raw: raw[:100],
    "nothing": lambda _: b"",
    "text": lambda _: b"this is no database\n" * 500,
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_file_is_named_and_left_as_it_is(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "ledger.db"
    await made(path)
    broken = DAMAGES[damage](path.read_bytes())
    path.write_bytes(broken)
    ledger = SqlLedger(f"sqlite:///{path}")
    try:
        with pytest.raises(InvariantViolated, match="restore a backup") as refused:
            await ledger.open()
    finally:
        await ledger.close()
    assert str(path) in refused.value.message
    assert path.read_bytes() == broken


async def test_a_file_that_is_gone_while_its_log_is_there_is_no_new_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await made(path)
    log = path.with_name("ledger.db-wal")
    log.write_bytes(b"something")
    path.unlink()
    ledger = SqlLedger(f"sqlite:///{path}")
    try:
        with pytest.raises(InvariantViolated, match=r"the file is missing, and its log ledger\.db-wal is there"):
            await ledger.open()
    finally:
        await ledger.close()
    assert log.read_bytes() == b"something"
    assert not path.exists()


async def test_damage_that_shows_while_it_is_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await made(path)
    raw = bytearray(path.read_bytes())
    for page in range(8, len(raw) // 4096):
        raw[page * 4096 : page * 4096 + 64] = random.Random(page).randbytes(64)
    path.write_bytes(raw)
    ledger = SqlLedger(f"sqlite:///{path}")
    try:
        with pytest.raises(InvariantViolated, match="restore a backup"):
            await _read_everything(ledger)
    finally:
        await ledger.close()


async def _read_everything(ledger: SqlLedger) -> None:
    await ledger.open()
    await ledger.live("", 100)


async def test_a_start_that_died_while_it_made_the_file_leaves_nothing_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    half = path.with_name("ledger.db.new")
    half.write_bytes(b"half")
    half.with_name("ledger.db.new-wal").write_bytes(b"half")
    ledger = SqlLedger(f"sqlite:///{path}")
    try:
        assert (await ledger.open()).epoch == 1
    finally:
        await ledger.close()
    assert [file.name for file in tmp_path.iterdir()] == ["ledger.db"]


async def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    ledger = SqlLedger(f"sqlite:///{tmp_path / 'nowhere' / 'ledger.db'}")
    try:
        with pytest.raises(Unavailable, match="see that its directory exists"):
            await ledger.open()
    finally:
        await ledger.close()


OLD_TABLES = """
CREATE TABLE shard (id INTEGER NOT NULL CHECK (id = 1), epoch INTEGER NOT NULL, position INTEGER NOT NULL,
    secret BLOB NOT NULL, shards INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (id));
CREATE TABLE operations (seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, id VARCHAR(36) NOT NULL,
    project TEXT NOT NULL, kind TEXT NOT NULL, lane TEXT, state TEXT NOT NULL, request BLOB NOT NULL,
    request_hash BLOB NOT NULL, idempotency_key TEXT, result BLOB, error BLOB, created_at_us INTEGER NOT NULL,
    completed_at_us INTEGER, UNIQUE (id));
CREATE UNIQUE INDEX operation_key ON operations (project, idempotency_key);
CREATE INDEX operation_open ON operations (seq) WHERE state IN ('PENDING', 'RUNNING');
CREATE TABLE versions (memory_id VARCHAR(36) NOT NULL, version INTEGER NOT NULL, project TEXT NOT NULL, user_id TEXT,
    agent_id TEXT, app_id TEXT, run_id TEXT, text TEXT NOT NULL, role TEXT, name TEXT, created_at_us INTEGER NOT NULL,
    updated_at_us INTEGER NOT NULL, expiration_date TEXT, extra BLOB NOT NULL, vector BLOB NOT NULL, fingerprint BLOB,
    live_from INTEGER NOT NULL, live_to INTEGER, operation_id VARCHAR(36) NOT NULL, PRIMARY KEY (memory_id, version));
CREATE UNIQUE INDEX live_memory ON versions (memory_id) WHERE live_to IS NULL;
CREATE UNIQUE INDEX live_fingerprint ON versions (project, fingerprint) WHERE live_to IS NULL;
CREATE INDEX live_project ON versions (project, created_at_us, memory_id) WHERE live_to IS NULL;
CREATE TABLE events (position INTEGER NOT NULL PRIMARY KEY, kind TEXT NOT NULL, memory_id VARCHAR(36) NOT NULL,
    version INTEGER NOT NULL, project TEXT NOT NULL, at_us INTEGER NOT NULL, operation_id VARCHAR(36) NOT NULL);
CREATE INDEX event_memory ON events (memory_id, position);
"""


def older_ledger(path: Path) -> tuple[str, str]:
    """A ledger as it was before there were purges, with one memory of Ann's; the ids of that and of what made it."""
    who, lane = Scope(user_id="ann"), ids.routing_key("p", Scope(user_id="ann"))
    operation_id = ids.operation_id(1, b"o" * 16)
    memory_id = ids.memory_id(b"s" * 32, operation_id, 0)
    extra: Json = {"metadata": {"a": 1}, "categories": [], "entities": None, "relations": []}
    request = msgpack.packb({"messages": [["user", "tea", None, None]], "scope": {"user_id": "ann"}})
    result = msgpack.packb({"results": [{"id": memory_id}], "position": 1})
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("PRAGMA journal_mode = WAL")
        file.executescript(OLD_TABLES)
        file.execute("INSERT INTO shard VALUES (1, 7, 1, ?, 1, 0)", [b"s" * 32])
        file.execute(
            "INSERT INTO operations VALUES (3, ?, 'p', 'ADD', ?, 'SUCCEEDED', ?, x'01', 'key', ?, NULL, 1, 2)",
            [operation_id, lane, request, result],
        )
        file.execute(
            "INSERT INTO versions VALUES (?, 1, 'p', 'ann', NULL, NULL, NULL, 'tea', 'user', NULL, 1, 1, NULL, ?, ?, ?,"
            " 1, NULL, ?)",
            [
                memory_id,
                msgpack.packb(extra),
                np.ones(4, dtype="<f4").tobytes(),
                ids.fingerprint(who, "user", None, "tea"),
                operation_id,
            ],
        )
        file.execute("INSERT INTO events VALUES (1, 'ADD', ?, 1, 'p', 2, ?)", [memory_id, operation_id])
    return memory_id, operation_id


async def test_an_older_ledger_is_brought_along_with_all_that_it_holds(tmp_path: Path) -> None:
    memory_id, operation_id = older_ledger(tmp_path / "old.db")
    ledger = SqlLedger(f"sqlite:///{tmp_path / 'old.db'}")
    newest = SqlLedger(f"sqlite:///{tmp_path / 'new.db'}")
    try:
        writer = Writer(ledger, await ledger.open())
        await newest.open()
        assert (writer.owner.epoch, writer.owner.secret, writer.owner.position) == (8, b"s" * 32, 1)
        (version,) = (await ledger.live("", 9)).versions
        assert (version.memory_id, version.text, version.metadata) == (memory_id, "tea", {"a": 1})
        page = await ledger.operations("p", Scope(user_id="ann"), frozenset(OperationState), 0, 9)
        assert [operation.id for operation in page.operations] == [operation_id]
        assert await ledger.check() == []
        assert indexes(tmp_path / "old.db") >= indexes(tmp_path / "new.db")
        assert (await writer.purge(memory_id))["keys"] == ["key"]
        waiting = writer.operation()
        accepted = (await writer.do(Accept(waiting)))[0].operation
        assert accepted is not None
        assert accepted.seq > 3
    finally:
        await ledger.close()
        await newest.close()
    assert b"tea" not in (tmp_path / "old.db").read_bytes()


def indexes(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as file:
        return {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
