"""Hits of a search as lines of a text: each memory one line, under the day and the conversation it comes from. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.alike import leaders
from engine.types import SCOPE_FIELDS, Json

_MOST_DAYS = 3
_CUT = "…"
_CHARS_PER_TOKEN = 16
_DAY_CHARS = 10
_LEAST_SHORTENED = 8
_SHARE_OF_GUESS = 0.9


@dataclass(frozen=True, slots=True)
class Line:
    """One memory as it is shown. `heading` names its group; `order` is its place in time; `lead` is what stands before
    what it says.

    `also`: the ids of memories that say the same, and are not shown themselves.
    """

    memory_id: str
    score: float
    heading: str
    text: str
    order: tuple[str, int, int]
    also: tuple[str, ...] = ()
    truncated: bool = False
    details: Json | None = None
    lead: str = "- "


def lines_of(hits: Sequence[Json], positions: Mapping[str, int], budget: int) -> list[Line]:
    """The lines of a search's hits, best first; of those that say the same, the best one.

    Args:
        hits: memories with scores, best first.
        positions: where in the history of its shard each memory came to be what it is; 0 where that isn't known.
        budget: in tokens; a memory that is far beyond it is cut.
    """
    shown_ids = [name for name in SCOPE_FIELDS if name == "run_id" or len({hit[name] for hit in hits}) > 1]
    same: dict[int, list[Json]] = {}
    for place, leader in enumerate(leaders([(_speaker(hit), hit["memory"]) for hit in hits])):
        same.setdefault(leader, []).append(hits[place])
    return [_line(place, some, shown_ids, positions, budget) for place, some in same.items()]


def _line(
    place: int, same: Sequence[Json], shown_ids: Sequence[str], positions: Mapping[str, int], budget: int
) -> Line:
    hit, *others = same
    words = " ".join(hit["memory"].split())  # One line, so that no text can look like a heading.
    kept = words[: budget * _CHARS_PER_TOKEN]
    speaker = _speaker(hit)
    lead = f"- {speaker}: " if speaker else "- "
    return Line(
        memory_id=hit["id"],
        score=hit["score"],
        heading=_heading(hit, shown_ids),
        text=f"{lead}{kept}{_CUT if kept != words else ''}{_other_days(hit, others)}",
        order=(hit["created_at"], positions.get(hit["id"], 0), place),
        also=tuple(other["id"] for other in others),
        truncated=kept != words,
        details=hit.get("score_details"),
        lead=lead,
    )


def _heading(hit: Json, shown_ids: Sequence[str]) -> str:
    day = datetime.fromisoformat(hit["created_at"])
    named = [f"{name.removesuffix('_id')} {hit[name]}" for name in shown_ids if hit[name] is not None]
    return ", ".join([f"{day:%Y-%m-%d} ({_WEEKDAYS[day.weekday()]})", *named])


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _speaker(hit: Mapping[str, Any]) -> str | None:
    name: str | None = hit["name"] or hit["role"]
    return None if name is None else " ".join(name.split())


def _other_days(hit: Json, others: Sequence[Json]) -> str:
    days = sorted({other["created_at"][:_DAY_CHARS] for other in others} - {hit["created_at"][:_DAY_CHARS]})
    if not days:
        return ""
    return f" (also on {', '.join(days[:_MOST_DAYS])}{' and later' if len(days) > _MOST_DAYS else ''})"


def shortened(line: Line, tokens: int, allowed: int) -> str | None:
    """The beginning of a line of so many tokens, of about as many as are allowed; None: that would say nothing."""
    if allowed < _LEAST_SHORTENED:
        return None
    head = line.text[: int(len(line.text) * _SHARE_OF_GUESS * allowed / tokens)].rsplit(" ", 1)[0].rstrip()
    return f"{head}{_CUT}" if len(head) > len(line.lead) else None
