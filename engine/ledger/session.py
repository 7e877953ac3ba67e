"""One transaction on a shard's ledger from a process that doesn't own it. Blocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from engine.errors import InvariantViolated, Unavailable

_BUSY_TIMEOUT_MS = 10_000
_DAMAGE = ("malformed", "not a database", "disk image")


@contextmanager
def reading(url: str, schema: str | None) -> Iterator[Connection | None]:
    """One consistent read transaction, which changes nothing; None: there is no database file.

    Raises:
        InvariantViolated: the database is damaged.
        Unavailable: it can't be read.
    """
    path = file_of(url)
    if path is not None and not path.is_file():
        yield None
        return
    readable = url if path is None else f"sqlite:///file:{quote(str(path.absolute()))}?mode=ro&uri=true"
    engine = _engine(readable, schema, begin="DEFERRED", write=False)
    with translated(url), ExitStack() as stack:
        stack.callback(engine.dispose)
        connection = stack.enter_context(engine.connect())
        if path is None:
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        stack.enter_context(connection.begin())
        yield connection


def writer(url: str, schema: str | None) -> Engine:
    """For one transaction that writes; on SQLite what is committed is fsynced."""
    return _engine(url, schema, begin="IMMEDIATE", write=True)


def file_of(url: str) -> Path | None:
    """Where a SQLite ledger lies; a path without a name: nowhere. None: on a server."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    return Path() if parsed.database in (None, "", ":memory:") else Path(str(parsed.database))


def shown(url: str) -> str:
    """A file's path, or a server's URL without its password."""
    path = file_of(url)
    return make_url(url).render_as_string(hide_password=True) if path is None else str(path)


def _engine(url: str, schema: str | None, *, begin: str, write: bool) -> Engine:
    try:
        engine = create_engine(url, poolclass=NullPool)
    except ModuleNotFoundError as error:
        raise Unavailable(f"{shown(url)} needs the package {error.name}: pip install {error.name}") from error
    if engine.dialect.name == "sqlite":
        _configure(engine, begin, write=write)
    return engine if schema is None else engine.execution_options(schema_translate_map={None: schema})


def _configure(engine: Engine, begin: str, *, write: bool) -> None:
    """The driver begins nothing by itself, so that a transaction is one snapshot; writes are durable when committed."""

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        if write:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)


@contextmanager
def translated(url: str) -> Iterator[None]:
    """What the database says, as ours."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip()
        details = {"place": shown(url)}
        if any(sign in cause for sign in _DAMAGE):
            raise InvariantViolated(f"the ledger at {shown(url)} is damaged: {cause}", details) from error
        raise Unavailable(f"the ledger's database at {shown(url)} refused: {cause}", details) from error
