"""Hits of a search with the parts of their scores: a bar for each, or numbers for scripts."""

from __future__ import annotations

from collections.abc import Sequence

from remora import output
from remora.output import Column, Json
from remora.views.bars import bar
from remora.views.texts import day, said, score

_WIDTH = 12
_GROUPS = {
    "meaning": ("blue", ("dense", "context", "tokens", "reply", "statement")),
    "words": ("magenta", ("keywords", "keywords_context", "phrase")),
    "names": ("cyan", ("graph", "speaker")),
    "times": ("yellow", ("date", "when", "recency", "session")),
}


def drawn(hits: Sequence[Json], *, ids: bool = False) -> None:
    """Each hit, and under it the bars, all in one measure: together they are the score."""
    best = max((float(hit["score"]) for hit in hits), default=0.0) or 1.0
    for hit in hits:
        output.line(f"  {score(hit)}  {day(hit.get('created_at'))}  {said(hit)}")
        output.pieces([("         ", ""), *_bars(hit, best), (str(hit["id"]) if ids else "", "dim")])


def plain(hits: Sequence[Json]) -> None:
    """A row each, for scripts: score, its parts, id, text."""
    columns = [Column("score"), *map(Column, _GROUPS), Column("id"), Column("memory")]
    rows = [[score(hit), *(f"{part:.2f}" for part in _parts(hit).values()), hit["id"], said(hit)] for hit in hits]
    output.table(columns, rows, "Nothing found.")


def _parts(hit: Json) -> dict[str, float]:
    """What signals of each kind add to a hit's score."""
    told = (hit.get("score_details") or {}).get("parts", {})
    return {group: sum(float(told.get(name) or 0.0) for name in names) for group, (_, names) in _GROUPS.items()}


def _bars(hit: Json, best: float) -> list[tuple[str, str]]:
    shown = []
    for group, part in _parts(hit).items():
        shown.append((f"{group} ", "dim"))
        shown.append((bar(part / best, width=_WIDTH, ascii_only=not output.draws_blocks()), _GROUPS[group][0]))
        shown.append((f" {part:.2f}   ", "dim"))
    return shown
