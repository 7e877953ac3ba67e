"""Operations."""

from __future__ import annotations

from typing import Any

from remora import output
from remora.output import Column, Json
from remora.views import memories

_FIELDS = ("id", "event_type", "status", "created_at", "started_at", "completed_at", "latency")


def shown(operation: Json) -> None:
    """How far one is, what it did, or why it failed."""
    output.fields({name: operation[name] for name in _FIELDS if operation.get(name) is not None})
    for result in operation.get("results") or []:
        output.line(f"{result.get('event', ''):<6} {result.get('id', '')}  {result.get('memory', '')}")
    if error := operation.get("error"):
        output.note(_said(error), "red")
        output.note(f"`remora operations retry {operation.get('id')}` tries it again.")


def listed(answer: Json) -> None:
    """A page of operations: when, how far, what, which, and why it failed."""
    columns = [Column("accepted"), Column("state"), Column("kind"), Column("id")]
    rows = [
        [str(one.get("created_at") or "")[:19], one["status"], one["event_type"], *_which_and_why(one)]
        for one in answer.get("results", [])
    ]
    output.table(columns, rows, "No operations.")
    memories.page(answer)


def tried(answer: Json) -> None:
    """What came of another try."""
    memories.done(answer)


def _which_and_why(operation: Json) -> list[str]:
    """Its id, and its error: below it on a terminal, where beside it there is no room."""
    both = [operation["id"], _said(operation.get("error"))]
    return ["\n".join(filter(None, both))] if output.out.is_terminal else both


def _said(error: Any) -> str:
    if isinstance(error, dict):
        return str(error.get("message", error))
    return str(error or "")
