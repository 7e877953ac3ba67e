"""What a write will do, decided from values alone: drafts of memories, plans, fingerprints. Pure: no clock, no I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, combinations, islice
from typing import Any

from engine import ids
from engine.answers import relation_objects
from engine.extract.relations import ends_of, relations_of
from engine.ledger_port import (
    AddEvent,
    DeleteEvent,
    DeleteScopeEvent,
    Operation,
    OperationKind,
    Plan,
    PurgeEvent,
    UpdateEvent,
)
from engine.ports import Fragment
from engine.requests import AddRequest, Call, DeleteAllRequest, PurgeRequest, UpdateRequest
from engine.types import MENTIONED_WITH, SCOPE_FIELDS, Entity, FloatArray, Json, MemoryVersion, Message, Relation, Scope

VERBATIM = "verbatim"
LANGUAGE_MODEL = "language-model"
_MOST_RELATIONS = 20
_THE_USER = "user"
_FOUND = frozenset({"name", "role", "scope"})
"""What is found out about the memory that an update or a delete names: no part of what was asked."""


def add_body(request: AddRequest) -> Json:
    """An add as its operation keeps it: enough to do it again, and what an idempotency key is compared by."""
    return {
        "messages": [
            [m.role, m.content, m.name, m.timestamp_us, *([[*m.images]] if m.images else [])] for m in request.messages
        ],
        "scope": request.scope.ids(),
        "metadata": request.metadata,
        "infer": request.infer,
        "timestamp_us": request.timestamp_us,
        "expiration_date": request.expiration_date,
        **({"wishes": request.wishes} if request.wishes else {}),
        **({"memory_type": request.memory_type} if request.memory_type else {}),
        **({"categories": [*request.categories]} if request.categories else {}),
    }


def update_body(request: UpdateRequest) -> Json:
    """An update as its operation keeps it."""
    values = {
        "text": request.text,
        "metadata": request.metadata,
        "expiration_date": request.expiration_date,
        "timestamp": request.timestamp_us,
    }
    return {"memory_id": request.memory_id, "given": {name: values[name] for name in sorted(request.given)}}


def delete_body(memory_id: str) -> Json:
    """A delete as its operation keeps it."""
    return {"memory_id": memory_id}


def delete_all_body(request: DeleteAllRequest) -> Json:
    """A delete by scope as its operation keeps it."""
    return {"scope": request.scope.ids()}


def purge_body(request: PurgeRequest) -> Json:
    """A purge as its operation keeps it until it is done."""
    if isinstance(request.target, Scope):
        return {"scope": request.target.ids()}
    return {"memory_id": request.target}


def part_body(body: Json, parts: int, call: Call) -> Json:
    """The body of a shard's part of an operation over all: of how many it is, and the key of the whole if it has one,
    so that it goes when the part is blanked."""
    return {**body, "parts": parts, **({} if call.idempotency_key is None else {"key": call.idempotency_key})}


def about(body: Json, version: MemoryVersion) -> Json:
    """The body of an update or a delete with what its operation keeps of the memory: who said it, and whose it is."""
    return {**body, "name": version.name, "role": version.role, "scope": version.scope.ids()}


def request_hash(kind: OperationKind, body: Json) -> bytes:
    """What tells two requests with one idempotency key apart: SHA-256 of the canonical JSON.

    What `about` adds is no part of the request: a repetition may find the memory gone.
    """
    named = kind in (OperationKind.UPDATE, OperationKind.DELETE)
    asked = {key: value for key, value in body.items() if not (named and key in _FOUND)}
    canonical = json.dumps([kind.value, asked], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()


def delete_lane(project: str, scope: Scope) -> str | None:
    """The lane of a delete or purge by scope: that of the user if one is named, else every lane (None).

    A user's memories all lie in the user's lane; an agent's may lie in those of many users.
    """
    return ids.routing_key(project, scope) if scope.user_id is not None else None


def messages_of(body: Json, *, images: bool = False) -> tuple[Message, ...]:
    """The messages of an add's body, with their images where these are wanted."""
    return tuple(
        Message(role, content, name, at_us, tuple(shown[0]) if shown and images else ())
        for role, content, name, at_us, *shown in body["messages"]
    )


def scope_of(body: Json) -> Scope:
    """The scope of a body."""
    return Scope(**{name: body["scope"].get(name) for name in SCOPE_FIELDS})


def said_us_of(operation: Operation) -> int:
    """When an add's messages were said, where they don't say it themselves."""
    told: int | None = operation.request["timestamp_us"]
    return operation.created_at_us if told is None else told


def infers(operation: Operation) -> bool:
    """Whether facts are wanted of an add, not only its messages."""
    return operation.kind is OperationKind.ADD and bool(operation.request.get("infer"))


def plan_add(
    operation: Operation,
    secret: bytes,
    fragments: Sequence[Fragment],
    vectors: FloatArray,
    entities: Sequence[tuple[Entity, ...] | None],
    *,
    rules: bool = True,
) -> Plan:
    """One memory a fragment; a memory is created when its message was said, else when the add came in.

    `rules`: the relations that the texts state are kept with them.
    """
    body = operation.request
    scope = scope_of(body)
    stated = [relations_of(one.text, _speaker(one.name, one.role, scope)) if rules else () for one in fragments]
    said_us = said_us_of(operation)
    events = tuple(
        AddEvent(
            memory_id=ids.memory_id(secret, operation.id, row),
            scope=scope,
            text=fragment.text,
            fingerprint=ids.fingerprint(scope, fragment.role, fragment.name, fragment.text),
            row=row,
            created_at_us=said_us if fragment.timestamp_us is None else fragment.timestamp_us,
            message_index=fragment.message_index,
            role=fragment.role,
            name=fragment.name,
            metadata=body["metadata"],
            categories=tuple(body.get("categories", ())),
            expiration_date=body["expiration_date"],
            entities=mentioned(fragment.name, named, relations),
            relations=relations,
        )
        for row, (fragment, named, relations) in enumerate(zip(fragments, entities, stated, strict=True))
    )
    return Plan(events, vectors, answer={"extractor": VERBATIM, "relations": relation_objects(_linked(events))})


def _linked(events: Sequence[AddEvent]) -> Iterator[Relation]:
    """What an add without a model can say of relations: those that its texts state, then which entities each memory
    names together; the first few.

    It is kept with the operation, so that a repetition answers the same.
    """
    return islice(
        chain((edge for event in events for edge in event.relations), _named_together(events)), _MOST_RELATIONS
    )


def _named_together(events: Sequence[AddEvent]) -> Iterator[Relation]:
    for event in events:
        stated = {frozenset((Entity(edge.source).key, Entity(edge.target).key)) for edge in event.relations}
        for one, other in combinations(event.entities or (), 2):
            if frozenset((one.key, other.key)) not in stated:
                yield Relation(one.name, MENTIONED_WITH, other.name)


def _speaker(name: str | None, role: str | None, scope: Scope) -> str | None:
    """Who says "I" in a memory: by name, else the user by id; None: not a person."""
    if name is not None:
        return name
    return (scope.user_id or _THE_USER) if role in (None, "user") else None


def mentioned(
    name: str | None, entities: tuple[Entity, ...] | None, relations: Sequence[Relation] = ()
) -> tuple[Entity, ...] | None:
    """The entities of a memory, who said it, and whom it states something of; the speaker is linked with a memory as
    much as whom it names."""
    if entities is None:
        return None
    speaker = () if name is None else (Entity(name, "person"),)
    found: dict[str, Entity] = {}
    for entity in (*speaker, *entities, *ends_of(relations)):
        found.setdefault(entity.key, entity)
    return tuple(found.values())


def plan_update(
    operation: Operation, vectors: FloatArray, entities: tuple[Entity, ...] | None, *, rules: bool = True
) -> Plan:
    """The new values of one memory; `vectors` has one row when the text is new, else none."""
    body = operation.request
    given: dict[str, Any] = body["given"]
    event = UpdateEvent(memory_id=body["memory_id"], given=frozenset(given))
    if "text" in given:
        name = body.get("name")
        speaker = _speaker(name, body.get("role"), scope_of(body)) if "scope" in body else name
        relations = relations_of(given["text"], speaker) if rules else ()
        event = replace(
            event, text=given["text"], row=0, entities=mentioned(name, entities, relations), relations=relations
        )
    if "metadata" in given:
        event = replace(event, metadata=given["metadata"] or {})
    if "expiration_date" in given:
        event = replace(event, expiration_date=given["expiration_date"])
    if "timestamp" in given:
        event = replace(event, created_at_us=given["timestamp"])
    return Plan((event,), vectors)


def plan_delete(operation: Operation, vectors: FloatArray) -> Plan:
    """The end of one memory, or of all in a scope."""
    body = operation.request
    if operation.kind is OperationKind.DELETE:
        return Plan((DeleteEvent(body["memory_id"]),), vectors)
    return Plan((DeleteScopeEvent(scope_of(body)),), vectors)


def plan_purge(operation: Operation, vectors: FloatArray) -> Plan:
    """The erasure of one memory, or of all in a scope."""
    body = operation.request
    if "memory_id" in body:
        return Plan((PurgeEvent(memory_id=body["memory_id"]),), vectors)
    return Plan((PurgeEvent(scope=scope_of(body)),), vectors)
