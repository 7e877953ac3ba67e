"""Where a shard's ledger lies. Pure."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from engine.config import Settings
from engine.errors import InvalidInput


def place_of(settings: Settings, shard: int) -> tuple[str, str | None]:
    """The URL of a shard's ledger, and the schema that it has there (None: where the URL leads).

    Raises:
        InvalidInput: `ledger.url` is none.
    """
    if settings.ledger.url is None:
        return f"sqlite:///{settings.data_dir / f'ledger-{shard}.db'}", None
    try:
        parsed = make_url(settings.ledger.url)
    except ArgumentError as error:
        raise InvalidInput("ledger.url is no database URL", {"setting": "ledger.url"}) from error
    if shard == 0:
        return settings.ledger.url, None
    if parsed.get_backend_name() != "sqlite":
        return settings.ledger.url, f"remora_{shard}"
    if not parsed.database or parsed.database == ":memory:":
        return settings.ledger.url, None
    path = Path(parsed.database)
    beside = path.with_name(f"{path.stem}-{shard}{path.suffix}")
    return parsed.set(database=str(beside)).render_as_string(hide_password=False), None
