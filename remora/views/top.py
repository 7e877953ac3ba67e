"""One picture of `remora top`, fitted to the terminal: traffic, queues, indexes, processes. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from remora.figures import Between, Json, Look, between
from remora.output import Column, harmless
from remora.views import gauges
from remora.views.gauges import Row
from remora.views.status import summary

_STYLES = {"ready": "bold green", "degraded": "bold yellow"}
_WIDE = 110
_TROUBLES = 3
_REMARK = "slowest verbs, p95"


def _columns(first: str, *names: str, last: str | None = None) -> tuple[Column, ...]:
    right = tuple(Column(name, right=True) for name in names)
    return (Column(first), *right, *((Column(last),) if last else ()))


_TRAFFIC = _columns("", "a second", "under way", "p50", "p95", "max", "refused/s")
_QUEUES = _columns("queue", "waits", "oldest", "wait p50", "p95", "batch", "max", "calls/s", "took p95", "/request")
_INDEXES = _columns("index", "behind", "since", "late p50", "p95", last="state")
_PROCESSES = _columns("process", "cpu", "memory", "loop p50", "p95", "max", "calls/s", "runs", "restarts", last=_REMARK)


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the picture."""

    columns: Sequence[Column]
    rows: list[Row]


def picture(after: Look, before: Look | None, url: str, *, width: int, height: int, note: str = "") -> RenderableType:
    """The whole. `before`: an earlier look, for rates; `note`: what is wrong with the latest; `height` in lines."""
    head = [_title(after, url, width), *told(note, width), *_troubles(after.status, width)]
    sections = _sections(after, before, width)
    room = height - len(head) - len(sections)
    spaced = room - len(sections) >= sum(len(section.rows) for section in sections)
    allowed = shares([len(section.rows) for section in sections], room)
    parts: list[RenderableType] = [*head]
    for section, rows in zip(sections, allowed, strict=True):
        parts += [Text()] if spaced else []
        parts.append(_table(section, rows))
    return Group(*parts)


def told(note: str, width: int) -> list[Text]:
    """What is wrong, in lines of that width."""
    return [Text(line, style="bold red", no_wrap=True) for line in textwrap.wrap(harmless(note), max(width, 1))]


def _troubles(status: Json, width: int) -> list[Text]:
    """What doesn't answer, a line each; the first few."""
    found = [f"shard {shard.get('shard')}: {shard['error']}" for shard in status.get("shards", []) if "error" in shard]
    found += [
        f"shard {shard.get('shard')}, {name}: {part['error']}"
        for shard in status.get("shards", [])
        for name, part in shard.items()
        if isinstance(part, dict) and "error" in part
    ]
    found += [f"{actor['name']}: {actor['error']}" for actor in status.get("actors", []) if "error" in actor]
    more = [f"and {len(found) - _TROUBLES} more"] if len(found) > _TROUBLES else []
    lines = [Text(harmless(" ".join(line.split())), style="red", no_wrap=True) for line in found[:_TROUBLES] + more]
    for line in lines:
        line.truncate(width, overflow="crop")
    return lines


def _title(look: Look, url: str, width: int) -> Text:
    state = str(look.status.get("state") or "not ready")
    title = Text.assemble(
        (f"Remora {look.status.get('version', '')} ", "bold"),
        (state, _STYLES.get(state, "bold red")),
        harmless(f", {summary(look.status, model=False)}, {url}"),
        no_wrap=True,
    )
    title.truncate(width, overflow="crop")
    return title


def _sections(after: Look, before: Look | None, width: int) -> list[Section]:
    shards = between(before, after, "shards", "shard")
    actors = between(before, after, "actors", "name")
    replica = _replica(before, after)
    processes = list(gauges.processes(actors, replica))
    columns: Sequence[Column] = _PROCESSES
    if width < _WIDE:
        columns, processes = _PROCESSES[:-1], [Row(row.cells[:-1], row.pressure) for row in processes]
    return [
        Section(_TRAFFIC, list(gauges.traffic(shards, actors, replica))),
        Section(_QUEUES, list(gauges.queues(shards, actors))),
        Section(_INDEXES, list(gauges.indexes(shards))),
        Section(columns, processes),
    ]


def _replica(before: Look | None, after: Look) -> Between:
    """The process that answered. With several of them another may have answered before: then no rate is known."""
    now = after.status.get("replica") or {}
    then = None if before is None else before.status.get("replica")
    if before is None or then is None or then.get("pid") != now.get("pid"):
        return Between(None, now, 0.0)
    return Between(then, now, after.at_s - before.at_s)


def shares(wanted: Sequence[int], room: int) -> list[int]:
    """How many lines each gets: what it wants where that fits, else room is shared out evenly, the small ones first."""
    given = [0] * len(wanted)
    left = max(0, room)
    order = sorted(range(len(wanted)), key=lambda one: wanted[one])
    for place, one in enumerate(order):
        given[one] = min(wanted[one], left // (len(order) - place))
        left -= given[one]
    return given


def _table(section: Section, allowed: int) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim", show_edge=False)
    for column in section.columns:
        grid.add_column(
            column.name,
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="crop",
            min_width=len(column.name) if column.right else None,
        )
    for row in _fitted(section.rows, allowed):
        grid.add_row(*row.cells)
    return grid


def _fitted(rows: list[Row], allowed: int) -> Iterable[Row]:
    """All of them, or those with the most pressure in their own order, and how many more there are."""
    if len(rows) <= allowed:
        return rows
    if allowed <= 0:
        return []
    hardest = sorted(range(len(rows)), key=lambda one: -rows[one].pressure)[: allowed - 1]
    rest = Row((Text(f"{len(rows) - len(hardest)} more", style="dim"),))
    return [*(rows[one] for one in sorted(hardest)), rest]
