"""Short texts for memories and their parts. Pure."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def score(hit: Json) -> str:
    """A hit's score, as people read it."""
    return f"{hit.get('score') or 0:.3f}"


def said(memory: Json) -> str:
    """A memory's text, with who said it."""
    name = memory.get("name")
    return f"{name}: {memory['memory']}" if name else str(memory["memory"])


def day(time: Any) -> str:
    """The day of a time."""
    return str(time or "")[:10]
