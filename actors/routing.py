"""Which shard a call most likely belongs to, by its fields alone. Pure, and only a guess: orchestrators route again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine import ids
from engine.errors import InvalidInput
from engine.types import DEFAULT_PROJECT, SCOPE_FIELDS, Scope

_BY_ID = frozenset({"get", "update", "delete", "history", "rate", "operation", "retry"})
_BY_SCOPE = frozenset({"add", "preview"})
_BY_USER = frozenset(
    {
        "search",
        "context",
        "list",
        "delete_all",
        "purge",
        "operations",
        "graph_entities",
        "neighbours",
        "path",
        "communities",
        "merge_entities",
        "split_entity",
        "reinfer",
    }
)


def likely_shard(verb: str, args: tuple[Any, ...], fields: Mapping[str, Any], shards: int) -> int | None:
    """The shard that can answer alone; None: no single one, or it can't be told."""
    if shards == 1:
        return 0
    slot = _slot(verb, args, fields)
    return None if slot is None else ids.shard_of(slot, shards)


def _slot(verb: str, args: tuple[Any, ...], fields: Mapping[str, Any]) -> int | None:
    if verb in _BY_ID and args:
        return _slot_in(args[0])
    if verb == "purge" and fields.get("memory_id") is not None:
        return _slot_in(fields["memory_id"])
    if verb in _BY_SCOPE:
        return _slot_of(fields, next((name for name in SCOPE_FIELDS if fields.get(name) is not None), None))
    if verb in _BY_USER:
        return _slot_of(fields if fields.get("user_id") else {**fields, **_plain_filter(fields)}, "user_id")
    return None


def _slot_in(any_id: object) -> int | None:
    try:
        return ids.slot_in(ids.canonical_id(any_id))
    except InvalidInput:
        return None


def _slot_of(fields: Mapping[str, Any], name: str | None) -> int | None:
    project, value = fields.get("project", DEFAULT_PROJECT), fields.get(name or "")
    if name is None or not isinstance(project, str) or not isinstance(value, str) or value == "*":
        return None
    try:
        return ids.slot_of(ids.routing_key(project, Scope(**{name: value.strip()})))
    except UnicodeEncodeError:  # No text at all, which the orchestrator says better.
        return None


def _plain_filter(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The user that a filter of the simplest shape demands: `{"user_id": "…"}`."""
    filters = fields.get("filters")
    if not isinstance(filters, Mapping) or "user_id" not in filters:
        return {}
    return {"user_id": filters["user_id"]}
