"""The vector store's files: damaged ones, full disks, interrupted rebuilds, and what a purge leaves of a text."""

from __future__ import annotations

import gc
import json
import resource
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
import pytest_asyncio
from pyarrow import parquet

from engine.config import Settings, VectorSettings
from engine.errors import Unavailable
from engine.types import EventKind, FloatArray, MemoryVersion, Mending
from engine.vector import build, lite, lite_file
from engine.vector.mark import read_mark, write_mark
from engine.vector.store import MilvusVectorStore
from tests.conformance.vector_cases import DIMENSIONS, INFO, Ledger, Shard, axis, version

CANARY = "xyzzyplughcanary"


def opened(folder: Path, **vector: Any) -> MilvusVectorStore:
    store = build(Settings(data_dir=folder, vector=VectorSettings(**vector)), 0, INFO)
    assert isinstance(store, MilvusVectorStore)
    return store


@pytest_asyncio.fixture
async def shard(tmp_path: Path) -> AsyncIterator[Shard]:
    made = Shard(Ledger(), opened(tmp_path))
    yield made
    await made.store.close()


def others(count: int) -> list[tuple[MemoryVersion, FloatArray]]:
    return [(version(f"m{at:03}", f"something else, number {at}"), axis(at % DIMENSIONS)) for at in range(count)]


# What a purge leaves.


def traces(folder: Path, text: str, vector: FloatArray) -> set[str]:
    """The files that hold the text or the vector, as bytes or inside their format."""
    raw = vector.astype("<f4").tobytes()
    found = set()
    for path in (path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if text.encode() in content or raw in content or _holds(path, text, vector):
            found.add(path.name)
    return found


def _holds(path: Path, text: str, vector: FloatArray) -> bool:
    if path.suffix == ".parquet":
        return any(_told(row, text, vector) for row in parquet.read_table(path).to_pylist())
    if path.suffix == ".arrow":
        return any(_told(row, text, vector) for batch in _batches(path) for row in batch.to_pylist())
    return False


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
        try:
            yield from stream
        except pa.ArrowInvalid:
            return  # a log that is still open has no end


def _told(row: dict[str, object], text: str, vector: FloatArray) -> bool:
    held = row.get("vector")
    return text in repr(row) or (isinstance(held, list) and np.array_equal(np.asarray(held, np.float32), vector))


async def flushed(shard: Shard) -> None:
    """Everything so far lies in data files: mending, also of nothing, makes it durable."""
    await shard.store.mend(Mending((), np.zeros((0, DIMENSIONS), dtype=np.float32)))


async def test_after_a_purge_and_a_rebuild_no_file_holds_the_text_or_the_vector(shard: Shard, tmp_path: Path) -> None:
    vector = np.random.default_rng(3).standard_normal(DIMENSIONS).astype(np.float32)
    await shard.add(*others(150))
    secret = version("secret", f"The word is {CANARY}", name=CANARY, metadata={CANARY: [CANARY]}, categories=(CANARY,))
    await shard.add((secret, vector))
    await flushed(shard)
    await shard.add((replace(secret, text=f"{CANARY} again", version=2), vector))
    await shard.delete("secret")
    await flushed(shard)
    await shard.add((version("late"), axis(3)))
    shard.ledger.live["secret"] = secret, vector  # the ledger's side of a purge of what had ended before
    (tmp_path / "vector-0.db.damaged-0123abcd").mkdir()
    (tmp_path / "vector-0.db.damaged-0123abcd" / "old").write_text(CANARY)
    await shard.delete("secret", kind=EventKind.PURGE)
    assert (await shard.store.status()).unerased == shard.ledger.position
    held = traces(tmp_path, CANARY, vector)
    assert any(name.endswith(".parquet") for name in held), "else this test proves nothing"
    await shard.rebuild()
    assert traces(tmp_path, CANARY, vector) == set()
    assert (await shard.store.status()).unerased == 0
    assert await shard.audited() == shard.expected()
    assert len(shard.expected()) == 151


async def test_an_unerased_purge_is_known_after_a_restart_until_a_rebuild_has_ended(
    shard: Shard, tmp_path: Path
) -> None:
    await shard.add((version("a"), axis(0)), (version("b"), axis(1)), (version("c"), axis(2)))
    await shard.delete("a", kind=EventKind.PURGE)
    await shard.delete("b", kind=EventKind.PURGE)
    assert (await shard.store.status()).unerased == 4
    await shard.store.close()
    again = Shard(shard.ledger, opened(tmp_path))
    assert (await again.store.status()).unerased == 4
    await again.store.begin_rebuild()
    await again.store.load(again.rows())
    assert (await again.store.status()).unerased == 4
    assert (await again.store.finish_rebuild(5)).unerased == 0
    third = opened(tmp_path)  # the second one was not closed
    assert (await third.status()).unerased == 0
    await third.close()


async def test_a_purge_during_a_rebuild_needs_another_one(
    shard: Shard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lite, "_MOST_UNFLUSHED_BYTES", 0)  # so that what is loaded lies in a data file at once
    vector = np.random.default_rng(4).standard_normal(DIMENSIONS).astype(np.float32)
    await shard.add((version("secret", CANARY), vector), (version("b"), axis(1)))
    await shard.store.begin_rebuild()
    await shard.store.load(shard.rows())
    await shard.delete("secret", kind=EventKind.PURGE)
    applied = await shard.store.finish_rebuild(2)
    assert (applied.position, applied.unerased) == (3, 3)
    assert await shard.audited() == shard.expected()
    assert traces(tmp_path, CANARY, vector)
    await shard.rebuild()
    assert (await shard.store.status()).unerased == 0
    assert traces(tmp_path, CANARY, vector) == set()


async def test_a_purge_that_comes_when_a_copy_has_taken_over_with_its_text_needs_another_one(
    shard: Shard, tmp_path: Path
) -> None:
    vector = np.random.default_rng(5).standard_normal(DIMENSIONS).astype(np.float32)
    await shard.add((version("secret", CANARY), vector), (version("b"), axis(1)))
    await shard.store.begin_rebuild()
    await shard.store.load(shard.rows())
    await shard.store.finish_rebuild(2)  # the ledger may have purged it by now, and the index not have heard of it
    await shard.delete("secret", kind=EventKind.PURGE)
    assert (await shard.store.status()).unerased == 3
    assert traces(tmp_path, CANARY, vector)
    await shard.rebuild()
    assert (await shard.store.status()).unerased == 0
    assert traces(tmp_path, CANARY, vector) == set()


# Damaged files.


def folder_of(base: Path) -> Path:
    return base / "collections" / "remora_0"


def data_files(base: Path) -> list[Path]:
    return sorted(folder_of(base).rglob("data_*.parquet"))


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def truncated_data(base: Path) -> None:
    truncate(data_files(base)[0])


def lost_data(base: Path) -> None:
    data_files(base)[-1].unlink()


def truncated_deletions(base: Path) -> None:
    truncate(next(folder_of(base).rglob("delta_*.parquet")))


def lost_deletions(base: Path) -> None:
    next(folder_of(base).rglob("delta_*.parquet")).unlink()


def lost_manifest(base: Path) -> None:
    for path in folder_of(base).glob("manifest.json*"):
        path.unlink()


def manifest_of_before(base: Path) -> None:
    (folder_of(base) / "manifest.json").write_text('{"version": 7')


def lost_schema(base: Path) -> None:
    (folder_of(base) / "schema.json").unlink()


def truncated_index(base: Path) -> None:
    truncate(next(folder_of(base).rglob("*.idx")))


def empty_directory(base: Path) -> None:
    shutil.rmtree(base)
    base.mkdir()


def no_directory(base: Path) -> None:
    shutil.rmtree(base)


def a_file_in_its_place(base: Path) -> None:
    shutil.rmtree(base)
    base.write_text("not a directory")


def garbage_as_mark(base: Path) -> None:
    lite_file.mark_path(base).write_bytes(b"\x00\xff garbage")


def empty_mark(base: Path) -> None:
    lite_file.mark_path(base).write_bytes(b"")


def no_mark(base: Path) -> None:
    lite_file.mark_path(base).unlink()


DAMAGES = [
    truncated_data,
    lost_data,
    truncated_deletions,
    lost_deletions,
    lost_manifest,
    manifest_of_before,
    lost_schema,
    truncated_index,
    empty_directory,
    no_directory,
    a_file_in_its_place,
    garbage_as_mark,
    empty_mark,
    no_mark,
]


async def filled(folder: Path) -> Shard:
    """A closed store with two data files and deletions."""
    shard = Shard(Ledger(), opened(folder))
    await shard.add(*others(20))
    await flushed(shard)
    await shard.delete("m003", "m004")
    await flushed(shard)
    await shard.add((version("later"), axis(0)))
    await shard.store.close()
    return shard


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__.replace("_", " "))
async def test_a_damaged_file_is_noticed_and_the_index_begun_anew(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    closed = await filled(tmp_path)
    damage(tmp_path / "vector-0.db")
    shard = Shard(closed.ledger, opened(tmp_path))
    assert (await shard.store.status()).position == 0
    assert await shard.audited() == set()
    (notice,) = shard.store.notices  # type: ignore[attr-defined]
    assert "the index is rebuilt" in notice
    await shard.rebuild()
    assert await shard.audited() == shard.expected()
    await shard.store.close()
    again = Shard(shard.ledger, opened(tmp_path))
    assert again.store.notices == []  # type: ignore[attr-defined]
    assert await again.audited() == shard.expected()
    assert not list(tmp_path.glob("*.damaged-*")), "a rebuild removes what was set aside"
    await again.store.close()


async def test_an_undamaged_file_opens_without_a_notice(tmp_path: Path) -> None:
    closed = await filled(tmp_path)
    shard = Shard(closed.ledger, opened(tmp_path))
    assert shard.store.notices == []  # type: ignore[attr-defined]
    assert await shard.audited() == closed.expected()
    await shard.store.close()


async def test_a_log_that_ends_in_the_middle_costs_only_what_was_not_durable(tmp_path: Path) -> None:
    shard = Shard(Ledger(), opened(tmp_path / "first"))
    await shard.add(*others(20))
    await flushed(shard)
    late = shard.ledger.add((version("late-1", live_from=21), axis(0)), (version("late-2", live_from=22), axis(1)))
    await shard.store.apply(late)
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    truncate(next((tmp_path / "second").rglob("wal_data_*.arrow")))
    again = Shard(shard.ledger, opened(tmp_path / "second"))
    assert (await again.store.status()).position == 20
    await again.store.apply(late)
    assert await again.audited() == shard.expected()
    await again.store.close()
    await shard.store.close()


async def test_a_data_file_that_is_lost_while_it_is_in_use_is_told_and_healed_by_a_rebuild(
    shard: Shard, tmp_path: Path
) -> None:
    await shard.add(*others(20))
    await flushed(shard)
    for path in data_files(tmp_path / "vector-0.db"):
        path.unlink()
    assert await shard.audited() == shard.expected(), "Lite has it in memory"
    await shard.add((version("later"), axis(0)))
    with pytest.raises(Unavailable, match=r"is damaged: data/.* is missing; rebuild the vector index"):
        await flushed(shard)
    assert len(await shard.found(by_block=False)) == 21
    await shard.rebuild()
    await flushed(shard)
    assert await shard.audited() == shard.expected()


async def test_a_data_file_that_is_lost_while_it_is_in_use_is_noticed_at_the_next_start(
    tmp_path: Path,
) -> None:
    shard = Shard(Ledger(), opened(tmp_path))
    await shard.add(*others(20))
    await flushed(shard)
    truncated_data(tmp_path / "vector-0.db")
    await shard.store.close()
    again = opened(tmp_path)
    assert (await again.status()).position == 0
    assert "damaged vectors" in again.notices[0]
    await again.close()


async def test_the_mark_of_an_earlier_version_still_opens_its_file(tmp_path: Path) -> None:
    closed = await filled(tmp_path)
    path = lite_file.mark_path(tmp_path / "vector-0.db")
    mark = read_mark(path)
    assert mark is not None
    write_mark(path, replace(mark, manifest=0))
    assert json.loads(path.read_text()).keys() == {"model", "dimensions", "language", "layout", "position"}
    shard = Shard(closed.ledger, opened(tmp_path))
    assert (await shard.store.status()).position == closed.ledger.position
    assert await shard.audited() == closed.expected()
    await shard.store.close()


# Interrupted rebuilds.


async def test_a_rebuild_that_can_t_write_its_mark_leaves_the_old_index(
    shard: Shard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shard.add(*others(5))
    await shard.store.begin_rebuild()
    await shard.store.load(shard.rows())
    with monkeypatch.context() as patched:
        patched.setattr(lite, "write_mark", full)
        with pytest.raises(Unavailable, match="No space left"):
            await shard.store.finish_rebuild(5)
    assert not list(tmp_path.glob("*.copy-*"))
    await shard.add((version("later"), axis(0)))
    assert await shard.audited() == shard.expected()
    await shard.store.close()
    again = Shard(shard.ledger, opened(tmp_path))
    assert (await again.store.status()).position == 6
    assert await again.audited() == shard.expected()
    await again.store.close()


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


async def test_a_crash_before_the_old_file_is_removed_leaves_the_new_index(
    shard: Shard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shard.add(*others(5))
    await shard.delete("m000", kind=EventKind.PURGE)
    await shard.store.begin_rebuild()
    await shard.store.load(shard.rows())
    with monkeypatch.context() as patched:
        patched.setattr(lite_file, "remove", full)
        applied = await shard.store.finish_rebuild(6)
    assert applied.unerased == 6, "the old file is still there"
    assert (tmp_path / "vector-0.db").exists()
    again = Shard(shard.ledger, opened(tmp_path))  # the first one was not closed
    assert not (tmp_path / "vector-0.db").exists()
    assert (await again.store.status()).position == 6
    assert await again.audited() == shard.expected()
    await again.rebuild()
    assert (await again.store.status()).unerased == 0
    await again.store.close()


async def test_a_copy_that_was_never_finished_is_removed_at_the_next_start(shard: Shard, tmp_path: Path) -> None:
    await shard.add(*others(5))
    await flushed(shard)
    await shard.store.begin_rebuild()
    await shard.store.load(shard.rows())
    shutil.copytree(tmp_path, tmp_path / "crashed", ignore=shutil.ignore_patterns("crashed"))
    assert len(list((tmp_path / "crashed").glob("*.copy-*"))) == 1
    again = Shard(shard.ledger, opened(tmp_path / "crashed"))
    assert not list((tmp_path / "crashed").glob("*.copy-*"))
    assert await again.audited() == shard.expected()
    await again.store.close()


# Full disks.


@contextmanager
def full_disk(largest_bytes: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes: a write ends as on a full disk, in the middle."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_on_a_full_disk_a_write_is_refused_and_works_later(shard: Shard, tmp_path: Path) -> None:
    await shard.add(*others(5))
    batch = shard.ledger.add((version("later", "much " * 1_000, live_from=6), axis(0)))
    log = next(tmp_path.rglob("wal_data_*.arrow"))
    with full_disk(log.stat().st_size + 100), pytest.raises(Unavailable):
        await shard.store.apply(batch)
    assert (await shard.store.status()).position == 5
    assert (await shard.store.apply(batch)).position == 6
    assert await shard.audited() == shard.expected()
    await shard.store.close()
    again = Shard(shard.ledger, opened(tmp_path))
    assert await again.audited() == shard.expected()
    await again.store.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Lite leaves its log open then
async def test_a_flush_on_a_full_disk_loses_nothing_that_is_not_asked_for_again(
    shard: Shard, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await shard.add(*others(5))
    await flushed(shard)
    batch = shard.ledger.add(*[(replace(version(f"n{at}"), live_from=6 + at), axis(at)) for at in range(5)])
    before = await shard.store.apply(batch)
    with full_disk(500), pytest.raises(Unavailable, match="has to be sent again"):
        await flushed(shard)
    after = await shard.store.status()
    assert after.position == 5
    assert after.incarnation != before.incarnation
    await shard.store.apply(batch)
    await flushed(shard)
    again = Shard(shard.ledger, opened(tmp_path))
    assert (await again.store.status()).position == 10
    assert await again.audited() == shard.expected()
    await again.store.close()
    caplog.clear()
    gc.collect()


async def test_with_too_little_room_nothing_is_begun(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    await shard.add((version("a"), axis(0)))
    batch = shard.ledger.add((version("b", live_from=2), axis(1)))
    usage = shutil.disk_usage("/")
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
        with pytest.raises(Unavailable, match=r"is full: 1000 bytes are free"):
            await shard.store.apply(batch)
        with pytest.raises(Unavailable, match="is full"):
            await flushed(shard)
        assert set(await shard.found(by_block=False)) == {"a"}
    assert (await shard.store.apply(batch)).position == 2
    assert await shard.audited() == shard.expected()
