"""A backup is the same whatever database it comes from, where a PostgreSQL is named.

`REMORA_TEST_POSTGRES` is a SQLAlchemy URL of a database whose schemas `remora_1` and `remora_2` may be dropped.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.schema import CreateSchema, DropSchema

from engine import ledger
from engine.backup.restore import problems, restore
from engine.backup.write import back_up
from engine.config import Settings, load
from engine.errors import Conflict
from engine.ledger_port import Accept
from tests.unit.filled_ledger import contents, fill, silent, waiting

POSTGRES = os.environ.get("REMORA_TEST_POSTGRES", "")

pytestmark = pytest.mark.skipif(not POSTGRES, reason="REMORA_TEST_POSTGRES names no database")


@pytest.fixture
def server(tmp_path: Path) -> Settings:
    """Two shards on the server; the first one lies where the URL leads, which is a schema that may be dropped."""
    engine = create_engine(POSTGRES)
    with engine.begin() as connection:
        for schema in ("remora_1", "remora_2"):
            connection.execute(DropSchema(schema, cascade=True, if_exists=True))
        connection.execute(CreateSchema("remora_2"))
    engine.dispose()
    url = f"{POSTGRES}{'&' if '?' in POSTGRES else '?'}options=-csearch_path%3Dremora_2"
    return load(data_dir=tmp_path / "on-server", shards=2, ledger={"url": url})


async def test_from_sqlite_to_postgresql_and_back(server: Settings, tmp_path: Path) -> None:
    files = load(data_dir=tmp_path / "files", shards=2)
    for number in range(2):
        await fill(files, number)
    first = back_up(files, tmp_path / "first", version="1", bar=silent)
    restore(server, tmp_path / "first", silent)
    assert await problems(server) == []
    second = back_up(server, tmp_path / "second", version="1", bar=silent)
    assert [(one.position, one.rows) for one in second.files] == [(one.position, one.rows) for one in first.files]
    again = load(data_dir=tmp_path / "again", shards=2)
    restore(again, tmp_path / "second", silent)
    for name in ("ledger-0.db", "ledger-1.db"):
        assert contents(again.data_dir / name) == contents(files.data_dir / name)


async def test_a_restored_server_goes_on_counting(server: Settings, tmp_path: Path) -> None:
    files = load(data_dir=tmp_path / "files", shards=2)
    for number in range(2):
        await fill(files, number)
    back_up(files, tmp_path / "backup", version="1", bar=silent)
    restore(server, tmp_path / "backup", silent)
    for number in range(2):
        store = ledger.build(server, number)
        owner = await store.open()
        (unfinished,) = await store.unfinished()
        (written,) = (await store.write(owner.epoch, [Accept(waiting(100))])).written
        await store.close()
        assert written.operation is not None
        assert written.operation.seq > unfinished.seq
    with pytest.raises(Conflict, match="isn't empty"):
        restore(server, tmp_path / "backup", silent)
