"""The ledger: the durable, ordered log of operations, versions and events. The only folder that knows SQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.config import Settings
    from engine.ledger.store import SqlLedger


def build(settings: Settings, shard: int = 0) -> SqlLedger:
    """The ledger that the settings name: a SQLAlchemy URL, or one SQLite file per shard in the data directory.

    Shards never share tables. The first one lies where the URL leads; the others beside it: on a server in a schema
    `remora_<shard>`, on SQLite in a file of their own (`ledger.db`, `ledger-1.db`, ...).
    """
    from sqlalchemy import make_url

    from engine.ledger.store import SqlLedger

    url = settings.ledger.url
    schema = None
    if url is None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{settings.data_dir / f'ledger-{shard}.db'}"
    elif shard > 0:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            schema = f"remora_{shard}"
        elif parsed.database and parsed.database != ":memory:":
            path = Path(parsed.database)
            beside = path.with_name(f"{path.stem}-{shard}{path.suffix}")
            url = parsed.set(database=str(beside)).render_as_string(hide_password=False)
    return SqlLedger(url, readers=settings.ledger.readers, number=shard, shards=settings.shards, schema=schema)


def in_memory() -> SqlLedger:
    """A ledger that forgets: the same code on an in-memory SQLite, for tests and trials."""
    from engine.ledger.store import SqlLedger

    return SqlLedger("sqlite://", readers=1)
