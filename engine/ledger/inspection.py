"""A look at a ledger that nobody need own: whether it can be read and is whole. Changes nothing in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, func, make_url, select, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from engine.errors import InvalidInput, InvariantViolated, Unavailable
from engine.ledger.schema import events, operations, shard, versions

_CHECK = text("PRAGMA quick_check(5)")
_OPEN_STATES = ("PENDING", "RUNNING")


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """What a ledger holds. `newest_us`: when the last event was written, by that machine's clock; None: none yet.

    `unfinished`: operations that were accepted and wait for the next start.
    """

    position: int
    memories: int
    unfinished: int
    newest_us: int | None


def inspect_file(path: Path) -> LedgerReport:
    """Check a SQLite ledger, also while its owner writes. Reads the whole file.

    Raises:
        InvariantViolated: it is damaged, or is no ledger; the message says how.
        Unavailable: it can't be read.
    """
    return _inspect(f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true", str(path))


def inspect_url(url: str) -> LedgerReport:
    """The same for a ledger on a server, which checks its own files.

    Raises:
        InvalidInput: `url` is none.
        InvariantViolated, Unavailable: as `inspect_file`.
    """
    try:
        place = make_url(url).render_as_string(hide_password=True)
    except ArgumentError as error:
        raise InvalidInput("ledger.url is no database URL", {"setting": "ledger.url"}) from error
    return _inspect(url, place)


def _inspect(url: str, place: str) -> LedgerReport:
    try:
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            _check(connection, place)
            return _report(connection)
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        if "malformed" in str(cause) or "not a database" in str(cause) or "no such table" in str(cause):
            raise InvariantViolated(f"{place} is no whole ledger: {cause}", {"place": place}) from error
        raise Unavailable(f"{place} can't be read: {cause}", {"place": place}) from error


def _check(connection: Connection, place: str) -> None:
    if connection.dialect.name != "sqlite":
        return
    problems = [str(row[0]) for row in connection.execute(_CHECK)]
    if problems != ["ok"]:
        raise InvariantViolated(f"{place} is damaged: {'; '.join(problems)}", {"place": place, "problems": problems})


def _report(connection: Connection) -> LedgerReport:
    live = select(func.count()).select_from(versions).where(versions.c.live_to.is_(None))
    unfinished = select(func.count()).select_from(operations).where(operations.c.state.in_(_OPEN_STATES))
    # The last event alone, by its key: a maximum over all times would read them all.
    newest = select(events.c.at_us).order_by(events.c.position.desc()).limit(1)
    return LedgerReport(
        position=connection.execute(select(shard.c.position)).scalar_one_or_none() or 0,
        memories=connection.execute(live).scalar_one(),
        unfinished=connection.execute(unfinished).scalar_one(),
        newest_us=connection.execute(newest).scalar_one_or_none(),
    )
