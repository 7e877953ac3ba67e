"""Operations."""

from __future__ import annotations

from remora import output
from remora.output import Json

_FIELDS = ("id", "event_type", "status", "created_at", "started_at", "completed_at", "latency")


def shown(operation: Json) -> None:
    """How far one is, what it did, or why it failed."""
    output.fields({name: operation[name] for name in _FIELDS if operation.get(name) is not None})
    for result in operation.get("results") or []:
        output.line(f"{result.get('event', ''):<6} {result.get('id', '')}  {result.get('memory', '')}")
    error = operation.get("error")
    if error:
        output.note(str(error.get("message", error) if isinstance(error, dict) else error), "red")
