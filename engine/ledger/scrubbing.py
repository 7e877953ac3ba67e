"""Rids a database's files of what its rows no longer hold. Runs in the writer's thread, outside any transaction.

SQLite keeps the pages of a transaction in its log until a checkpoint; and a page whose rows have moved to another may
keep a copy of them in its gap, which no later change of the rows reaches (`secure_delete` clears what is deleted, not
what is moved). So after a purge the file is written anew (VACUUM) and the log is truncated. That this is owed is
written into the file, in the transaction that erases, so that it is done even if the process dies first.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from engine.ledger.schema import operations, signals, versions

_log = logging.getLogger(__name__)

_OWED = text("PRAGMA user_version = 1")


class Scrubber:
    """What a ledger's files still have to be rid of.

    Args:
        engine: of the writer.
        in_file: it is a SQLite file; otherwise a server, or in memory.
        schema: where a server keeps the tables.
    """

    def __init__(self, engine: Engine, *, in_file: bool, schema: str | None) -> None:
        self._engine = engine
        self._in_file = in_file
        self._server = engine.dialect.name == "postgresql"
        self._prefix = "" if schema is None else f'"{schema}".'
        self.owed = False
        """Whether a file may still hold what was erased."""
        self.only_log = False
        """Whether all that is owed is to truncate the log, which costs little."""

    def owe(self, connection: Connection) -> None:
        """Note it in the transaction that erases."""
        if self._in_file:
            connection.execute(_OWED)

    def scrub(self, patience_ms: int) -> None:
        """Do what is owed, unless somebody's reading stands in the way for so long; `owed` says whether it is done."""
        if not self._in_file and not self._server:
            self.owed = False
            return
        try:
            if self._server:
                self._vacuum_server()
            else:
                self._scrub_file(patience_ms)
        except (SQLAlchemyError, sqlite3.Error) as error:
            self.owed = True
            _log.warning("the ledger's files can't be rid of what was purged yet, it is tried again: %s", error)

    def _scrub_file(self, patience_ms: int) -> None:
        raw = self._engine.raw_connection()
        cursor = raw.cursor()
        try:
            ((before_ms,),) = cursor.execute("PRAGMA busy_timeout").fetchall()
            cursor.execute(f"PRAGMA busy_timeout = {patience_ms}")
            try:
                self._rewrite(cursor)
                ((busy, _, _),) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                cursor.execute(f"PRAGMA busy_timeout = {before_ms}")
        finally:
            cursor.close()
            raw.close()
        self.owed = bool(busy)

    def _rewrite(self, cursor: Any) -> None:
        ((marked,),) = cursor.execute("PRAGMA user_version").fetchall()
        self.only_log = False
        if marked:
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA user_version = 0")
        self.only_log = True

    def _vacuum_server(self) -> None:
        with self._engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            tables = ", ".join(f"{self._prefix}{table.name}" for table in (versions, operations, signals))
            alone.execute(text(f"VACUUM {tables}"))
        self.owed = False
