"""The ledger's tables. No queries here."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from engine.types import SCOPE_FIELDS

metadata = MetaData()

_BIG = BigInteger().with_variant(Integer, "sqlite")
_LIVE = text("live_to IS NULL")
_ENDED = text("live_to IS NOT NULL")
OPEN = text("state IN ('PENDING', 'RUNNING')")
"""As the index has it: a database uses a partial index only for a query that says the same, with no parameters."""
FAILED = text("state = 'FAILED'")
_FIRST_ALONE = text("version = 1 AND run_id IS NULL")


def _live_index(name: str, *columns: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=_LIVE, postgresql_where=_LIVE)


def _live_scope_index(field: str) -> Index:
    """Of those that have the field: most memories have one or two of the four."""
    where = text(f"live_to IS NULL AND {field} IS NOT NULL")
    columns = ("project", field, "created_at_us", "memory_id")
    return Index(f"live_{field}", *columns, sqlite_where=where, postgresql_where=where)


def _ended_index(field: str) -> Index:
    """Of ended versions, for purges and for the past: adds don't pay for it, and what has been purged isn't in it."""
    where = text(f"live_to IS NOT NULL AND {field} IS NOT NULL")
    columns = ("project", field, "live_to", "live_from")
    return Index(f"past_{field}", *columns, sqlite_where=where, postgresql_where=where)


shard = Table(
    "shard",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1"), primary_key=True),
    Column("epoch", _BIG, nullable=False),
    Column("position", _BIG, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("shards", Integer, nullable=False, doc="how many there are"),
    Column("number", Integer, nullable=False, doc="which of them this is"),
)

operations = Table(
    "operations",
    metadata,
    Column("seq", _BIG, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("project", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("lane", Text),
    Column("state", Text, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("request_hash", LargeBinary, nullable=False),
    Column("idempotency_key", Text),
    Column("result", LargeBinary),
    Column("error", LargeBinary),
    Column("created_at_us", _BIG, nullable=False),
    Column("completed_at_us", _BIG),
    Index("operation_key", "project", "idempotency_key", unique=True),
    Index("operation_open", "seq", sqlite_where=OPEN, postgresql_where=OPEN),
    Index("failed_operation", "project", "created_at_us", "id", sqlite_where=FAILED, postgresql_where=FAILED),
    Index("operation_lane", "lane"),
    sqlite_autoincrement=True,
)

versions = Table(
    "versions",
    metadata,
    Column("memory_id", String(36), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("project", Text, nullable=False),
    *[Column(name, Text) for name in SCOPE_FIELDS],
    Column("text", Text, nullable=False),
    Column("role", Text),
    Column("name", Text),
    Column("created_at_us", _BIG, nullable=False),
    Column("updated_at_us", _BIG, nullable=False),
    Column("expiration_date", Text),
    Column("extra", LargeBinary, nullable=False, doc="msgpack: metadata, categories, entities, relations, …"),
    Column("vector", LargeBinary, nullable=False, doc="little-endian float32"),
    Column("fingerprint", LargeBinary, doc="what makes it the same memory; null once purged"),
    Column("live_from", _BIG, nullable=False),
    Column("live_to", _BIG),
    Column("operation_id", String(36), nullable=False),
    _live_index("live_memory", "memory_id", unique=True),
    _live_index("live_fingerprint", "project", "fingerprint", unique=True),
    _live_index("live_project", "project", "created_at_us", "memory_id"),
    *[_live_scope_index(name) for name in SCOPE_FIELDS],
    *[_ended_index(name) for name in SCOPE_FIELDS],
    Index("past_project", "project", "live_to", "live_from", sqlite_where=_ENDED, postgresql_where=_ENDED),
    # What one add made, where no run says what belongs together.
    Index("first_version", "operation_id", sqlite_where=_FIRST_ALONE, postgresql_where=_FIRST_ALONE),
)

events = Table(
    "events",
    metadata,
    Column("position", _BIG, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("memory_id", String(36), nullable=False),
    Column(
        "version", Integer, nullable=False, doc="the version it made; for DELETE the one it ended, for PURGE the last"
    ),
    Column("project", Text, nullable=False),
    Column("at_us", _BIG, nullable=False),
    Column("operation_id", String(36), nullable=False),
    Column("superseded_by", String(36), doc="of a DELETE: the memory that holds in its place"),
    Index("event_memory", "memory_id", "position"),
)

sources = Table(
    "sources",
    metadata,
    Column("memory_id", String(36), primary_key=True, doc="the message"),
    Column("fact_id", String(36), primary_key=True),
    Column("project", Text, nullable=False),
    Column("since", _BIG, nullable=False, doc="the position from which on the fact is from it"),
    Index("source_of", "fact_id"),
)
"""Which messages stand behind which facts, of live and of ended ones. One that was read stands for itself as well."""

signals = Table(
    "signals",
    metadata,
    Column("memory_id", String(36), primary_key=True),
    Column("version", Integer, nullable=False, doc="always the live one: the row goes when it ends"),
    Column("made_by", Text, nullable=False, doc="model and format; the same in all rows"),
    Column("window", LargeBinary, nullable=False, doc="what those that were encoded together have in common"),
    Column("place", LargeBinary, nullable=False, doc="the rest of the key"),
    Column("width", Integer, nullable=False, doc="bytes of a token's code"),
    Column("context", LargeBinary, nullable=False, doc="as engine.packed writes it"),
    Column("tokens", LargeBinary, nullable=False, doc="int8"),
    Index("signal_window", "window"),
)
"""Made in the background from `versions` and made again when missing: in no backup."""

rankings = Table(
    "rankings",
    metadata,
    Column("project", Text, primary_key=True),
    Column("weights", LargeBinary, nullable=False, doc="msgpack: {signal: weight}"),
)
"""How a project wants its searches ranked, where it isn't as shipped."""

project_settings = Table(
    "project_settings",
    metadata,
    Column("project", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False, doc="msgpack: an object"),
)
"""What else a project has set, by name; see `engine.project_settings`."""

feedback = Table(
    "feedback",
    metadata,
    Column("memory_id", String(36), primary_key=True),
    Column("project", Text, nullable=False),
    Column("feedback", Text, nullable=False),
    Column("reason", Text),
    Column("at_us", _BIG, nullable=False),
    Index("feedback_newest", "project", "at_us", "memory_id"),
)
"""What callers think of memories, the newest of each. Goes when the memory is purged."""

aliases = Table(
    "aliases",
    metadata,
    Column("project", Text, primary_key=True),
    *[Column(name, Text, primary_key=True, doc="empty: the scope has none") for name in SCOPE_FIELDS],
    Column("key", Text, primary_key=True, doc="of the name that means another"),
    Column("name", Text, nullable=False),
    Column("into", Text, nullable=False, doc="the name that it means"),
)
"""Names of the graph's entities that a person has said to mean the same in a scope."""
