"""What a tool answers: one text that holds JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import orjson
from mcp_types import CallToolResult, TextContent

from engine.types import Json

_AS_GIVEN = frozenset({"metadata", "payload"})
"""What was somebody's own stays as it was given."""


@runtime_checkable
class Told(Protocol):
    """An error that was raised on purpose: of the engine, or of the client of a runtime elsewhere."""

    message: str
    code: str
    details: dict[str, Any]


def good(answer: Any) -> CallToolResult:
    """An answer."""
    return CallToolResult(content=[TextContent(text=as_text(answer))])


def refused(message: str, code: str, details: Mapping[str, Any]) -> CallToolResult:
    """An error, for a model to read."""
    content: Json = {"error": message, "code": code, "details": dict(details)}
    return CallToolResult(content=[TextContent(text=as_text(content))], is_error=True)


def as_text(answer: Any) -> str:
    """JSON without what is null: it says nothing, and costs a model's tokens."""
    content = _said(answer)
    try:
        return orjson.dumps(content, default=str).decode()
    except TypeError:  # An error may quote what isn't Unicode.
        return json.dumps(content, default=str)


def _said(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: inner if key in _AS_GIVEN else _said(inner) for key, inner in value.items() if inner is not None}
    return [_said(inner) for inner in value] if isinstance(value, list) else value
