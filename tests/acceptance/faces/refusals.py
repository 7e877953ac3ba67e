"""What no face may take: the same bad input for all, the code that each answers, and a word that helps to mend it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.faces.story import NOBODY

_LONG = "too long " * 12_000
_NO_BATCH = frozenset({"command"})


@dataclass(frozen=True)
class Refusal:
    """A call that is refused. `not_by`: faces whose callers can't even say it."""

    name: str
    code: str
    says: str
    verb: str
    arguments: tuple[Any, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    not_by: frozenset[str] = frozenset()


def _of(user: str = "nobody", **more: Any) -> dict[str, Any]:
    return {"user_id": user, **more}


REFUSALS = (
    Refusal("add without scope", "invalid_input", "user_id", "add", ("hello",)),
    Refusal("search without scope", "invalid_input", "user_id", "search", ("hello",)),
    Refusal("list without scope", "invalid_input", "user_id", "list"),
    Refusal("delete all without scope", "invalid_input", "user_id", "delete_all"),
    Refusal("graph without scope", "invalid_input", "user_id", "graph_entities"),
    Refusal("blank text", "invalid_input", "content", "add", (" ",), _of()),
    Refusal("blank query", "invalid_input", "query", "search", ("  ",), _of()),
    Refusal("blank entity", "invalid_input", "entity", "neighbours", (" ",), _of()),
    Refusal(
        "unknown operator", "invalid_input", "near", "search", ("x",), _of(filters={"created_at": {"near": "2024"}})
    ),
    Refusal("unknown filter field", "invalid_input", "colour", "list", (), _of(filters={"colour": "red"})),
    Refusal("get of an unknown id", "not_found", "not found", "get", (NOBODY,)),
    Refusal("update of an unknown id", "not_found", "not found", "update", (NOBODY,), {"text": "hello"}),
    Refusal("delete of an unknown id", "not_found", "not found", "delete", (NOBODY,)),
    Refusal("history of an unknown id", "not_found", "not found", "history", (NOBODY,)),
    Refusal("unknown operation", "not_found", "not found", "operation", (NOBODY,)),
    Refusal("purge without scope", "invalid_input", "user_id", "purge"),
    Refusal("purge of two things", "invalid_input", "memory", "purge", (), _of(memory_id=NOBODY)),
    Refusal("purge of an unknown id", "not_found", "not found", "purge", (), {"memory_id": NOBODY}),
    Refusal("operations of an unknown state", "invalid_input", "state", "operations", (), {"state": "DONE"}),
    Refusal("retry of an unknown operation", "not_found", "not found", "retry", (NOBODY,)),
    Refusal("an id that is none", "invalid_input", "memory_id", "get", ("the tram",)),
    Refusal("update of nothing", "invalid_input", "text", "update", (NOBODY,)),
    Refusal("page 0", "invalid_input", "page", "list", (), _of(page=0)),
    Refusal("threshold over 1", "invalid_input", "threshold", "search", ("x",), _of(threshold=2.0)),
    Refusal("a time that is none", "invalid_input", "timestamp", "add", ("x",), _of(timestamp="soon")),
    Refusal("a date that is none", "invalid_input", "expiration_date", "add", ("x",), _of(expiration_date="soon")),
    Refusal("top_k of the wrong type", "invalid_input", "top_k", "search", ("x",), _of(top_k="many")),
    Refusal("metadata of the wrong type", "invalid_input", "metadata", "add", ("x",), _of(metadata=["a"])),
    Refusal("a message that is too large", "too_large", "characters", "add", (_LONG,), _of()),
    Refusal("a query that is too large", "too_large", "query", "search", (_LONG,), _of()),
    Refusal("a NUL in a text", "invalid_input", "NUL", "add", ("a\0b",), _of()),
    # A file with nothing in it is refused before it is a batch.
    Refusal("an empty batch", "invalid_input", "items", "add_batch", ([],), not_by=_NO_BATCH),
    Refusal("a batch of no list", "invalid_input", "items", "search_batch", ({"query": "x"},), not_by=_NO_BATCH),
)
