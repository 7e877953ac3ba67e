"""What an overload came to: tables, and which promises were broken. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.http_load import Outcome
from bench.process_memory import Samples
from bench.results import VERBS, percentile
from bench.tables import Table, number
from engine.types import Json

MOST_GROWTH = 0.20
"""So much more memory than under the sustainable load is allowed."""
SEARCH_WITHIN_S = 1.0
_MIB = 1024 * 1024
_GOOD = ("200", "202")
_REFUSED = "429"


@dataclass(frozen=True, slots=True)
class Run:
    """Both loads, what they took, and the server's status after the second one."""

    sustained: Outcome
    flood: Outcome
    idle_bytes: int
    sustained_memory: Samples
    flood_memory: Samples
    offered_per_s: float
    left: Json

    @property
    def growth(self) -> float:
        """Peak memory of the flood over that of the sustainable load, less one."""
        return self.flood_memory.peak / max(1, self.sustained_memory.peak) - 1


def rate(outcome: Outcome) -> float:
    """Good answers a second."""
    return sum(len(times) for times in outcome.times_ms.values()) / max(outcome.seconds, 0.001)


def left_over(status: Json) -> Json:
    """What is still under way, by where; empty when all is at rest."""
    found: dict[str, Any] = {}
    for shard in status.get("shards", []):
        where = f"shard {shard.get('shard', 0)}"
        for name, gate in shard.get("gates", {}).items():
            found[f"{where}, gate {name}"] = gate.get("pending", 0)
        for name, queue in shard.get("queues", {}).items():
            found[f"{where}, queue {name}"] = queue.get("waiting", 0) + queue.get("running", 0)
        for name in ("vector", "graph"):
            found[f"{where}, lag of {name}"] = shard.get(name, {}).get("lag", 0)
        found[f"{where}, lanes"] = shard.get("writes", {}).get("lanes", 0)
    return {name: count for name, count in found.items() if count}


def broken(run: Run) -> list[str]:
    """Each promise that was not kept, in a sentence."""
    flood, said = run.flood, []
    if run.growth > MOST_GROWTH:
        said.append(f"memory grew by {run.growth:.0%}, more than {MOST_GROWTH:.0%}")
    if flood.bare:
        said.append(f"{flood.bare} refusals came without a Retry-After of at least 1")
    if flood.search_after_s is None or flood.search_after_s > SEARCH_WITHIN_S:
        took = "never" if flood.search_after_s is None else f"after {flood.search_after_s:.2f} s"
        said.append(f"the first good search after the load came {took}, not within {SEARCH_WITHIN_S:g} s")
    if run.left:
        said.append(f"still under way after the load: {run.left}")
    if not flood.times_ms["search"]:
        said.append("no search was answered during the load")
    bad = {
        f"{verb} {status}": count
        for verb, statuses in flood.statuses.items()
        for status, count in statuses.items()
        if status not in (*_GOOD, _REFUSED)
    }
    if bad or flood.broken or flood.unanswered:
        said.append(f"calls failed otherwise: {bad | flood.broken | {'unanswered': flood.unanswered}}")
    return said


def tables(run: Run) -> list[Table]:
    """The run in reading order."""
    return [_calls(run), _refusals(run.flood), _memory(run), _processes(run)]


def _calls(run: Run) -> Table:
    rows = []
    for name, outcome in (("sustainable", run.sustained), ("flood", run.flood)):
        for verb in VERBS:
            times = outcome.times_ms[verb]
            statuses = ", ".join(f"{status}: {count}" for status, count in sorted(outcome.statuses[verb].items()))
            rows.append(
                (
                    name,
                    verb,
                    str(len(times)),
                    number(len(times) / max(outcome.seconds, 0.001)),
                    *(number(percentile(times, share)) if times else "–" for share in (0.5, 0.95, 0.99)),
                    statuses,
                )
            )
    flood = run.flood
    sent = 1 - flood.unsent / max(1, flood.due)
    title = (
        f"Sustainable: {rate(run.sustained):.0f} calls/s. Flood: {run.offered_per_s:.0f} calls/s offered for "
        f"{flood.seconds:.0f} s, {sent:.0%} of them sent, over {flood.opened} connections"
    )
    header = ("load", "call", "answered", "per s", "p50 ms", "p95 ms", "p99 ms", "statuses")
    return Table(title, header, tuple(rows), left=2)


def _refusals(flood: Outcome) -> Table:
    waits = sorted((int(wait), count) for wait, count in flood.retry_s.items())
    total = sum(count for _, count in waits)
    spread = f"{waits[0][0]} to {waits[-1][0]} s" if waits else "–"
    search = "–" if flood.search_after_s is None else f"{flood.search_after_s:.2f} s"
    rows = (
        ("refusals with Retry-After", str(total)),
        ("refusals without", str(flood.bare)),
        ("Retry-After", spread),
        ("first good search after the load", search),
        ("calls that broke", str(sum(flood.broken.values()) + flood.unanswered)),
    )
    return Table("Refusals", ("", "flood"), rows)


def _memory(run: Run) -> Table:
    rows = (
        ("before", number(run.idle_bytes / _MIB)),
        ("sustainable load, peak", number(run.sustained_memory.peak / _MIB)),
        ("flood, peak", number(run.flood_memory.peak / _MIB)),
        ("flood, at its end", number(run.flood_memory.total[-1][1] / _MIB if run.flood_memory.total else 0)),
        ("growth", f"{run.growth:.1%}"),
    )
    return Table("Memory of all processes together (PSS)", ("", "MiB"), rows)


def _processes(run: Run) -> Table:
    before, after = run.sustained_memory.most, run.flood_memory.most
    grown = sorted(after, key=lambda name: before.get(name, 0) - after[name])[:8]
    rows = tuple((name, number(before.get(name, 0) / _MIB), number(after[name] / _MIB)) for name in grown)
    return Table("Which grew most (peaks, MiB)", ("process", "sustainable", "flood"), rows)
