"""What a database's own errors mean to whoever asked, and what to do about them."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from engine.errors import InvariantViolated, RemoraError, Unavailable

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_NO_SPACE_ON_SERVER = "53100"
_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full: free space there",
    sqlite3.SQLITE_READONLY: "the file can't be written: give this user the right to",
    sqlite3.SQLITE_PERM: "the file can't be written: give this user the right to",
    sqlite3.SQLITE_CANTOPEN: "the file can't be opened: see that its directory exists and may be written",
    sqlite3.SQLITE_BUSY: "another process is writing to it: end that one",
    sqlite3.SQLITE_IOERR: "the disk refused: see that it has space and is sound",
}
_NOTHING_LOST = "Nothing that was acknowledged is lost"


def translated(error: DBAPIError, place: str, *, rolled_back: bool) -> RemoraError:
    """The error as ours.

    Args:
        error: the driver's.
        place: the database, without its password.
        rolled_back: it is certain that nothing of the transaction is there.
    """
    error = _first(error)
    cause = str(error.orig).strip()
    if _primary(error) in _DAMAGED:
        return damaged(place, cause)
    if isinstance(error, DataError | IntegrityError):
        return InvariantViolated(f"the ledger's database at {place} refused a value: {cause}", {"place": place})
    advice = _advice(error)
    message = f"the ledger's database at {place} failed: {cause}"
    if advice is not None:
        message += f"; {advice}. {_NOTHING_LOST}"
    return Unavailable(message, {"place": place, **({"rolled_back": True} if rolled_back else {})})


def _first(error: DBAPIError) -> DBAPIError:
    """What went wrong first: SQLite ends the transaction of a write that does not fit, and its savepoint with it.

    `no such savepoint` says nothing to anybody.
    """
    before: BaseException | None = error
    while before is not None:
        if isinstance(before, DBAPIError):
            error = before
        before = before.__context__
    return error


def damaged(place: str, how: str) -> InvariantViolated:
    """A database that can't be used as it is. It is never replaced by an empty one."""
    return InvariantViolated(
        f"the ledger at {place} is damaged: {how}. Stop, move it aside, and restore a backup (remora restore)",
        {"place": place},
    )


def is_certain(error: DBAPIError) -> bool:
    """Whether a COMMIT that failed so has surely written nothing that another start could find.

    SQLite's COMMIT is whole once its last page is in the log: an error while writing comes before that, one while
    syncing may come after. Of a server whose answer is lost nothing is known.
    """
    if not isinstance(error.orig, sqlite3.Error):
        return False
    code = _code(error)
    return _primary(error) != sqlite3.SQLITE_IOERR or code == sqlite3.SQLITE_IOERR_WRITE


def _advice(error: DBAPIError) -> str | None:
    if getattr(error.orig, "sqlstate", None) == _NO_SPACE_ON_SERVER:
        return "the server's disk is full: free space there"
    primary = _primary(error)
    return None if primary is None else _ADVICE.get(primary)


def _code(error: DBAPIError) -> int | None:
    code: int | None = getattr(error.orig, "sqlite_errorcode", None)
    return code


def _primary(error: DBAPIError) -> int | None:
    code = _code(error)
    return None if code is None else code & 0xFF
