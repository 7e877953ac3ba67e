"""The engines of a ledger, one to write and one to read, and what runs on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from engine.ledger.failures import is_certain, translated

T = TypeVar("T")

_BUSY_TIMEOUT_MS = 10_000


class Connections:
    """A writer with one connection, and readers. On SQLite a commit is fsynced (WAL, `synchronous=FULL`).

    Args:
        url: a SQLAlchemy URL; `sqlite://` keeps everything in memory on one connection.
        readers: connections for reads.
        schema: where a server keeps the tables; None: where the URL leads.

    Attributes:
        place: the database as messages name it.
        path: its file; None: it lies in memory, or on a server.
    """

    def __init__(self, url: str, readers: int, schema: str | None) -> None:
        parsed = make_url(url)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        self.in_memory = self.sqlite and parsed.database in (None, "", ":memory:")
        self.place = str(parsed.database or "memory") if self.sqlite else parsed.render_as_string(hide_password=True)
        named = self.sqlite and not self.in_memory and not self.place.startswith("file:")
        self.path = Path(self.place) if named else None
        self.schema = schema
        if self.in_memory:
            options: dict[str, Any] = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
            self.writer = self.reader = self._engine(url, "IMMEDIATE", **options)
        else:
            self.writer = self._engine(url, "IMMEDIATE", poolclass=QueuePool, pool_size=1, max_overflow=0)
            # One snapshot a transaction, as on SQLite: what a read tells of a position is of that position.
            isolation = {} if self.sqlite else {"isolation_level": "REPEATABLE READ"}
            self.reader = self._engine(
                url, "DEFERRED", poolclass=QueuePool, pool_size=readers, max_overflow=0, **isolation
            )

    def _engine(self, url: str, begin: str, **options: Any) -> Engine:
        engine = create_engine(url, **options)
        if self.sqlite:
            configure_sqlite(engine, begin, shared=self.in_memory)
        if self.schema is not None:
            engine = engine.execution_options(schema_translate_map={None: self.schema})
        return engine

    def write(self, work: Callable[[Connection], T]) -> T:
        """One transaction of the writer; see `transact`."""
        return transact(self.writer, self.place, work)

    def read(self, work: Callable[[Connection], T]) -> T:
        """One transaction that only reads.

        Raises:
            RemoraError: what the database said.
        """
        try:
            with self.reader.begin() as connection:
                return work(connection)
        except DBAPIError as error:
            raise translated(error, self.place, rolled_back=False) from error

    def dispose(self) -> None:
        """Let the database go."""
        self.writer.dispose()
        self.reader.dispose()


def transact(engine: Engine, place: str, work: Callable[[Connection], T]) -> T:
    """Work in one transaction, committed at its end.

    Raises:
        Unavailable: the database failed; `rolled_back` in its details: it is certain that nothing was written.
        InvariantViolated: the database is damaged.
    """
    committing = False
    try:
        with engine.connect() as connection:
            transaction = connection.begin()
            try:
                answer = work(connection)
            except BaseException:
                transaction.rollback()
                raise
            committing = True
            transaction.commit()
            return answer
    except DBAPIError as error:
        raise translated(error, place, rolled_back=not committing or is_certain(error)) from error


def configure_sqlite(engine: Engine, begin: str, *, shared: bool) -> None:
    """SQLAlchemy's recipe for pysqlite: the driver begins nothing by itself, so savepoints and locks are ours."""

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        if not shared:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)


def sqlite_file(path: Path) -> Engine:
    """A file that is written and let go."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    configure_sqlite(engine, "IMMEDIATE", shared=False)
    return engine
