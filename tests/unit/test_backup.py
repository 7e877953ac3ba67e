"""Backups of real SQLite ledgers: what comes back, what is noticed, what is refused."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import ledger
from engine.backup import manifest
from engine.backup.directory import fresh_file
from engine.backup.manifest import Manifest
from engine.backup.read import verify
from engine.backup.restore import Restored, problems, restore
from engine.backup.write import back_up
from engine.config import Settings, load
from engine.errors import Conflict, InvariantViolated, NotFound
from engine.in_process import in_process
from engine.ledger.dump import EPOCHS_AHEAD
from engine.ledger_port import Accept
from tests.unit.filled_ledger import TABLES, contents, fill, silent, waiting


def made(settings: Settings, directory: Path) -> Manifest:
    return back_up(settings, directory, version="1.2.3", bar=silent)


def restored(settings: Settings, directory: Path) -> Restored:
    return restore(settings, directory, silent)


def epoch(path: Path) -> int:
    connection = sqlite3.connect(path)
    (found,) = connection.execute("SELECT epoch FROM shard").fetchone()
    connection.close()
    return int(found)


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data directories by their number of shards, filled once."""
    place = tmp_path_factory.mktemp("filled")
    for shards in (1, 2, 4):
        settings = load(data_dir=place / str(shards), shards=shards)
        for number in range(shards):
            asyncio.run(fill(settings, number))
    return place


@pytest.fixture
def filled(templates: Path, tmp_path: Path) -> Callable[[int], Settings]:
    """A data directory of this test's own, with so many shards."""

    def copied(shards: int) -> Settings:
        shutil.copytree(templates / str(shards), tmp_path / "data")
        return load(data_dir=tmp_path / "data", shards=shards)

    return copied


@pytest.fixture
def source(filled: Callable[[int], Settings]) -> Settings:
    return filled(1)


async def test_everything_comes_back_as_it_was(source: Settings, tmp_path: Path) -> None:
    told = made(source, tmp_path / "backup")
    target = load(data_dir=tmp_path / "new")
    assert restored(target, tmp_path / "backup").manifest == told == verify(tmp_path / "backup", silent)
    old, new = source.data_dir / "ledger-0.db", target.data_dir / "ledger-0.db"
    assert contents(new) == contents(old)
    assert contents(new)["versions"]
    assert epoch(new) == epoch(old) + EPOCHS_AHEAD
    assert (told.files[0].memories, told.files[0].unfinished) == (2, 1)
    assert await problems(target) == []


async def test_an_operation_that_was_under_way_is_taken_up_and_its_number_is_not_used_again(
    source: Settings, tmp_path: Path
) -> None:
    made(source, tmp_path / "backup")
    target = load(data_dir=tmp_path / "new")
    restored(target, tmp_path / "backup")
    store = ledger.build(target, 0)
    owner = await store.open()
    (unfinished,) = await store.unfinished()
    assert (unfinished.id, unfinished.idempotency_key) == (waiting(2).id, "key-2")
    (again,) = (await store.write(owner.epoch, [Accept(waiting(2))])).written
    assert not again.fresh
    (fresh,) = (await store.write(owner.epoch, [Accept(waiting(3))])).written
    assert fresh.operation is not None
    assert fresh.operation.seq > unfinished.seq
    await store.close()


async def test_every_shard_comes_back_to_its_own_place(filled: Callable[[int], Settings], tmp_path: Path) -> None:
    source = filled(4)
    told = made(source, tmp_path / "backup")
    assert [one.shard for one in told.files] == [0, 1, 2, 3]
    target = load(data_dir=tmp_path / "new", shards=4)
    restored(target, tmp_path / "backup")
    for number in range(4):
        name = f"ledger-{number}.db"
        assert contents(target.data_dir / name) == contents(source.data_dir / name)


async def test_another_number_of_shards_is_refused_and_the_message_says_what_to_set(
    filled: Callable[[int], Settings], tmp_path: Path
) -> None:
    source = filled(2)
    with pytest.raises(Conflict, match=r"set shards = 2 \(REMORA_SHARDS=2\)"):
        made(load(data_dir=tmp_path / "data", shards=1), tmp_path / "wrong")
    made(source, tmp_path / "backup")
    with pytest.raises(Conflict, match=r"set shards = 2 \(REMORA_SHARDS=2\)"):
        restored(load(data_dir=tmp_path / "new", shards=3), tmp_path / "backup")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("victim", ["ledger-0.msgpack", manifest.NAME])
async def test_a_flipped_byte_anywhere_is_noticed_and_its_file_named(
    source: Settings, tmp_path: Path, victim: str
) -> None:
    made(source, tmp_path / "backup")
    path = tmp_path / "backup" / victim
    whole = path.read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x01]) + whole[at + 1 :])
        with pytest.raises((InvariantViolated, Conflict), match=victim):
            restored(load(data_dir=tmp_path / "new"), tmp_path / "backup")
    assert not (tmp_path / "new").exists()


async def test_a_file_that_was_cut_grew_or_is_missing_is_named(
    filled: Callable[[int], Settings], tmp_path: Path
) -> None:
    source = filled(4)
    made(source, tmp_path / "backup")
    first, second, third = (tmp_path / "backup" / f"ledger-{n}.msgpack" for n in range(3))
    first.write_bytes(first.read_bytes()[:-1])
    second.write_bytes(second.read_bytes() + b"\xc0")
    third.unlink()
    with pytest.raises(InvariantViolated) as found:
        verify(tmp_path / "backup", silent)
    told = found.value.details["problems"]
    assert [name in problem for name, problem in zip(("ledger-0", "ledger-1", "ledger-2"), told, strict=True)] == (
        [True] * 3
    )
    assert "missing" in told[2]


async def test_a_dump_of_another_shard_in_its_place_is_noticed(
    filled: Callable[[int], Settings], tmp_path: Path
) -> None:
    source = filled(2)
    made(source, tmp_path / "backup")
    (tmp_path / "backup" / "ledger-1.msgpack").write_bytes((tmp_path / "backup" / "ledger-0.msgpack").read_bytes())
    with pytest.raises(InvariantViolated, match=r"ledger-1\.msgpack"):
        verify(tmp_path / "backup", silent)


async def test_an_interrupted_backup_is_not_taken_for_a_whole_one(source: Settings, tmp_path: Path) -> None:
    directory = tmp_path / "backup"
    made(source, directory)
    (directory / manifest.NAME).rename(directory / f"{manifest.NAME}.part")
    (directory / "ledger-1.msgpack.part").write_bytes(b"half")
    with pytest.raises(NotFound, match=r"manifest\.json"):
        restored(load(data_dir=tmp_path / "new"), directory)
    made(source, directory)
    assert sorted(path.name for path in directory.iterdir()) == ["ledger-0.msgpack", manifest.NAME]
    verify(directory, silent)


async def test_a_failed_backup_leaves_nothing_behind(
    source: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> Any:
        if path.name == manifest.NAME:
            raise OSError(28, "No space left on device")
        return fresh_file(path)

    monkeypatch.setattr("engine.backup.write.fresh_file", full)
    with pytest.raises(OSError, match="No space"):
        made(source, tmp_path / "backup")
    assert list((tmp_path / "backup").iterdir()) == []


async def test_a_directory_with_anything_else_is_left_alone(source: Settings, tmp_path: Path) -> None:
    directory = tmp_path / "backup"
    directory.mkdir()
    (directory / "letters.txt").write_text("mine")
    with pytest.raises(Conflict, match=r"letters\.txt"):
        made(source, directory)
    assert [path.name for path in directory.iterdir()] == ["letters.txt"]
    made(source, tmp_path / "whole")
    before = (tmp_path / "whole" / manifest.NAME).read_bytes()
    with pytest.raises(Conflict, match="holds a backup already"):
        made(source, tmp_path / "whole")
    assert (tmp_path / "whole" / manifest.NAME).read_bytes() == before


def test_a_backup_of_nothing_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nowhere/ledger-0\.db"):
        made(load(data_dir=tmp_path / "nowhere"), tmp_path / "backup")
    assert not (tmp_path / "nowhere").exists()


async def test_only_its_owner_can_read_a_backup(source: Settings, tmp_path: Path) -> None:
    made(source, tmp_path / "backup")
    assert [path.stat().st_mode & 0o077 for path in (tmp_path / "backup").iterdir()] == [0, 0]


async def test_a_ledger_that_holds_anything_is_not_overwritten(source: Settings, tmp_path: Path) -> None:
    made(source, tmp_path / "backup")
    before = contents(source.data_dir / "ledger-0.db")
    (source.data_dir / "graph-0.msgpack").write_bytes(b"index")
    with pytest.raises(Conflict, match="isn't empty"):
        restored(source, tmp_path / "backup")
    assert contents(source.data_dir / "ledger-0.db") == before
    assert (source.data_dir / "graph-0.msgpack").exists()


async def test_a_ledger_that_was_only_opened_is_replaced(source: Settings, tmp_path: Path) -> None:
    made(source, tmp_path / "backup")
    target = load(data_dir=tmp_path / "new")
    store = ledger.build(target, 0)
    await store.open()
    await store.close()
    restored(target, tmp_path / "backup")
    assert contents(target.data_dir / "ledger-0.db") == contents(source.data_dir / "ledger-0.db")


async def test_what_a_crash_left_of_a_restore_is_completed(filled: Callable[[int], Settings], tmp_path: Path) -> None:
    source = filled(2)
    made(source, tmp_path / "backup")
    target = load(data_dir=tmp_path / "new", shards=2)
    restored(target, tmp_path / "backup")
    for path in target.data_dir.glob("ledger-0.db*"):
        path.unlink()
    restored(target, tmp_path / "backup")
    for name in ("ledger-0.db", "ledger-1.db"):
        assert contents(target.data_dir / name) == contents(source.data_dir / name)


async def test_a_restore_that_fails_in_one_shard_makes_none(
    filled: Callable[[int], Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = filled(2)
    made(source, tmp_path / "backup")
    target = load(data_dir=tmp_path / "new", shards=2)
    target.data_dir.mkdir()
    (target.data_dir / "ledger-1.db").mkdir()
    with pytest.raises(Conflict, match=r"ledger-1\.db is no file"):
        restored(target, tmp_path / "backup")
    assert [path.name for path in target.data_dir.iterdir()] == ["ledger-1.db"]
    (target.data_dir / "ledger-1.db").rmdir()
    restored(target, tmp_path / "backup")


async def test_the_log_of_a_ledger_that_was_moved_away_is_not_mixed_into_the_new_one(
    source: Settings, tmp_path: Path
) -> None:
    made(source, tmp_path / "backup")
    log = source.data_dir / "ledger-0.db-wal"
    (source.data_dir / "ledger-0.db").rename(tmp_path / "damaged.db")
    log.write_bytes(b"of the damaged one")
    with pytest.raises(Conflict, match=r"ledger-0\.db-wal is there"):
        restored(source, tmp_path / "backup")
    assert log.read_bytes() == b"of the damaged one"


async def test_index_files_of_another_ledger_are_set_aside(source: Settings, tmp_path: Path) -> None:
    made(source, tmp_path / "backup")
    target = load(data_dir=tmp_path / "new", vector={"uri": str(tmp_path / "lite" / "mine.db")})
    target.data_dir.mkdir()
    (tmp_path / "lite").mkdir()
    (target.data_dir / "graph-0.msgpack").write_bytes(b"old")
    (target.data_dir / "vector-0.db").mkdir()
    (tmp_path / "lite" / "mine.db").mkdir()
    (tmp_path / "lite" / "mine.db.mark.json").write_text("{}")
    aside = restored(target, tmp_path / "backup").aside
    assert set(aside) == {target.data_dir / "before-restore-1", tmp_path / "lite" / "before-restore-1"}
    assert {path.name for path in target.data_dir.iterdir()} == {"ledger-0.db", "before-restore-1"}
    assert {path.name for path in (tmp_path / "lite").iterdir()} == {"before-restore-1"}


async def test_a_newer_backup_is_refused(source: Settings, tmp_path: Path) -> None:
    told = made(source, tmp_path / "backup")
    newer = told.model_copy(update={"format": 2, "remora": "9.0"})
    (tmp_path / "backup" / manifest.NAME).write_text(manifest.encode(newer))
    with pytest.raises(Conflict, match=r"use Remora 9\.0"):
        verify(tmp_path / "backup", silent)


async def test_a_backup_during_a_load_is_the_ledger_at_one_position(tmp_path: Path) -> None:
    source = load(data_dir=tmp_path / "data")
    store = ledger.build(source, 0)
    memory = in_process(source, ledger_=store)
    await memory.start()
    for number in range(60):
        await memory.add(f"before {number}", user_id="ann")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    @contextmanager
    def watched(_what: str, _total: int) -> Iterator[Any]:
        """The rows are read only after something was written beside the snapshot."""
        assert asyncio.run_coroutine_threadsafe(written_beside(), loop).result(30)
        yield lambda _count: None

    async def written_beside() -> bool:
        await memory.add("beside the snapshot", user_id="ann")
        return True

    async def write() -> int:
        done = 0
        while not stop.is_set():
            (row,) = (await memory.add(f"during {done}", user_id="bob"))["results"]
            await (memory.delete(row["id"]) if done % 3 == 0 else memory.update(row["id"], text=f"later {done}"))
            done += 1
        return done

    async def backed_up() -> Manifest:
        try:
            return await asyncio.to_thread(back_up, source, tmp_path / "backup", version="1", bar=watched)
        finally:
            stop.set()

    writes, told = await asyncio.gather(write(), backed_up())
    last = (await store.status())["position"]
    await memory.close()
    await store.close()
    position = told.files[0].position
    assert writes > 0
    assert 60 <= position < last
    target = load(data_dir=tmp_path / "new")
    restored(target, tmp_path / "backup")
    old, new = contents(source.data_dir / "ledger-0.db"), contents(target.data_dir / "ledger-0.db")
    assert [row[0] for row in new["events"]] == list(range(1, position + 1))
    assert new["events"] == old["events"][:position]
    made_by = {row[6] for row in new["events"]}
    assert made_by == {row[1] for row in new["operations"] if row[5] == "SUCCEEDED"}
    assert await problems(target) == []


async def test_a_long_backup_keeps_nobody_from_writing_and_its_log_is_emptied_after(tmp_path: Path) -> None:
    source = load(data_dir=tmp_path / "data")
    store = ledger.build(source, 0)
    owner = await store.open()
    loop = asyncio.get_running_loop()
    log = source.data_dir / "ledger-0.db-wal"
    sizes: list[int] = []

    async def flood(first: int) -> None:
        for number in range(first, first + 200):
            await store.write(owner.epoch, [Accept(replace(waiting(number), request={"text": "x" * 50_000}))])
        sizes.append(log.stat().st_size)

    @contextmanager
    def while_reading(_what: str, _total: int) -> Iterator[Any]:
        asyncio.run_coroutine_threadsafe(flood(2), loop).result(30)
        yield lambda _count: None

    await store.write(owner.epoch, [Accept(waiting(1))])
    told = await asyncio.to_thread(back_up, source, tmp_path / "backup", version="1", bar=while_reading)
    await flood(1000)
    await store.close()
    assert told.files[0].rows["operations"] == 1
    assert sizes[0] > 200 * 50_000, "while somebody reads, all that is written is in the log"
    assert sizes[1] < 2 * sizes[0], "afterwards the log is used again from its beginning"


async def test_the_manifest_says_what_is_in_the_files(source: Settings, tmp_path: Path) -> None:
    made(source, tmp_path / "backup")
    told = json.loads((tmp_path / "backup" / manifest.NAME).read_text())
    (file,) = told["files"]
    assert (told["format"], told["remora"], told["shards"], file["shard"]) == (1, "1.2.3", 1, 0)
    old = contents(source.data_dir / "ledger-0.db")
    assert file["rows"] == {table: len(old[table]) for table in TABLES}
    assert file["bytes"] == (tmp_path / "backup" / file["name"]).stat().st_size
