"""The rows of derived signals: written, read, removed with the version that they are of. Synchronous."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    not_,
    or_,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from engine.conversations import WINDOW_KEY_BYTES, Conversation, conversation_of
from engine.ledger import codec
from engine.ledger.schema import signals, versions
from engine.ledger.source_rows import is_fact
from engine.ledger_port import ConversationRows, Lacking, Stretch
from engine.packed import pack, unpack
from engine.types import SCOPE_FIELDS, Derived

_AT_ONCE = 500
"""How many ids one statement names."""
_SAMPLE = 200
_SHOWN = [column for column in versions.c if column.name not in ("vector", "fingerprint")]
_IS_LIVE = versions.c.live_to.is_(None)
_FORGET = delete(signals).where(
    signals.c.window.in_(select(signals.c.window).where(signals.c.memory_id == bindparam("id_")))
)
_PUT = {
    dialect.name: dialect_insert(signals).on_conflict_do_update(
        index_elements=[signals.c.memory_id],
        set_={
            name: text(f"excluded.{name}")
            for name in ("version", "made_by", "window", "place", "width", "context", "tokens")
        },
    )
    for dialect, dialect_insert in ((sqlite.dialect, sqlite.insert), (postgresql.dialect, postgresql.insert))
}
_first = versions.alias("made")
_BORN = case(
    (versions.c.version == 1, versions.c.live_from),
    else_=select(_first.c.live_from)
    .where(_first.c.memory_id == versions.c.memory_id, _first.c.version == 1)
    .scalar_subquery(),
)
"""The `live_from` of a memory's first version: updates don't move it in its conversation."""


def forget(connection: Connection, memory_ids: Sequence[str]) -> None:
    """Remove the signals of these memories, and of all that were encoded in a window with them: these know of them."""
    if memory_ids:
        connection.execute(_FORGET, [{"id_": memory_id} for memory_id in memory_ids])


def begin(connection: Connection, made_by: str) -> None:
    """Remove what another model or format made: the rows are all of one making."""
    known = connection.execute(select(signals.c.made_by).limit(1)).scalar_one_or_none()
    if known not in (None, made_by):
        connection.execute(delete(signals))


def put(connection: Connection, made_by: str, rows: Sequence[Derived]) -> None:
    """Write the windows whose memories are all still what they were; the others have come too late."""
    ids = sorted({row.memory_id for row in rows})
    live: dict[str, int] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = versions.c.memory_id.in_(ids[start : start + _AT_ONCE])
        found = connection.execute(select(versions.c.memory_id, versions.c.version).where(_IS_LIVE, some))
        live.update((row.memory_id, row.version) for row in found)
    late = {_window(row) for row in rows if live.get(row.memory_id) != row.version}
    fresh = [_row(made_by, row) for row in rows if _window(row) not in late]
    if fresh:
        connection.execute(_PUT[connection.dialect.name], fresh)


def lacking(connection: Connection, after: str, limit: int) -> Lacking:
    """Live memories without signals, by id; how many there are in all is told with the first of them."""
    bare = and_(signals.c.memory_id == versions.c.memory_id)
    query = select(*_SHOWN).select_from(versions.outerjoin(signals, bare))
    query = query.where(_IS_LIVE, versions.c.memory_id > after, signals.c.memory_id.is_(None))
    found = connection.execute(query.order_by(versions.c.memory_id).limit(limit)).all()
    whose = [(row.memory_id, conversation_of(codec.version_of(row))) for row in found]
    return Lacking(tuple(whose), None if after else _count_live(connection) - count(connection))


def conversations(connection: Connection, asked: Sequence[Stretch], limit: int) -> list[ConversationRows]:
    """The live memories of each stretch, in order, with the keys of the signals that they have."""
    adds = [one.conversation for one in asked if one.conversation.operation_id is not None and one.after is None]
    of_adds = _of_adds(connection, adds)
    return [
        of_adds[one.conversation] if one.conversation in of_adds else _stretch(connection, one, limit) for one in asked
    ]


def _of_adds(connection: Connection, adds: Sequence[Conversation]) -> dict[Conversation, ConversationRows]:
    """Conversations of one add each: read together, and whole, for an add is never large."""
    rows: dict[Conversation, list[Row[Any]]] = {one: [] for one in adds}
    names = [one.operation_id for one in adds]
    for start in range(0, len(names), _AT_ONCE):
        made = _first_of(names[start : start + _AT_ONCE])
        query = _with_keys().where(_IS_LIVE, versions.c.memory_id.in_(made)).order_by(versions.c.created_at_us, _BORN)
        for row in connection.execute(query):
            whose = conversation_of(codec.version_of(row))
            if whose in rows:
                rows[whose].append(row)
    return {one: _rows(found, more=False) for one, found in rows.items()}


def _stretch(connection: Connection, asked: Stretch, limit: int) -> ConversationRows:
    conversation = asked.conversation
    where: list[ColumnElement[bool]] = [_IS_LIVE, versions.c.project == conversation.project]
    for name in SCOPE_FIELDS:
        value = getattr(conversation.scope, name)
        where.append(versions.c[name].is_(None) if value is None else versions.c[name] == value)
    where.append(is_fact() if conversation.facts else not_(is_fact()))
    if conversation.operation_id is not None:
        where.append(versions.c.memory_id.in_(_first_of([conversation.operation_id])))
    if asked.after is not None:
        said_us, born = asked.after
        where += [
            versions.c.created_at_us >= said_us,
            or_(versions.c.created_at_us > said_us, _BORN.op(">")(born)),
        ]
    query = _with_keys().where(*where).order_by(versions.c.created_at_us, _BORN).limit(limit + 1)
    found = connection.execute(query).all()
    return _rows(found[:limit], more=len(found) > limit)


def _first_of(operation_ids: Sequence[str | None]) -> Select[Any]:
    # As the partial index has it, with no parameters.
    alone = text("made.version = 1 AND made.run_id IS NULL")
    return select(_first.c.memory_id).where(alone, _first.c.operation_id.in_(list(operation_ids)))


def _with_keys() -> Select[Any]:
    mine = signals.c.memory_id == versions.c.memory_id
    return select(*_SHOWN, signals.c.window, signals.c.place).select_from(versions.outerjoin(signals, mine))


def _rows(found: Sequence[Row[Any]], *, more: bool) -> ConversationRows:
    keys = {row.memory_id: row.window + row.place for row in found if row.window is not None}
    return ConversationRows(tuple(codec.version_of(row) for row in found), keys, more)


def of_block(connection: Connection, where: Sequence[ColumnElement[bool]]) -> tuple[Derived, ...]:
    """The signals of live versions that a condition on `versions` selects."""
    mine = and_(signals.c.memory_id == versions.c.memory_id, signals.c.version == versions.c.version)
    query = select(signals).select_from(signals.join(versions, mine)).where(*where, _IS_LIVE)
    return tuple(_derived(row) for row in connection.execute(query))


def count(connection: Connection) -> int:
    """How many memories have signals."""
    found: int = connection.execute(select(func.count()).select_from(signals)).scalar_one()
    return found


def _count_live(connection: Connection) -> int:
    """How many memories there are."""
    found: int = connection.execute(select(func.count()).select_from(versions).where(_IS_LIVE)).scalar_one()
    return found


def sizes(connection: Connection) -> dict[str, float]:
    """Bytes a memory of each part, by some rows."""
    some = select(signals.c.context, signals.c.tokens).limit(_SAMPLE).subquery()
    query = select(func.avg(func.length(some.c.context)), func.avg(func.length(some.c.tokens)))
    context, tokens = connection.execute(query).one()
    return {"context": float(context or 0), "tokens": float(tokens or 0)}


def _window(derived: Derived) -> bytes:
    return derived.key[:WINDOW_KEY_BYTES]


def _row(made_by: str, derived: Derived) -> dict[str, Any]:
    return {
        "memory_id": derived.memory_id,
        "version": derived.version,
        "made_by": made_by,
        "window": _window(derived),
        "place": derived.key[WINDOW_KEY_BYTES:],
        "width": derived.tokens.shape[1],
        "context": pack(derived.context),
        "tokens": derived.tokens.tobytes(),
    }


def _derived(row: Row[Any]) -> Derived:
    return Derived(
        row.memory_id,
        row.version,
        row.window + row.place,
        unpack(row.context),
        np.frombuffer(row.tokens, dtype=np.int8).reshape(-1, row.width),
    )
