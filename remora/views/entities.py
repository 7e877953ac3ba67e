"""Users, agents, apps and runs."""

from __future__ import annotations

from remora import output
from remora.output import Column, Json
from remora.views.memories import page
from remora.views.texts import day


def listed(answer: Json) -> None:
    """A page of them, with the number of their memories."""
    columns = [Column("type"), Column("memories", right=True), Column("since"), Column("last"), Column("name")]
    rows = [
        [one["type"], str(one["total_memories"]), day(one.get("created_at")), day(one.get("updated_at")), one["name"]]
        for one in answer.get("results", [])
    ]
    output.table(columns, rows, "Nobody has memories yet.")
    page(answer)
