"""What came of an import: counts, and the rows that weren't taken."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from remora import output
from remora.output import Json
from remora.views import units

if TYPE_CHECKING:
    from remora.migration.taking import Batch, Taken


def summary(batch: Batch, taken: Taken | None) -> Json:
    """The counts by name; `taken` None: nothing was to be stored. `bad`: in the order of their rows."""
    bad = batch.bad + (taken.bad if taken else [])
    common = {"read": batch.read, "scopes": len(batch.scopes), "twice": batch.twice, "expired": batch.expired}
    done = (
        {"to_import": len(batch.items)}
        if taken is None
        else {"added": taken.added, "known": taken.known, "under_way": taken.under_way}
    )
    return {**common, **done, "bad": [asdict(one) for one in sorted(bad, key=lambda one: one.row)]}


def shown(summary: Json) -> None:
    """The same in words; each bad row with its number on stderr."""
    whose = units.of(summary["scopes"], "scope")
    output.line(f"{units.of(summary['read'], 'row')} read, {whose}")
    if "to_import" in summary:
        output.line(f"{units.of(summary['to_import'], 'memory', 'memories')} to import; nothing was stored")
    else:
        output.line(f"{units.of(summary['added'], 'memory', 'memories')} added, {summary['known']} known already")
    if summary.get("under_way"):
        output.line(f"{summary['under_way']} under way; they take effect by themselves")
    if summary["twice"]:
        output.line(f"{summary['twice']} twice in the source")
    if summary["expired"]:
        output.line(f"{summary['expired']} expired, and left out")
    for one in summary["bad"]:
        output.note(f"row {one['row']}: {one['reason']}", "red")
    if summary["bad"]:
        output.note(f"{units.of(len(summary['bad']), 'row')} not taken", "red")
