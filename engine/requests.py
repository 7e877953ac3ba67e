"""Requests: what callers send, checked and made canonical. Pure; every face's bad input is refused here."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine import filters, ids
from engine.config import LimitSettings, SearchSettings
from engine.errors import InvalidInput, TooLarge
from engine.filters import Filter
from engine.times import parse_date, parse_time
from engine.types import DEFAULT_PROJECT, SCOPE_FIELDS, BlockKey, Json, Message, Scope

_CALL = frozenset({"project", "deadline_s"})
_WRITE = _CALL | {"idempotency_key"}
_SCOPE = frozenset(SCOPE_FIELDS)
_WORD_CHARS = 64
_INT_BITS = 63
_NEIGHBOURS = 20
_STEPS = 4
_MOST_STEPS = 10


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks, and how long the caller waits (None: as long as the server lets it)."""

    project: str
    deadline_s: float | None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class AddRequest:
    """An add. `timestamp_us` None: now."""

    call: Call
    messages: tuple[Message, ...]
    scope: Scope
    metadata: Json
    infer: bool
    timestamp_us: int | None
    expiration_date: str | None
    wait: bool


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
class SearchRequest:
    """A search. `block`: the one block that holds every match, if the filter says so."""

    call: Call
    query: str
    filter: Filter
    block: BlockKey | None
    top_k: int
    threshold: float
    explain: bool
    min_position: int | None


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A page of a list."""

    call: Call
    filter: Filter
    page: int
    page_size: int


@dataclass(frozen=True, slots=True)
class GraphEntitiesRequest:
    """A page of what the memories of a scope mention. `name`: a part of the names; None: any."""

    call: Call
    scope: Scope
    name: str | None
    page: int
    page_size: int


@dataclass(frozen=True, slots=True)
class NeighboursRequest:
    """What surrounds an entity."""

    call: Call
    scope: Scope
    entity: str
    limit: int


@dataclass(frozen=True, slots=True)
class PathRequest:
    """The way from one entity to another."""

    call: Call
    scope: Scope
    source: str
    target: str
    most_steps: int


def parse_add(messages: object, fields: Mapping[str, Any], limits: LimitSettings) -> AddRequest:
    """An add as its caller spelled it.

    Raises:
        InvalidInput: it is wrong; the message names the field.
        TooLarge: it is over a limit.
    """
    known = {"metadata", "infer", "timestamp", "expiration_date", "wait"}
    call = parse_call(fields, _WRITE | _SCOPE | known)
    timestamp, expires = fields.get("timestamp"), fields.get("expiration_date")
    return AddRequest(
        call=call,
        messages=_messages(messages, limits),
        scope=_scope(fields, limits),
        metadata=_metadata(fields.get("metadata"), limits),
        infer=_flag(fields, "infer", default=True),
        timestamp_us=None if timestamp is None else parse_time(timestamp, "timestamp"),
        expiration_date=None if expires is None else parse_date(expires, "expiration_date"),
        wait=_flag(fields, "wait", default=True),
    )


def parse_update(memory_id: object, fields: Mapping[str, Any], limits: LimitSettings) -> UpdateRequest:
    """An update as its caller spelled it; raises as `parse_add` does."""
    known = frozenset({"text", "metadata", "expiration_date", "timestamp"})
    call = parse_call(fields, _WRITE | known)
    given = known & fields.keys()
    if not given:
        raise InvalidInput("an update needs at least one of text, metadata, expiration_date, timestamp")
    expires = fields.get("expiration_date")
    return UpdateRequest(
        call=call,
        memory_id=ids.canonical_id(memory_id),
        given=given,
        text=_text(fields["text"], "text", limits.message_chars).strip() if "text" in given else "",
        metadata=_metadata(fields.get("metadata"), limits),
        expiration_date=None if expires is None else parse_date(expires, "expiration_date"),
        timestamp_us=parse_time(fields["timestamp"], "timestamp") if "timestamp" in given else 0,
    )


def parse_delete_all(fields: Mapping[str, Any], limits: LimitSettings) -> DeleteAllRequest:
    """A delete by scope: without one it is refused, never taken as "everything"."""
    return DeleteAllRequest(parse_call(fields, _WRITE | _SCOPE), _scope(fields, limits))


def parse_search(
    query: object, fields: Mapping[str, Any], limits: LimitSettings, defaults: SearchSettings
) -> SearchRequest:
    """A search as its caller spelled it; raises as `parse_add` does."""
    known = {"filters", "top_k", "threshold", "explain", "min_position"}
    call = parse_call(fields, _CALL | _SCOPE | known)
    node = _filter(fields, limits)
    owner = filters.required_scope(node)
    if owner is not None:
        _scope_id(owner[1], owner[0], limits)
    threshold = fields.get("threshold")
    position = fields.get("min_position")
    return SearchRequest(
        call=call,
        query=_text(query, "query", limits.query_chars).strip(),
        filter=node,
        block=None if owner is None else BlockKey(call.project, *owner),
        top_k=_count(fields.get("top_k"), "top_k", defaults.top_k, limits.top_k),
        threshold=defaults.threshold if threshold is None else _share(threshold, "threshold"),
        explain=_flag(fields, "explain", default=False),
        min_position=None if position is None else _count(position, "min_position", 0, 2**_INT_BITS, least=0),
    )


def parse_list(fields: Mapping[str, Any], limits: LimitSettings) -> ListRequest:
    """A page of a list; raises as `parse_add` does."""
    call = parse_call(fields, _CALL | _SCOPE | {"filters", "page", "page_size"})
    page, page_size = parse_page(fields, limits)
    return ListRequest(call, _filter(fields, limits), page, page_size)


def parse_graph_entities(fields: Mapping[str, Any], limits: LimitSettings) -> GraphEntitiesRequest:
    """A page of what is mentioned; raises as `parse_add` does."""
    call = parse_call(fields, _CALL | _SCOPE | {"name", "page", "page_size"})
    name = fields.get("name")
    page, page_size = parse_page(fields, limits)
    return GraphEntitiesRequest(
        call=call,
        scope=_named_scope(fields, limits),
        name=None if name is None else _text(name, "name", limits.id_chars),
        page=page,
        page_size=page_size,
    )


def parse_neighbours(entity: object, fields: Mapping[str, Any], limits: LimitSettings) -> NeighboursRequest:
    """An entity to look around; raises as `parse_add` does."""
    call = parse_call(fields, _CALL | _SCOPE | {"limit"})
    return NeighboursRequest(
        call=call,
        scope=_named_scope(fields, limits),
        entity=_text(entity, "entity", limits.id_chars),
        limit=_count(fields.get("limit"), "limit", min(_NEIGHBOURS, limits.page_size), limits.page_size),
    )


def parse_path(source: object, target: object, fields: Mapping[str, Any], limits: LimitSettings) -> PathRequest:
    """Two entities to link; raises as `parse_add` does."""
    call = parse_call(fields, _CALL | _SCOPE | {"most_steps"})
    return PathRequest(
        call=call,
        scope=_named_scope(fields, limits),
        source=_text(source, "source", limits.id_chars),
        target=_text(target, "target", limits.id_chars),
        most_steps=_count(fields.get("most_steps"), "most_steps", _STEPS, _MOST_STEPS),
    )


def parse_batch(items: object, needed: str, limits: LimitSettings) -> list[Json]:
    """The items of a batch: objects that hold `needed`. What else each holds is checked when its turn comes.

    Raises:
        InvalidInput: it is no list, it is empty, or an item is no object.
        TooLarge: it holds too many.
    """
    if not isinstance(items, list | tuple) or not items:
        raise InvalidInput("items should be a list with at least one item", {"field": "items"})
    if len(items) > limits.batch_items:
        raise TooLarge(f"more than {limits.batch_items} items", {"field": "items", "limit": limits.batch_items})
    for index, item in enumerate(items):
        if not isinstance(item, Mapping) or needed not in item:
            raise InvalidInput(f"items[{index}] should be an object with {needed}", {"field": f"items[{index}]"})
    return [dict(item) for item in items]


def parse_page(fields: Mapping[str, Any], limits: LimitSettings) -> tuple[int, int]:
    """`page` from 1, and `page_size`."""
    page = _count(fields.get("page"), "page", 1, 2**31)
    return page, _count(fields.get("page_size"), "page_size", min(100, limits.page_size), limits.page_size)


def parse_call(fields: Mapping[str, Any], known: frozenset[str] | set[str]) -> Call:
    """What every call has; a field that the verb doesn't know is refused, so that a slip of the pen can't widen it."""
    unknown = sorted(set(fields) - known, key=str)
    if unknown:
        raise InvalidInput(f"unknown field {unknown[0]!r}; known: {', '.join(sorted(known))}", {"field": unknown[0]})
    deadline_s = fields.get("deadline_s")
    if deadline_s is not None and (not _is_number(deadline_s) or deadline_s <= 0):
        raise InvalidInput("deadline_s should be a number above 0", {"field": "deadline_s"})
    key = fields.get("idempotency_key")
    return Call(
        project=_word(fields.get("project", DEFAULT_PROJECT), "project"),
        deadline_s=deadline_s,
        idempotency_key=None if key is None else _text(key, "idempotency_key", 255),
    )


def _messages(raw: object, limits: LimitSettings) -> tuple[Message, ...]:
    match raw:
        case str():
            items: Sequence[object] = [{"role": "user", "content": raw}]
        case Mapping():
            items = [raw]
        case list() | tuple():
            items = raw
        case _:
            raise InvalidInput("messages should be a list of {role, content}", {"field": "messages"})
    if not items:
        raise InvalidInput("messages should not be empty", {"field": "messages"})
    if len(items) > limits.messages:
        raise TooLarge(f"more than {limits.messages} messages", {"field": "messages", "limit": limits.messages})
    return tuple(_message(item, f"messages[{index}]", limits) for index, item in enumerate(items))


def _message(raw: object, where: str, limits: LimitSettings) -> Message:
    if not isinstance(raw, Mapping) or "role" not in raw or "content" not in raw:
        raise InvalidInput(f"{where} should be an object with role and content", {"field": where})
    name, timestamp = raw.get("name"), raw.get("timestamp")
    return Message(
        role=_word(raw["role"], f"{where}.role"),
        content=_content(raw["content"], f"{where}.content", limits),
        name=None if name is None else _text(name, f"{where}.name", limits.id_chars),
        timestamp_us=None if timestamp is None else parse_time(timestamp, f"{where}.timestamp"),
    )


def _content(raw: object, where: str, limits: LimitSettings) -> str:
    """The text of a message; of a list of parts, the text parts. None (a bare tool call) is no text, and no error."""
    if raw is None:
        return ""
    if isinstance(raw, list):
        parts = [part.get("text") for part in raw if isinstance(part, Mapping) and part.get("type") == "text"]
        if not parts:
            return ""
        raw = "\n".join(_text(part, where, limits.message_chars) for part in parts)
    return _text(raw, where, limits.message_chars)


def _text(raw: object, where: str, most_chars: int) -> str:
    if not isinstance(raw, str):
        raise InvalidInput(f"{where} should be a string", {"field": where})
    if len(raw) > most_chars:
        raise TooLarge(
            f"{where} has {len(raw)} characters, at most {most_chars}", {"field": where, "limit": most_chars}
        )
    if not raw.strip():
        raise InvalidInput(f"{where} should not be blank", {"field": where})
    _storable(raw, where)
    return raw


def _storable(raw: str, where: str) -> None:
    if "\0" in raw:
        raise InvalidInput(f"{where} holds a NUL character", {"field": where})
    try:
        raw.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{where} holds half a surrogate pair", {"field": where}) from error


def _word(raw: object, where: str) -> str:
    word = _text(raw, where, _WORD_CHARS)
    if any(char.isspace() or not char.isprintable() for char in word):
        raise InvalidInput(f"{where} should be one word", {"field": where})
    return word


def _scope(fields: Mapping[str, Any], limits: LimitSettings) -> Scope:
    given = {name: _scope_id(fields[name], name, limits) for name in SCOPE_FIELDS if fields.get(name) is not None}
    if not given:
        raise InvalidInput("at least one of user_id, agent_id, app_id, run_id is needed", {"field": "user_id"})
    return Scope(**given)


def _named_scope(fields: Mapping[str, Any], limits: LimitSettings) -> Scope:
    """A scope to look into: "*" would be an id like any other here, which is not what it says."""
    scope = _scope(fields, limits)
    for name, value in scope.ids().items():
        if value == "*":
            raise InvalidInput(f'{name} should be one id here, not "*"', {"field": name})
    return scope


def _scope_id(raw: object, name: str, limits: LimitSettings) -> str:
    value = filters.entity_id(raw, name).strip()
    if len(value) > limits.id_chars:
        raise TooLarge(f"{name} has more than {limits.id_chars} characters", {"field": name, "limit": limits.id_chars})
    if not value.isprintable():
        raise InvalidInput(f"{name} holds control characters", {"field": name})
    return value


def _filter(fields: Mapping[str, Any], limits: LimitSettings) -> Filter:
    raw = fields.get("filters")
    said = [filters.parse(raw, max_depth=limits.filter_depth, max_nodes=limits.filter_nodes)] if raw else []
    if raw is not None and not isinstance(raw, Mapping):
        raise InvalidInput("filters should be an object", {"field": "filters"})
    ids_beside: Json = {
        name: fields[name] if fields[name] == "*" else _scope_id(fields[name], name, limits)
        for name in SCOPE_FIELDS
        if fields.get(name) is not None
    }
    node = filters.conjunction(filters.scope_filter(ids_beside), *said)
    if not filters.has_positive_scope(node):
        raise InvalidInput(
            'filters need at least one of user_id, agent_id, app_id, run_id ("*" for any)', {"field": "filters"}
        )
    return node


def _metadata(raw: object, limits: LimitSettings) -> Json:
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise InvalidInput("metadata should be an object", {"field": "metadata"})
    raw = dict(raw)
    _json_value(raw, "metadata", limits.metadata_depth)
    size = len(json.dumps(raw, ensure_ascii=False).encode())
    if size > limits.metadata_bytes:
        limit = limits.metadata_bytes
        raise TooLarge(f"metadata has {size} bytes, at most {limit}", {"field": "metadata", "limit": limit})
    return raw


def _json_value(value: object, where: str, depth: int) -> None:
    """Refuse what JSON or a store can't hold. Recursion ends at the depth limit."""
    if depth < 0:
        raise InvalidInput(f"{where} is nested too deep", {"field": where})
    match value:
        case None | bool():
            pass
        case str():
            _storable(value, where)
        case int() | float() if _is_storable_number(value):
            pass
        case dict():
            for key, item in value.items():
                _json_key(key, where)
                _json_value(item, where, depth - 1)
        case list() | tuple():
            for item in value:
                _json_value(item, where, depth - 1)
        case _:
            raise InvalidInput(f"{where} holds a value that JSON can't: {type(value).__name__}", {"field": where})


def _json_key(key: object, where: str) -> None:
    if not isinstance(key, str):
        raise InvalidInput(f"{where} has a key that isn't a string", {"field": where})
    _storable(key, where)


def _flag(fields: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = fields.get(name, default)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidInput(f"{name} should be true or false", {"field": name})
    return value


def _count(raw: object, name: str, default: int, most: int, *, least: int = 1) -> int:
    if raw is None:
        return default
    if isinstance(raw, bool) or not isinstance(raw, int) or not least <= raw <= most:
        raise InvalidInput(f"{name} should be a whole number from {least} to {most}", {"field": name})
    return raw


def _is_storable_number(value: int | float) -> bool:
    return value.bit_length() <= _INT_BITS if isinstance(value, int) else math.isfinite(value)


def _is_number(raw: object) -> bool:
    return isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw)


def _share(raw: object, name: str) -> float:
    if isinstance(raw, int | float) and _is_number(raw) and 0 <= raw <= 1:
        return float(raw)
    raise InvalidInput(f"{name} should be a number from 0 to 1", {"field": name})
