"""A look at a ledger that nobody need own: whether it can be read and is whole. Changes nothing in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, func, inspect, make_url, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from engine.errors import InvariantViolated, Unavailable
from engine.ledger.schema import events, operations, shard, versions

_CHECK = text("PRAGMA quick_check(5)")
_OPEN_STATES = ("PENDING", "RUNNING")
_DAMAGE = ("malformed", "not a database", "no such table", "disk image")


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """What a ledger holds. `shards`: how many there are of its kind; None: it was made before this was written down.

    `newest_us`: when the last event was written, by that machine's clock; None: none yet. `unfinished`: operations
    that were accepted and wait for the next start.
    """

    place: str
    shards: int | None
    position: int
    memories: int
    unfinished: int
    newest_us: int | None


def inspect_at(url: str, schema: str | None = None) -> LedgerReport | None:
    """Look at the ledger at a SQLAlchemy URL, also while its owner writes; None: there is none yet.

    A SQLite file is read as a whole, to see whether it is damaged; a server checks its own files.

    Raises:
        InvariantViolated: it is damaged, or is no ledger; the message says how.
        Unavailable: it can't be read.
    """
    parsed = make_url(url)
    place = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() == "sqlite":
        place = parsed.database or ""
        if not Path(place).is_file():
            return None
        url = f"sqlite:///file:{quote(place)}?mode=ro&uri=true"
    try:
        engine = create_engine(url, poolclass=NullPool)
        if schema is not None:
            engine = engine.execution_options(schema_translate_map={None: schema})
        return _report(engine, place, schema)
    except ModuleNotFoundError as error:
        raise Unavailable(f"{place} needs the package {error.name}: pip install {error.name}") from error
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error)
        if any(sign in cause for sign in _DAMAGE):
            raise InvariantViolated(f"{place} is no whole ledger: {cause}", {"place": place}) from error
        raise Unavailable(f"{place} can't be read: {cause}", {"place": place}) from error


def _report(engine: Engine, place: str, schema: str | None) -> LedgerReport | None:
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            _check(connection, place)
        elif not inspect(connection).has_table(shard.name, schema=schema):
            return None
        return _read(connection, place, schema)


def _check(connection: Connection, place: str) -> None:
    problems = [str(row[0]) for row in connection.execute(_CHECK)]
    if problems != ["ok"]:
        raise InvariantViolated(f"{place} is damaged: {'; '.join(problems)}", {"place": place, "problems": problems})


def _read(connection: Connection, place: str, schema: str | None) -> LedgerReport:
    columns = {column["name"] for column in inspect(connection).get_columns(shard.name, schema=schema)}
    live = select(func.count()).select_from(versions).where(versions.c.live_to.is_(None))
    unfinished = select(func.count()).select_from(operations).where(operations.c.state.in_(_OPEN_STATES))
    # The last event alone, by its key: a maximum over all times would read them all.
    newest = select(events.c.at_us).order_by(events.c.position.desc()).limit(1)
    return LedgerReport(
        place=place,
        shards=connection.execute(select(shard.c.shards)).scalar() if shard.c.shards.name in columns else None,
        position=connection.execute(select(shard.c.position)).scalar() or 0,
        memories=connection.execute(live).scalar_one(),
        unfinished=connection.execute(unfinished).scalar_one(),
        newest_us=connection.execute(newest).scalar(),
    )
