"""What a new reading of stored messages says otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from remora import output
from remora.output import Column, Json
from remora.views import texts, units

_COLUMNS = (Column("said"), Column("what"), Column("fact"))


def so_far(whole: Json) -> str:
    """How far it is."""
    return f"Read {_conversations(whole)} so far"


def is_whole(whole: Json) -> bool:
    """Whether everything was read."""
    return whole["next"] is None and not whole["totals"].get("failed")


def reread(whole: Json) -> None:
    """A row for each fact that is otherwise, and the whole in sentences."""
    rows = [row for one in whole["conversations"] for row in _rows(one)]
    output.table(_COLUMNS, rows, "No fact is otherwise.")
    if len(whole["conversations"]) < whole["totals"]["conversations"]:
        output.note(f"the first {units.count(len(whole['conversations']))} conversations are shown")
    output.line(_verdict(whole), "green" if is_whole(whole) else "yellow")
    for problem in whole["problems"]:
        output.note(problem, "red")
    if whole["next"] is not None:
        output.note(f"It stopped before the end; --cursor {whole['next']} goes on there.", "red")


def _rows(one: Json) -> Iterator[list[str]]:
    day = texts.day(one["created_at"])
    if one["error"] is not None:
        yield [day, "failed", f"{one['error']['message']} (add {one['operation_id']})"]
    for fact in one["added"]:
        yield [day, "added", fact["memory"]]
    for fact in one["changed"]:
        yield [day, "changed", f"{fact['previous_memory']} -> {fact['memory']}"]
    for fact in one["ended"]:
        yield [day, "ended", fact["memory"]]
    for fact in one["left_out"]:
        yield [day, "left out", f"{fact['memory']} ({fact['because']})"]


def _verdict(whole: Json) -> str:
    totals, usage = whole["totals"], whole["usage"]
    tokens = units.count(usage["prompt_tokens"] + usage["completion_tokens"])
    failed = f", {units.count(totals['failed'])} failed" if totals["failed"] else ""
    told = (
        f"{_conversations(whole)} read{failed}: {units.of(totals['added'], 'fact')} added, "
        f"{totals['changed']:,} changed, {totals['ended']:,} ended, {totals['unchanged']:,} unchanged; "
        f"{units.of(int(usage['calls']), 'call')}, {tokens} tokens."
    )
    if whole["applied"]:
        return told
    return f"{told} Nothing was written; --apply writes it."


def _conversations(whole: Json) -> str:
    return units.of(whole["totals"].get("conversations", 0), "conversation")
