"""The ledger: the durable, ordered log of operations, versions and events. The only folder that knows SQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.config import Settings
    from engine.ledger.inspection import LedgerReport
    from engine.ledger.store import SqlLedger


def build(settings: Settings, shard: int = 0) -> SqlLedger:
    """The ledger that the settings name: a SQLAlchemy URL, or one SQLite file per shard in the data directory.

    Shards never share tables. The first one lies where the URL leads; the others beside it: on a server in a schema
    `remora_<shard>`, on SQLite in a file of their own (`ledger.db`, `ledger-1.db`, ...).
    """
    from engine.ledger.store import SqlLedger

    if settings.ledger.url is None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    url, schema = _place(settings, shard)
    return SqlLedger(url, readers=settings.ledger.readers, number=shard, shards=settings.shards, schema=schema)


def inspect(settings: Settings, shard: int = 0) -> LedgerReport | None:
    """What the shard's ledger holds, without becoming its owner; None: it hasn't been made yet.

    Raises:
        InvalidInput: `ledger.url` is none.
        InvariantViolated: it is damaged.
        Unavailable: it can't be read.
    """
    from sqlalchemy.exc import ArgumentError

    from engine.errors import InvalidInput
    from engine.ledger.inspection import inspect_at

    try:
        url, schema = _place(settings, shard)
    except ArgumentError as error:
        raise InvalidInput("ledger.url is no database URL", {"setting": "ledger.url"}) from error
    return inspect_at(url, schema)


def _place(settings: Settings, shard: int) -> tuple[str, str | None]:
    """The URL of a shard's ledger, and the schema that it has there."""
    from sqlalchemy import make_url

    if settings.ledger.url is None:
        return f"sqlite:///{settings.data_dir / f'ledger-{shard}.db'}", None
    parsed = make_url(settings.ledger.url)
    if shard == 0:
        return settings.ledger.url, None
    if parsed.get_backend_name() != "sqlite":
        return settings.ledger.url, f"remora_{shard}"
    if not parsed.database or parsed.database == ":memory:":
        return settings.ledger.url, None
    path = Path(parsed.database)
    beside = path.with_name(f"{path.stem}-{shard}{path.suffix}")
    return parsed.set(database=str(beside)).render_as_string(hide_password=False), None


def in_memory() -> SqlLedger:
    """A ledger that forgets: the same code on an in-memory SQLite, for tests and trials."""
    from engine.ledger.store import SqlLedger

    return SqlLedger("sqlite://", readers=1)
