"""Requests: what callers send, checked and made canonical. Pure; every face's bad input is refused here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine import filters, ids
from engine.as_of import AS_OF_FIELDS, AsOf, parse_as_of
from engine.config import LimitSettings, SearchSettings
from engine.errors import InvalidInput, TooLarge
from engine.filters import Filter
from engine.ranking.given import weights_of
from engine.ranking.signals import Signal
from engine.times import parse_date, parse_moment
from engine.types import DEFAULT_PROJECT, SCOPE_FIELDS, BlockKey, Entity, Json, Message, OperationState, Scope
from engine.values import count_of, flag_of, is_number, metadata_of, share_of, text_of, word_of
from engine.wishes import NO_WISHES, Wishes

_CALL = frozenset({"project", "deadline_s"})
_KEYS = ("idempotency_key", "operation_id")
_WRITE = _CALL | frozenset(_KEYS)
_KEY_CHARS = 255
_SCOPE = frozenset(SCOPE_FIELDS)
_INT_BITS = 63
_NEIGHBOURS = 20
_VERIFIED = 1000
_MOST_VERIFIED = 5000
_INDEXES = ("vector", "graph")
_STEPS = 4
_MOST_STEPS = 10
_MOST_DEPTH = 3


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
class PurgeRequest:
    """A purge of one memory, by its id, or of a scope."""

    call: Call
    target: str | Scope


@dataclass(frozen=True, slots=True)
class OperationsRequest:
    """A page of operations. `state` None: any; `scope` None: whosever."""

    call: Call
    scope: Scope | None
    state: OperationState | None
    page: int
    page_size: int


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
    weights: Mapping[Signal, float] = field(default_factory=dict)
    as_of: AsOf | None = None
    wishes: Wishes = NO_WISHES


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """A stretch of a verification: `limit` memories after an id."""

    call: Call
    after: str
    limit: int
    repair: bool


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A page of a list."""

    call: Call
    filter: Filter
    page: int
    page_size: int
    as_of: AsOf | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRequest:
    """A question about the graph of a scope. `at_us`: which relations were true; None: are true now."""

    call: Call
    scope: Scope
    at_us: int | None = None
    as_of: AsOf | None = None

    @property
    def block(self) -> BlockKey | None:
        """The memories of the user that the scope names: all of the graph that has to do with it."""
        user = self.scope.user_id
        return None if user is None else BlockKey(self.call.project, "user_id", user)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphEntitiesRequest(GraphRequest):
    """A page of what the memories of a scope mention. `name`: a part of the names; None: any."""

    name: str | None
    page: int
    page_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighboursRequest(GraphRequest):
    """What surrounds an entity."""

    entity: str
    limit: int
    depth: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRequest(GraphRequest):
    """The way from one entity to another."""

    source: str
    target: str
    most_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunitiesRequest(GraphRequest):
    """Which entities belong together."""

    limit: int


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """A name that means `into` in a scope."""

    call: Call
    scope: Scope
    name: str
    into: str


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
        metadata=metadata_of(fields.get("metadata"), limits),
        infer=flag_of(fields, "infer", default=True),
        timestamp_us=None if timestamp is None else parse_moment(timestamp, "timestamp"),
        expiration_date=None if expires is None else parse_date(expires, "expiration_date"),
        wait=flag_of(fields, "wait", default=True),
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
        text=text_of(fields["text"], "text", limits.message_chars).strip() if "text" in given else "",
        metadata=metadata_of(fields.get("metadata"), limits),
        expiration_date=None if expires is None else parse_date(expires, "expiration_date"),
        timestamp_us=parse_moment(fields["timestamp"], "timestamp") if "timestamp" in given else 0,
    )


def parse_delete_all(fields: Mapping[str, Any], limits: LimitSettings) -> DeleteAllRequest:
    """A delete by scope: without one it is refused, never taken as "everything"."""
    return DeleteAllRequest(parse_call(fields, _WRITE | _SCOPE), _scope(fields, limits))


def parse_purge(fields: Mapping[str, Any], limits: LimitSettings) -> PurgeRequest:
    """A purge: of one memory or of a scope, never of everything and never of both."""
    call = parse_call(fields, _WRITE | _SCOPE | {"memory_id"})
    memory_id = fields.get("memory_id")
    if memory_id is None:
        return PurgeRequest(call, _named_scope(fields, limits))
    if any(fields.get(name) is not None for name in SCOPE_FIELDS):
        raise InvalidInput("a purge takes either memory_id or ids of a scope", {"field": "memory_id"})
    return PurgeRequest(call, ids.canonical_id(memory_id))


def parse_operations(fields: Mapping[str, Any], limits: LimitSettings) -> OperationsRequest:
    """A page of operations; raises as `parse_add` does."""
    call = parse_call(fields, _CALL | _SCOPE | {"state", "page", "page_size"})
    page, page_size = parse_page(fields, limits)
    named = any(fields.get(name) is not None for name in SCOPE_FIELDS)
    return OperationsRequest(
        call, _named_scope(fields, limits) if named else None, _state_of(fields.get("state")), page, page_size
    )


def parse_retry(fields: Mapping[str, Any]) -> tuple[Call, bool]:
    """Who wants an operation carried out again, and whether they wait for it."""
    return parse_call(fields, _CALL | {"wait"}), flag_of(fields, "wait", default=True)


def parse_verify(fields: Mapping[str, Any]) -> VerifyRequest:
    """A stretch of a verification."""
    cursor = fields.get("cursor")
    return VerifyRequest(
        call=parse_call(fields, frozenset({"cursor", "limit", "repair", "deadline_s"})),
        after="" if cursor is None else ids.canonical_id(cursor, "cursor"),
        limit=count_of(fields.get("limit"), "limit", _VERIFIED, _MOST_VERIFIED),
        repair=flag_of(fields, "repair", default=False),
    )


def parse_rebuild(index: object, fields: Mapping[str, Any]) -> tuple[str, bool]:
    """Which index, and whether it is to be built anew or only told of."""
    parse_call(fields, frozenset({"start", "deadline_s"}))
    if index not in _INDEXES:
        raise InvalidInput("index should be vector or graph", {"field": "index"})
    return str(index), flag_of(fields, "start", default=True)


def parse_search(
    query: object, fields: Mapping[str, Any], limits: LimitSettings, defaults: SearchSettings
) -> SearchRequest:
    """A search as its caller spelled it; raises as `parse_add` does."""
    known = AS_OF_FIELDS | {
        "filters",
        "top_k",
        "threshold",
        "explain",
        "min_position",
        "weights",
        "rerank",
        "collapse",
        "diversity",
    }
    call = parse_call(fields, _CALL | _SCOPE | known)
    node = _filter(fields, limits)
    owner = filters.required_scope(node)
    if owner is not None:
        _scope_id(owner[1], owner[0], limits)
    threshold = fields.get("threshold")
    position = fields.get("min_position")
    return SearchRequest(
        call=call,
        query=text_of(query, "query", limits.query_chars).strip(),
        filter=node,
        block=None if owner is None else BlockKey(call.project, *owner),
        top_k=count_of(fields.get("top_k"), "top_k", defaults.top_k, limits.top_k),
        threshold=defaults.threshold if threshold is None else share_of(threshold, "threshold"),
        explain=flag_of(fields, "explain", default=False),
        min_position=None if position is None else count_of(position, "min_position", 0, 2**_INT_BITS, least=0),
        weights=weights_of(fields.get("weights")),
        as_of=parse_as_of(fields),
        wishes=_wishes(fields, defaults),
    )


def parse_list(fields: Mapping[str, Any], limits: LimitSettings) -> ListRequest:
    """A page of a list; raises as `parse_add` does."""
    call = parse_call(fields, _CALL | _SCOPE | AS_OF_FIELDS | {"filters", "page", "page_size"})
    page, page_size = parse_page(fields, limits)
    return ListRequest(call, _filter(fields, limits), page, page_size, parse_as_of(fields))


def parse_get(fields: Mapping[str, Any]) -> tuple[Call, AsOf | None]:
    """Who asks for memories by id, and as of when."""
    return parse_call(fields, _CALL | AS_OF_FIELDS), parse_as_of(fields)


def parse_graph_entities(fields: Mapping[str, Any], limits: LimitSettings) -> GraphEntitiesRequest:
    """A page of what is mentioned; raises as `parse_add` does."""
    call = parse_call(fields, _CALL | _SCOPE | AS_OF_FIELDS | {"name", "page", "page_size", "at"})
    name = fields.get("name")
    page, page_size = parse_page(fields, limits)
    return GraphEntitiesRequest(
        call=call,
        scope=_named_scope(fields, limits),
        name=None if name is None else text_of(name, "name", limits.id_chars),
        page=page,
        page_size=page_size,
        at_us=_at(fields),
        as_of=parse_as_of(fields),
    )


def parse_neighbours(entity: object, fields: Mapping[str, Any], limits: LimitSettings) -> NeighboursRequest:
    """An entity to look around; raises as `parse_add` does."""
    call = parse_call(fields, _CALL | _SCOPE | AS_OF_FIELDS | {"limit", "depth", "at"})
    return NeighboursRequest(
        call=call,
        scope=_named_scope(fields, limits),
        entity=text_of(entity, "entity", limits.id_chars),
        limit=_limit(fields, limits),
        depth=count_of(fields.get("depth"), "depth", 1, _MOST_DEPTH),
        at_us=_at(fields),
        as_of=parse_as_of(fields),
    )


def parse_communities(fields: Mapping[str, Any], limits: LimitSettings) -> CommunitiesRequest:
    """A scope whose entities are parted; raises as `parse_add` does."""
    call = parse_call(fields, _CALL | _SCOPE | AS_OF_FIELDS | {"limit", "at"})
    return CommunitiesRequest(
        call=call,
        scope=_named_scope(fields, limits),
        limit=_limit(fields, limits),
        at_us=_at(fields),
        as_of=parse_as_of(fields),
    )


def parse_merge(name: object, into: object, fields: Mapping[str, Any], limits: LimitSettings) -> MergeRequest:
    """A name that means another; raises as `parse_add` does."""
    request = MergeRequest(
        call=parse_call(fields, _CALL | _SCOPE),
        scope=_named_scope(fields, limits),
        name=text_of(name, "name", limits.id_chars),
        into=text_of(into, "into", limits.id_chars),
    )
    if Entity(request.name).key == Entity(request.into).key:
        raise InvalidInput(f"{request.name!r} and {request.into!r} are one name already", {"field": "into"})
    return request


def parse_split(name: object, fields: Mapping[str, Any], limits: LimitSettings) -> MergeRequest:
    """A name that shall mean what it says again; raises as `parse_add` does."""
    return MergeRequest(
        call=parse_call(fields, _CALL | _SCOPE),
        scope=_named_scope(fields, limits),
        name=text_of(name, "name", limits.id_chars),
        into="",
    )


def _limit(fields: Mapping[str, Any], limits: LimitSettings) -> int:
    return count_of(fields.get("limit"), "limit", min(_NEIGHBOURS, limits.page_size), limits.page_size)


def _at(fields: Mapping[str, Any]) -> int | None:
    at = fields.get("at")
    return None if at is None else parse_moment(at, "at")


def parse_path(source: object, target: object, fields: Mapping[str, Any], limits: LimitSettings) -> PathRequest:
    """Two entities to link; raises as `parse_add` does."""
    call = parse_call(fields, _CALL | _SCOPE | AS_OF_FIELDS | {"most_steps", "at"})
    return PathRequest(
        call=call,
        scope=_named_scope(fields, limits),
        source=text_of(source, "source", limits.id_chars),
        target=text_of(target, "target", limits.id_chars),
        most_steps=count_of(fields.get("most_steps"), "most_steps", _STEPS, _MOST_STEPS),
        at_us=_at(fields),
        as_of=parse_as_of(fields),
    )


def parse_batch(items: object, limits: LimitSettings) -> list[Json]:
    """The items of a batch. What each holds is checked by `parse_item` when its turn comes.

    Raises:
        InvalidInput: it is no list, or it is empty.
        TooLarge: it holds too many.
    """
    if not isinstance(items, list | tuple) or not items:
        raise InvalidInput("items should be a list with at least one item", {"field": "items"})
    if len(items) > limits.batch_items:
        raise TooLarge(f"more than {limits.batch_items} items", {"field": "items", "limit": limits.batch_items})
    return list(items)


def parse_item(item: object, needed: str) -> tuple[Any, Json]:
    """An item's own argument and its fields.

    Raises:
        InvalidInput: it is no object, or lacks the argument.
    """
    if not isinstance(item, Mapping) or needed not in item:
        raise InvalidInput(f"an item should be an object with {needed}", {"field": needed})
    return item[needed], {name: value for name, value in item.items() if name != needed}


def parse_page(fields: Mapping[str, Any], limits: LimitSettings) -> tuple[int, int]:
    """`page` from 1, and `page_size`."""
    page = count_of(fields.get("page"), "page", 1, 2**31)
    return page, count_of(fields.get("page_size"), "page_size", min(100, limits.page_size), limits.page_size)


def parse_call(fields: Mapping[str, Any], known: frozenset[str] | set[str]) -> Call:
    """What every call has; a field that the verb doesn't know is refused, so that a slip of the pen can't widen it."""
    unknown = sorted(set(fields) - known, key=str)
    if unknown:
        raise InvalidInput(f"unknown field {unknown[0]!r}; known: {', '.join(sorted(known))}", {"field": unknown[0]})
    deadline_s = fields.get("deadline_s")
    if deadline_s is not None and (not is_number(deadline_s) or deadline_s <= 0):
        raise InvalidInput("deadline_s should be a number above 0", {"field": "deadline_s"})
    return Call(
        project=word_of(fields.get("project", DEFAULT_PROJECT), "project"),
        deadline_s=deadline_s,
        idempotency_key=_key_of(fields),
    )


def _key_of(fields: Mapping[str, Any]) -> str | None:
    """The caller's name for the request, under whichever of its two names it comes."""
    given = [text_of(fields[name], name, _KEY_CHARS) for name in _KEYS if fields.get(name) is not None]
    if len(set(given)) > 1:
        raise InvalidInput(
            "idempotency_key and operation_id are two names for one thing: give one of them", {"field": "operation_id"}
        )
    if given and not given[0].isprintable():
        raise InvalidInput("idempotency_key holds control characters", {"field": "idempotency_key"})
    return given[0] if given else None


def _state_of(raw: Any) -> OperationState | None:
    if raw is None:
        return None
    try:
        return OperationState(raw)
    except ValueError:
        raise InvalidInput(f"state should be one of {', '.join(OperationState)}", {"field": "state"}) from None


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
        role=word_of(raw["role"], f"{where}.role"),
        content=_content(raw["content"], f"{where}.content", limits),
        name=None if name is None else text_of(name, f"{where}.name", limits.id_chars),
        timestamp_us=None if timestamp is None else parse_moment(timestamp, f"{where}.timestamp"),
    )


def _content(raw: object, where: str, limits: LimitSettings) -> str:
    """The text of a message; of a list of parts, the text parts. None (a bare tool call) is no text, and no error."""
    if raw is None:
        return ""
    if isinstance(raw, list):
        parts = [part.get("text") for part in raw if isinstance(part, Mapping) and part.get("type") == "text"]
        if not parts:
            return ""
        raw = "\n".join(text_of(part, where, limits.message_chars) for part in parts)
    return text_of(raw, where, limits.message_chars)


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
    value = filters.entity_id(raw, name)
    if len(value) > limits.id_chars:
        raise TooLarge(f"{name} has more than {limits.id_chars} characters", {"field": name, "limit": limits.id_chars})
    if not value.isprintable():
        raise InvalidInput(f"{name} holds control characters", {"field": name})
    return value.strip()


def _wishes(fields: Mapping[str, Any], defaults: SearchSettings) -> Wishes:
    diversity = fields.get("diversity")
    return Wishes(
        rerank=flag_of(fields, "rerank", default=False),
        best=defaults.rerank_candidates,
        collapse=flag_of(fields, "collapse", default=defaults.collapse),
        diversity=defaults.diversity if diversity is None else share_of(diversity, "diversity"),
    )


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
