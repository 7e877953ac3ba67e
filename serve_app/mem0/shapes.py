"""What Mem0's clients are answered, made of what Remora answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import InvalidInput
from engine.types import Json

_ALWAYS = ("id", "score")
_OPEN = frozenset({"PENDING", "RUNNING"})
_QUEUED = "The messages are queued, and safe: GET /v1/event/{event_id}/ tells what becomes of them."


def added(answer: Json) -> Json:
    """The answer to an add. One that isn't done has no `results`: clients take these for all that there will be."""
    if answer.get("status") not in _OPEN:
        return answer
    waiting = {name: value for name, value in answer.items() if name != "results"}
    return {**waiting, "status": "PENDING", "message": _QUEUED}


def event(operation: Json) -> Json:
    """An operation as an event: each of its results says whose it is."""
    owner = operation.get("scope") or {}
    rows = [{"user_id": _owner(row, owner), **row} for row in operation["results"]]
    return {**operation, "results": rows}


def with_fields(answer: Json, fields: object) -> Json:
    """A page or a search's answer whose memories have these fields, and those by which they are told apart.

    Raises:
        InvalidInput: `fields` are no list of names.
    """
    if not fields:
        return answer
    if not isinstance(fields, list) or not all(isinstance(name, str) for name in fields):
        raise InvalidInput("fields should be a list of names", {"field": "fields"})
    wanted = {*fields, *_ALWAYS}
    rows = [{name: value for name, value in row.items() if name in wanted} for row in answer["results"]]
    return {**answer, "results": rows}


def _owner(row: Mapping[str, Any], owner: Mapping[str, Any]) -> Any:
    return (row.get("object") or owner).get("user_id")
