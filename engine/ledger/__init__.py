"""The ledger: the durable, ordered log of operations, versions and events. The only folder that knows SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.clock import now_us

if TYPE_CHECKING:
    from engine.config import Settings
    from engine.ledger.inspection import LedgerReport
    from engine.ledger.store import SqlLedger


def build(settings: Settings, shard: int = 0) -> SqlLedger:
    """The ledger that the settings name: a SQLAlchemy URL, or one SQLite file per shard in the data directory.

    Shards never share tables. The first one lies where the URL leads; the others beside it: on a server in a schema
    `remora_<shard>`, on SQLite in a file of their own (`ledger.db`, `ledger-1.db`, ...).
    """
    from engine.ledger.place import place_of
    from engine.ledger.store import SqlLedger

    if settings.ledger.url is None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    url, schema = place_of(settings, shard)
    return SqlLedger(url, readers=settings.ledger.readers, number=shard, shards=settings.shards, schema=schema)


def inspect(settings: Settings, shard: int = 0) -> LedgerReport | None:
    """What the shard's ledger holds, without becoming its owner; None: it hasn't been made yet.

    Raises:
        InvalidInput: `ledger.url` is none.
        InvariantViolated: it is damaged.
        Unavailable: it can't be read.
    """
    from engine.ledger.inspection import inspect_at
    from engine.ledger.place import place_of

    return inspect_at(*place_of(settings, shard))


def in_memory(clock: Callable[[], int] = now_us) -> SqlLedger:
    """A ledger that forgets: the same code on an in-memory SQLite, for tests and trials."""
    from engine.ledger.store import SqlLedger

    return SqlLedger("sqlite://", readers=1, clock=clock)
