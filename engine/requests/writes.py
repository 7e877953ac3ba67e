"""Requests that change memories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine import ids
from engine.config import LimitSettings
from engine.errors import InvalidInput
from engine.requests.call import CALL_FIELDS, WRITE_FIELDS, Call, parse_call
from engine.requests.messages import messages_of
from engine.requests.scope import SCOPE, named_scope_of, scope_of
from engine.requests.wishes import WISHES, own_categories_of, wishes_of
from engine.times import parse_date, parse_moment
from engine.types import PROCEDURAL, SCOPE_FIELDS, Json, Message, Scope
from engine.values import flag_of, metadata_of, text_of

_PREVIEW = WISHES | SCOPE | {"metadata", "infer", "memory_type", "timestamp", "expiration_date"}


@dataclass(frozen=True, slots=True)
class AddRequest:
    """An add. `timestamp_us` None: now. `wishes`: see `engine.requests.wishes`. `memory_type`: PROCEDURAL, or None.
    `categories`: of what is kept as it was said."""

    call: Call
    messages: tuple[Message, ...]
    scope: Scope
    metadata: Json
    infer: bool
    timestamp_us: int | None
    expiration_date: str | None
    wait: bool
    wishes: Json = field(default_factory=dict)
    memory_type: str | None = None
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """An update: `given` names the fields to change."""

    call: Call
    memory_id: str
    given: frozenset[str]
    text: str = ""
    metadata: Json | None = None
    expiration_date: str | None = None
    timestamp_us: int = 0


@dataclass(frozen=True, slots=True)
class DeleteAllRequest:
    """A delete by scope."""

    call: Call
    scope: Scope


@dataclass(frozen=True, slots=True)
class PurgeRequest:
    """A purge of one memory, by its id, or of a scope."""

    call: Call
    target: str | Scope


def parse_add(
    messages: object, fields: Mapping[str, Any], limits: LimitSettings, *, images: bool = False
) -> AddRequest:
    """An add as its caller spelled it.

    Args:
        messages: what was said.
        fields: all else.
        limits: of a request.
        images: the language model takes them, so they are kept where facts are wanted.

    Raises:
        InvalidInput: it is wrong; the message names the field.
        TooLarge: it is over a limit.
    """
    call = parse_call(fields, WRITE_FIELDS | _PREVIEW | {"wait", "categories"})
    timestamp, expires = fields.get("timestamp"), fields.get("expiration_date")
    scope, infer = scope_of(fields, limits), flag_of(fields, "infer", default=True)
    return AddRequest(
        call=call,
        messages=messages_of(messages, limits, images=images and infer),
        scope=scope,
        metadata=metadata_of(fields.get("metadata"), limits),
        infer=infer,
        timestamp_us=None if timestamp is None else parse_moment(timestamp, "timestamp"),
        expiration_date=None if expires is None else parse_date(expires, "expiration_date"),
        wait=flag_of(fields, "wait", default=True),
        wishes=wishes_of(fields, limits),
        memory_type=_memory_type(fields.get("memory_type"), scope, infer=infer),
        categories=own_categories_of(fields.get("categories"), infer=infer),
    )


def parse_preview(
    messages: object, fields: Mapping[str, Any], limits: LimitSettings, *, images: bool = False
) -> AddRequest:
    """An add that isn't one, as its caller spelled it; arguments and errors as of `parse_add`."""
    parse_call({name: value for name, value in fields.items() if name not in _PREVIEW}, CALL_FIELDS)
    return parse_add(messages, fields, limits, images=images)


def parse_update(memory_id: object, fields: Mapping[str, Any], limits: LimitSettings) -> UpdateRequest:
    """An update as its caller spelled it; raises as `parse_add` does."""
    known = frozenset({"text", "metadata", "expiration_date", "timestamp"})
    call = parse_call(fields, WRITE_FIELDS | known)
    given = known & fields.keys()
    if not given:
        raise InvalidInput("an update needs at least one of text, metadata, expiration_date, timestamp")
    expires = fields.get("expiration_date")
    return UpdateRequest(
        call=call,
        memory_id=ids.canonical_id(memory_id),
        given=given,
        text=text_of(fields["text"], "text", limits.message_chars).strip() if "text" in given else "",
        metadata=metadata_of(fields.get("metadata"), limits),
        expiration_date=None if expires is None else parse_date(expires, "expiration_date"),
        timestamp_us=parse_moment(fields["timestamp"], "timestamp") if "timestamp" in given else 0,
    )


def parse_delete_all(fields: Mapping[str, Any], limits: LimitSettings) -> DeleteAllRequest:
    """A delete by scope: without one it is refused, never taken as "everything"."""
    return DeleteAllRequest(parse_call(fields, WRITE_FIELDS | SCOPE), scope_of(fields, limits))


def parse_purge(fields: Mapping[str, Any], limits: LimitSettings) -> PurgeRequest:
    """A purge: of one memory or of a scope, never of everything and never of both."""
    call = parse_call(fields, WRITE_FIELDS | SCOPE | {"memory_id"})
    memory_id = fields.get("memory_id")
    if memory_id is None:
        return PurgeRequest(call, named_scope_of(fields, limits))
    if any(fields.get(name) is not None for name in SCOPE_FIELDS):
        raise InvalidInput("a purge takes either memory_id or ids of a scope", {"field": "memory_id"})
    return PurgeRequest(call, ids.canonical_id(memory_id))


def _memory_type(raw: object, scope: Scope, *, infer: bool) -> str | None:
    if raw is None:
        return None
    where = {"field": "memory_type"}
    if raw != PROCEDURAL:
        raise InvalidInput(f"memory_type should be {PROCEDURAL}, or not be given", where)
    if scope.agent_id is None:
        raise InvalidInput("a procedural memory is an agent's: agent_id is required", where)
    if not infer:
        raise InvalidInput("a procedural memory is made by the language model: infer can't be false", where)
    return PROCEDURAL
