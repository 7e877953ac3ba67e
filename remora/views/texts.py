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


def shortened(text: str, most: int = 60) -> str:
    """The text on one line, not longer than that."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def whose(scope: Json) -> str:
    """Whose memories a scope names, as "user ana, run r1"."""
    return ", ".join(f"{name.removesuffix('_id')} {value}" for name, value in scope.items())


def day(time: Any) -> str:
    """The day of a time."""
    return str(time or "")[:10]
