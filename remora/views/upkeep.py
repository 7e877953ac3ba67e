"""What verification found, and how a rebuild ended."""

from __future__ import annotations

from typing import Any

from remora import output
from remora.output import Column, Json
from remora.rebuilding import DONE, reason
from remora.views import units

_MOST_ROWS = 100
"""Of the differences on a terminal; whoever reads a pipe gets all that are known."""


def verified(whole: Json, *, repair: bool) -> None:
    """Each difference, what contradicts itself in the ledger, and the whole in a sentence."""
    for problem in whole["problems"]:
        output.marked("ledger  ", "red", str(problem))
    differences: list[Json] = whole["differences"]
    if differences:
        shown = differences[:_MOST_ROWS] if output.out.is_terminal else differences
        output.table(_COLUMNS, [_row(one) for one in shown], "")
        if len(shown) < whole["found"]:
            output.note(f"{units.count(len(shown))} of {units.count(whole['found'])} shown; --json tells more")
    output.line(_verdict(whole, repair=repair), "green" if whole["clean"] else "red")


def rebuilt(answer: Json) -> None:
    """How it ended."""
    if answer["state"] == DONE:
        output.line(f"Done: the {answer['index']} index has {_memories(answer['done'])}.", "green")
    else:
        output.note(f"The {answer['index']} index wasn't rebuilt, the old one is still there: {reason(answer)}", "red")


_DIGEST_CHARS = 8

_COLUMNS = (
    Column("shard", right=True),
    Column("index"),
    Column("problem"),
    Column("expected", right=True),
    Column("found", right=True),
    Column("memory"),
)


def _row(one: Json) -> list[str]:
    return [
        str(one["shard"]),
        one["index"],
        one["problem"],
        _held(one.get("expected")),
        _held(one.get("found")),
        one["memory_id"],
    ]


def _held(held: Any) -> str:
    """A version by its position, and by the beginning of its digest."""
    return f"{held['position']}:{held['digest'][:_DIGEST_CHARS]}" if held else "-"


def _verdict(whole: Json, *, repair: bool) -> str:
    compared, remaining = f"{_memories(whole['checked'])} compared", whole["remaining"]
    mended = f", {units.of(whole['repaired'], 'difference')} repaired" if whole["repaired"] else ""
    if whole["clean"]:
        return f"{compared}{mended}: ledger, vector index and graph agree."
    left = f"{compared}{mended}: {units.of(remaining, 'difference')} {'remains' if remaining == 1 else 'remain'}."
    if whole["problems"]:
        return f"{left} The ledger contradicts itself, which nothing repairs: restore a backup."
    if repair:
        return f"{left} `remora rebuild vector` and `remora rebuild graph` build an index anew."
    return f"{left} `remora verify --repair` makes the indexes what the ledger says."


def _memories(count: int) -> str:
    return units.of(count, "memory", "memories")
