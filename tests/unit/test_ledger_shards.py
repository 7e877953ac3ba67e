"""A ledger remembers which shard of how many it is, and where each shard's ledger lies."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engine import ledger
from engine.config import load
from engine.errors import Conflict
from engine.ledger.place import place_of
from engine.ledger.store import SqlLedger


async def opened(path: Path, *, number: int = 0, shards: int = 1) -> None:
    store = SqlLedger(f"sqlite:///{path}", number=number, shards=shards)
    try:
        await store.open()
    finally:
        await store.close()


async def test_a_ledger_opens_again_as_the_shard_that_it_was(tmp_path: Path) -> None:
    await opened(tmp_path / "ledger.db", number=2, shards=4)
    await opened(tmp_path / "ledger.db", number=2, shards=4)


async def test_another_number_of_shards_is_refused_and_the_message_says_what_to_set(tmp_path: Path) -> None:
    await opened(tmp_path / "ledger.db", number=0, shards=4)
    with pytest.raises(Conflict, match=r"set shards = 4 \(REMORA_SHARDS=4\)"):
        await opened(tmp_path / "ledger.db", number=0, shards=1)


async def test_the_file_of_another_shard_is_refused(tmp_path: Path) -> None:
    await opened(tmp_path / "ledger.db", number=1, shards=4)
    with pytest.raises(Conflict, match="changed places"):
        await opened(tmp_path / "ledger.db", number=2, shards=4)


async def test_what_is_refused_stays_as_it_was(tmp_path: Path) -> None:
    await opened(tmp_path / "ledger.db", shards=4)
    with sqlite3.connect(tmp_path / "ledger.db") as before:
        epoch = before.execute("SELECT epoch FROM shard").fetchone()
    with pytest.raises(Conflict):
        await opened(tmp_path / "ledger.db", shards=2)
    with sqlite3.connect(tmp_path / "ledger.db") as after:
        assert after.execute("SELECT epoch FROM shard").fetchone() == epoch


async def test_a_ledger_from_before_there_were_shards_is_the_only_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await opened(path)
    with sqlite3.connect(path) as old:
        for column in ("shards", "number"):
            old.execute(f"ALTER TABLE shard DROP COLUMN {column}")
        (secret,) = old.execute("SELECT secret FROM shard").fetchone()
    with pytest.raises(Conflict, match="set shards = 1"):
        await opened(path, shards=4)
    store = SqlLedger(f"sqlite:///{path}")
    try:
        ownership = await store.open()
    finally:
        await store.close()
    assert (ownership.epoch, ownership.secret) == (2, secret)


async def test_shards_on_one_sqlite_url_lie_in_files_of_their_own(tmp_path: Path) -> None:
    settings = load(shards=2, data_dir=tmp_path / "data", ledger={"url": f"sqlite:///{tmp_path / 'mine.db'}"})
    for shard in range(2):
        store = ledger.build(settings, shard)
        try:
            await store.open()
        finally:
            await store.close()
    assert {"mine.db", "mine-1.db"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("url", "shard", "place"),
    [
        ("postgresql+psycopg://me:secret@db/remora", 0, ("postgresql+psycopg://me:secret@db/remora", None)),
        ("postgresql+psycopg://me:secret@db/remora", 2, ("postgresql+psycopg://me:secret@db/remora", "remora_2")),
        ("sqlite:////there/mine.db", 0, ("sqlite:////there/mine.db", None)),
        ("sqlite:////there/mine.db", 3, ("sqlite:////there/mine-3.db", None)),
    ],
)
def test_each_shard_has_a_place_of_its_own(url: str, shard: int, place: tuple[str, str | None]) -> None:
    assert place_of(load(shards=4, ledger={"url": url}), shard) == place
