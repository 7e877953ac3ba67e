"""The ledger: the durable, ordered log of operations, versions and events. The only folder that knows SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.config import Settings
    from engine.ledger.store import SqlLedger


def build(settings: Settings, shard: int = 0) -> SqlLedger:
    """The ledger that the settings name: a SQLAlchemy URL, or one SQLite file per shard in the data directory."""
    from engine.ledger.store import SqlLedger

    url = settings.ledger.url
    if url is None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{settings.data_dir / f'ledger-{shard}.db'}"
    return SqlLedger(url, readers=settings.ledger.readers)


def in_memory() -> SqlLedger:
    """A ledger that forgets: the same code on an in-memory SQLite, for tests and trials."""
    from engine.ledger.store import SqlLedger

    return SqlLedger("sqlite://", readers=1)
