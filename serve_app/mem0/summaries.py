"""Memories summed up in their own words, without a language model. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from engine.types import Json

_LINES: Final = 20
_LINE_CHARS: Final = 200


def summary_of(memories: Sequence[Json], count: int) -> Json:
    """What there is of whom, and the newest of it.

    Args:
        memories: the newest first.
        count: of all that there are.
    """
    shown = memories[:_LINES]
    categories = Counter(name for memory in memories for name in memory.get("categories") or ())
    lines = [f"{one['created_at'][:10]}: {_short(one['memory'])}" for one in shown]
    rest = count - len(shown)
    return {
        "summary": "\n".join([*lines, *([f"and {rest} older"] if rest > 0 else [])]),
        "count": count,
        "categories": dict(categories.most_common()),
        "memories": [*shown],
    }


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LINE_CHARS else f"{line[: _LINE_CHARS - 1]}…"
