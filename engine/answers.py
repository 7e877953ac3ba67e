"""What users get to see: values as JSON-like dicts. Pure; the shapes are those of `engine.api`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from engine.graph_port import Mentioned
from engine.ledger_port import (
    Event,
    FeedbackPage,
    Operation,
    OperationKind,
    ScopeCount,
)
from engine.times import iso
from engine.types import SCOPE_FIELDS, EventKind, Json, MemoryVersion, OperationState, Relation, Scope, ScopeField

_OVER_MANY = {
    OperationKind.DELETE_ALL: "Memories deleted successfully!",
    OperationKind.PURGE: "Memories purged for good.",
}
_ENTITY_TYPES: dict[ScopeField, str] = {"user_id": "user", "agent_id": "agent", "app_id": "app", "run_id": "run"}


def scope_object(scope: Scope) -> Json:
    """The four ids, with the run under both of its names."""
    return {
        "user_id": scope.user_id,
        "agent_id": scope.agent_id,
        "app_id": scope.app_id,
        "run_id": scope.run_id,
        "session_id": scope.run_id,
    }


def memory_object(version: MemoryVersion) -> Json:
    """A memory as every answer shows it. `hash` is the MD5 of the text, as Mem0 has it; it decides nothing here."""
    return {
        "id": version.memory_id,
        "memory": version.text,
        **scope_object(version.scope),
        "role": version.role,
        "name": version.name,
        "actor_id": version.name,
        "metadata": dict(version.metadata) or None,
        "categories": list(version.categories) or None,
        "hash": hashlib.md5(version.text.encode(), usedforsecurity=False).hexdigest(),
        "version": version.version,
        "created_at": iso(version.created_at_us),
        "updated_at": iso(version.updated_at_us),
        "expiration_date": version.expiration_date,
        **_origins(version),
    }


def _origins(version: MemoryVersion) -> Json:
    """Of a fact what it is from, and what makes it doubtful."""
    if not version.sources:
        return {}
    flag = version.flag
    doubt = None if flag is None else {"reason": flag.doubt.value, "memory_id": flag.memory_id}
    return {"sources": list(version.sources), "flag": doubt}


def add_row(kind: EventKind, version: MemoryVersion, message_index: int) -> Json:
    """What became of one message of an add."""
    return {
        "id": version.memory_id,
        "memory": version.text,
        "data": {"memory": version.text},
        "event": kind.value,
        "message_index": message_index,
        "role": version.role,
        "actor_id": version.name,
        **_origins(version),
    }


def changed_row(kind: EventKind, version: MemoryVersion, before: str, message_index: int | None = None) -> Json:
    """What became of a memory that an update or delete named, or that a new fact took the place of.

    `object` is the memory afterwards, or as it ended. `before`: its text until then. `message_index`: of the message
    that says so, in an add.
    """
    row: Json = {
        "id": version.memory_id,
        "memory": version.text,
        "data": {"memory": version.text},
        "event": kind.value,
        "object": memory_object(version),
    }
    return row if message_index is None else {**row, "message_index": message_index, "previous_memory": before}


def relation_objects(relations: Iterable[Relation]) -> list[Json]:
    """Relations as Mem0 v1 gave them, each once; one that a memory states, with that memory and the times."""
    seen: dict[tuple[str, str, str], Json] = {}
    for edge in relations:
        seen.setdefault((edge.source, edge.relationship, edge.target), _relation_object(edge))
    return list(seen.values())


def _relation_object(edge: Relation) -> Json:
    entry: Json = {"source": edge.source, "relationship": edge.relationship, "target": edge.target}
    times = {"valid_at": edge.valid_at_us, "invalid_at": edge.invalid_at_us}
    if edge.memory_id is not None:
        return {
            **entry,
            **{name: None if at is None else iso(at) for name, at in times.items()},
            "memory_id": edge.memory_id,
        }
    return {**entry, **{name: iso(at) for name, at in times.items() if at is not None}}


def mentioned_object(mentioned: Mentioned) -> Json:
    """An entity of the graph, and how many memories mention it."""
    return {
        "name": mentioned.entity.name,
        "type": mentioned.entity.kind.casefold(),
        "memories": mentioned.memories,
    }


def history_object(event: Event) -> Json:
    """One entry of a memory's history."""
    shown = event.after or event.before
    return {
        "id": f"{event.memory_id}:{event.position}",
        "memory_id": event.memory_id,
        "input": [] if shown is None else [{"role": shown.role or "user", "content": shown.text}],
        "old_memory": event.before.text if event.before else None,
        "new_memory": event.after.text if event.after else None,
        "event": event.kind.value,
        **scope_object(shown.scope if shown else Scope()),
        "metadata": (dict(shown.metadata) or None) if shown else None,
        "categories": (list(shown.categories) or None) if shown else None,
        "created_at": iso(shown.created_at_us if shown else event.at_us),
        "updated_at": iso(event.at_us),
        "is_deleted": event.kind is EventKind.DELETE,
        "actor_id": shown.name if shown else None,
        "role": shown.role if shown else None,
        "superseded_by": event.superseded_by,
        "position": event.position,
        "operation_id": event.operation_id,
    }


def operation_object(operation: Operation, *, running: bool = False) -> Json:
    """An operation as `operation` shows it: the names are those of Mem0's events.

    With `parts` where it stands for a deletion or purge over so many shards; users don't get to see that.
    """
    result = operation.result or {}
    done = operation.completed_at_us
    parts = operation.request.get("parts")
    return {
        **({"parts": parts} if parts else {}),
        "id": operation.id,
        "event_type": operation.kind.value,
        "scope": operation.request.get("scope"),
        "status": (OperationState.RUNNING if running else operation.state).value,
        "payload": {},
        "metadata": None,
        "results": result.get("results", []),
        **_inferred(result),
        "error": operation.error,
        "created_at": iso(operation.created_at_us),
        "updated_at": iso(done if done is not None else operation.created_at_us),
        "started_at": iso(operation.created_at_us),
        "completed_at": None if done is None else iso(done),
        "latency": None if done is None else (done - operation.created_at_us) / 1000,
    }


def write_answer(operation: Operation, degraded: Iterable[str] = ()) -> Json:
    """What a changing call answers for an operation that has succeeded, or is still open."""
    result: Mapping[str, Any] = operation.result or {}
    common: Json = {
        "status": operation.state.value,
        "operation_id": operation.id,
        "event_id": operation.id,
        "position": result.get("position"),
        "degraded": sorted(degraded),
    }
    rows: list[Json] = list(result.get("results", ()))
    if operation.state is not OperationState.SUCCEEDED:
        message = "The messages are kept; their facts follow." if rows else "Accepted; it takes effect by itself."
        return {"results": rows, "message": message, **common}
    match operation.kind:
        case OperationKind.ADD:
            return {
                "message": "Memories stored successfully",
                "results": rows,
                "relations": list(result.get("relations", ())),
                "extractor": result.get("extractor"),
                **_inferred(result),
                **common,
            }
        case OperationKind.UPDATE:
            return {**rows[0]["object"], "message": "Memory updated successfully!", **common}
        case OperationKind.DELETE:
            return {"message": "Memory deleted successfully!", **common}
        case OperationKind.DELETE_ALL | OperationKind.PURGE:
            return {"message": _OVER_MANY[operation.kind], "count": result.get("count", 0), **common}
        case OperationKind.REINFER | OperationKind.CLAIM:
            return {"results": rows, **common}


def _inferred(result: Mapping[str, Any]) -> Json:
    """Of an add whose facts a language model made: what that cost, and what it could not read."""
    if "usage" not in result and "problems" not in result:
        return {}
    unread = result.get("unread") or ()
    return {
        "messages": list(result.get("messages", ())),
        "usage": result.get("usage"),
        "problems": list(result.get("problems") or ()),
        "unread": [row["message_index"] for row in result.get("messages", ()) if row["message_index"] in unread],
    }


def entities_answer(found: Iterable[ScopeCount], project: str, page: int, page_size: int) -> Json:
    """A page of those who have memories: by kind, then by id."""
    every = sorted(found, key=lambda one: (SCOPE_FIELDS.index(one.field), one.value))
    totals = {f"total_{kind}s": sum(one.field == name for one in every) for name, kind in _ENTITY_TYPES.items()}
    return {
        "count": len(every),
        "page": page,
        "page_size": page_size,
        **totals,
        "results": [
            {
                "id": one.value,
                "name": one.value,
                "type": _ENTITY_TYPES[one.field],
                "total_memories": one.memories,
                "created_at": iso(one.created_at_us),
                "updated_at": iso(one.updated_at_us),
                "owner": project,
                "metadata": None,
            }
            for one in every[(page - 1) * page_size : page * page_size]
        ],
    }


def feedback_answer(found: Iterable[FeedbackPage], page: int, page_size: int) -> Json:
    """A page of what is thought of memories, the newest first; each of `found` leads to its end."""
    pages = list(found)
    rows = sorted((row for one in pages for row in one.rows), key=lambda row: (-row.at_us, row.memory_id))
    return {
        "count": sum(one.count for one in pages),
        "page": page,
        "page_size": page_size,
        "results": [
            {
                "id": row.memory_id,
                "feedback": str(row.rating),
                "feedback_reason": row.reason,
                "created_at": iso(row.at_us),
            }
            for row in rows[(page - 1) * page_size : page * page_size]
        ],
    }
