"""Memories: found, listed, one with all of it, and what a change did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from remora import output
from remora.output import Column, Json
from remora.views import hits, units
from remora.views.texts import day, said, score

_FIELDS = (
    "id", "memory", "user_id", "agent_id", "app_id", "run_id", "role", "name", "metadata", "categories", "version",
    "created_at", "updated_at", "expiration_date",
)  # fmt: skip


def found(answer: Json) -> None:
    """Hits of a search, best first, with the parts of their scores if they were asked for, and relations."""
    results = answer.get("results", [])
    if not any(hit.get("score_details") for hit in results):
        rows = [[score(hit), hit["id"], said(hit)] for hit in results]
        output.table([Column("score", right=True), Column("id"), Column("memory")], rows, "Nothing found.")
    elif output.out.is_terminal:
        hits.drawn(results, ids=True)
    else:
        hits.plain(results)
    relations(answer)
    output.degraded(answer)


def context(answer: Json) -> None:
    """The text alone, so that it can be piped on; beside it, what it takes and what is missing."""
    if not answer["memories"]:
        output.note("Nothing found." if not answer["left_out"]["budget"] else "No memory fits into so few tokens.")
    else:
        output.line(answer["context"])
        left = answer["left_out"]["budget"]
        more = f"; {units.of(left, 'memory', 'memories')} had no room" if left else ""
        output.note(f"{units.of(answer['tokens'], 'token')}{more}")
    output.degraded(answer)


def listed(answer: Json) -> None:
    """A page of memories, and how many there are."""
    rows = [[day(one.get("created_at")), one["id"], said(one)] for one in answer.get("results", [])]
    output.table([Column("said"), Column("id"), Column("memory")], rows, "No memories.")
    page(answer)


def page(answer: Json) -> None:
    """Where in a list one is, when it has more."""
    shown, count = len(answer.get("results", [])), answer.get("count", 0)
    if shown < count:
        output.note(f"{shown} of {count}, page {answer.get('page', 1)}; --page and --page-size show others")


def whole(memory: Json) -> None:
    """One memory with all its fields."""
    output.fields({name: memory[name] for name in _FIELDS if memory.get(name) not in (None, [], {})})


def updated(answer: Json) -> None:
    """A memory's new version."""
    whole(answer)
    output.degraded(answer)


def happened(events: Sequence[Json]) -> None:
    """A memory's history."""
    columns = [Column("at"), Column("event"), Column("was"), Column("is")]
    rows = [[_at(one), one["event"], one.get("old_memory") or "", one.get("new_memory") or ""] for one in events]
    output.table(columns, rows, "Nothing has happened to it.")


def deleted(answer: Json) -> None:
    """What a deletion did."""
    output.line(_sentence(answer))
    output.degraded(answer)


def purged(answer: Json) -> None:
    """What a purge did."""
    if _goes_on(answer):
        return
    output.line("Nothing was left to erase." if answer.get("count") == 0 else _sentence(answer))
    if parts := answer.get("degraded"):
        output.note(f"the files of {', '.join(parts)} are still being rewritten; that goes on by itself", "yellow")


def done(answer: Json) -> None:
    """What any change did: its memories where it tells them, else its message."""
    if _goes_on(answer):
        return
    if "results" in answer:
        added(answer)
    else:
        deleted(answer)


def _goes_on(answer: Json) -> bool:
    if answer.get("status") not in {"PENDING", "RUNNING"}:
        return False
    output.line(f"accepted; operation {answer.get('operation_id')} is under way")
    output.note(f"`remora operations {answer.get('operation_id')}` shows how far it is.")
    return True


def added(answer: Json) -> None:
    """What an add did, one line per memory."""
    _goes_on(answer)
    for result in answer.get("results", []):
        output.line(f"{result['event']:<6} {result['id']}  {result['memory']}")
    relations(answer)
    output.degraded(answer)


def added_many(answers: Sequence[Json]) -> None:
    """What the adds of a file did, summed up, and each that failed."""
    events = Counter(result["event"] for one in answers for result in one.get("results", []))
    failed = [(at, one["error"]) for at, one in enumerate(answers, 1) if "error" in one]
    pending = sum(one.get("status") == "PENDING" for one in answers)
    told = [f"{count} {_EVENTS.get(event, event.lower())}" for event, count in sorted(events.items())]
    told += [f"{pending} under way"] if pending else []
    told += [f"{len(failed)} failed"] if failed else []
    output.line(", ".join(told) or "nothing to keep")
    for at, error in failed:
        output.note(f"entry {at}: {error.get('message')}", "red")


_EVENTS = {"ADD": "added", "NONE": "known already", "UPDATE": "updated", "DELETE": "deleted"}


def relations(answer: Json) -> None:
    """Relations that came with an answer."""
    for one in answer.get("relations", []):
        output.line(f"{one['source']} -- {one['relationship']} -> {one['target']}", "cyan")


def _at(event: Json) -> str:
    return str(event.get("updated_at") or event.get("created_at") or "")[:19]


def _sentence(answer: Json) -> str:
    message = str(answer.get("message") or "Deleted.")
    count = answer.get("count")
    return message if count is None or str(count) in message else f"{message} ({count})"
