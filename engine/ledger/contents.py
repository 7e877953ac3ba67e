"""What the record of an operation holds of memories, and what is left of it when they are purged. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine import ids
from engine.ledger_port import Operation, OperationKind
from engine.types import SCOPE_FIELDS, Json, OperationState, Scope

PARTS = "parts"
_ANSWERED: Json = {"purged": True, "results": []}


def is_blanked(operation: Operation) -> bool:
    """Whether what it held was erased; a purge itself isn't blanked by that, it has an answer still."""
    return bool((operation.result or {}).get("purged"))


def with_facts(before: Json, answer: Mapping[str, Any], facts: Sequence[Json]) -> Json:
    """The result of an add whose facts have come: they, and the messages (kept `before`) that nobody could read."""
    said = [row for row in before["results"] if "message_index" in row]
    unread = set(answer.get("unread", ()))
    return {
        "results": [*facts, *(row for row in said if row["message_index"] in unread)],
        "messages": [{"id": row["id"], "message_index": row["message_index"]} for row in said],
    }


def blanked(operation: Operation) -> Operation:
    """An operation without content: its key, times and state stay, and of how many parts it is. One that facts were
    to come of has ended."""
    error, begun = operation.error, operation.state is OperationState.RUNNING
    return replace(
        operation,
        state=OperationState.SUCCEEDED if begun else operation.state,
        completed_at_us=operation.created_at_us if begun else operation.completed_at_us,
        lane=None,
        request=_parts(operation),
        request_hash=b"",
        result=dict(_ANSWERED),
        error=None if error is None else {"code": error.get("code"), "message": error.get("message")},
    )


def discreet(operation: Operation, purged: int) -> Operation:
    """A purge that has taken effect, without whose memories they were. The hash of the request stays while its key
    counts, so that the key can't stand for another purge.
    """
    return replace(operation, lane=None, request={"purged": purged, **_parts(operation)})


def _parts(operation: Operation) -> Json:
    return {PARTS: operation.request[PARTS]} if PARTS in operation.request else {}


def key_of(operation: Operation) -> str | None:
    """The caller's idempotency key: its own, or for a part of an operation over shards that of the whole."""
    return operation.idempotency_key or operation.request.get("key")


def ids_within(operation: Operation) -> Mapping[str, str]:
    """Whose an operation is: the ids of its scope, or where its request tells none that of the lane's owner."""
    told = operation.request.get("scope")
    if isinstance(told, Mapping):
        return told
    if operation.lane is None or operation.kind is OperationKind.CLAIM:
        return {}
    owner = operation.lane.removeprefix(f"{len(operation.project)}:{operation.project}/")
    field, _, value = owner.partition("=")
    return {field: value} if field in SCOPE_FIELDS else {}


def is_within(operation: Operation, scope: Scope) -> bool:
    """Whether the operation's scope has all ids of `scope`."""
    known = ids_within(operation)
    return all(known.get(field) == value for field, value in scope.ids().items())


def memories_named(operation: Operation) -> set[str]:
    """The memories that its request, its result or its error name."""
    rows: list[Any] = [operation.request.get("memory_id"), *operation.request.get("named", ())]
    for name in ("results", "messages"):
        rows += [row.get("id") for row in (operation.result or {}).get(name, ())]
    rows.append(((operation.error or {}).get("details") or {}).get("memory_id"))
    return {row for row in rows if isinstance(row, str)}


def says(operation: Operation, texts: frozenset[str]) -> bool:
    """Whether it failed to write one of these texts (in canonical form): it names no memory, but holds the text."""
    if operation.state is not OperationState.FAILED:
        return False
    said = [message[1] for message in operation.request.get("messages", ())]
    said.append(operation.request.get("given", {}).get("text"))
    return any(isinstance(text, str) and ids.canonical_text(text) in texts for text in said)
