"""What many connections came to, as values and as tables. Pure; who connects is `many_connections`' business."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from bench.results import Verb, percentile
from bench.tables import Table, number
from engine.types import Json

REFUSED = 429


@dataclass(slots=True)
class Tally:
    """What one kind of call came to. `partial`: good answers that said they were not the whole thing."""

    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    times_ms: list[float] = field(default_factory=list)
    partial: int = 0

    def p(self, share: float) -> float:
        """Milliseconds within which this share of the good answers came."""
        return percentile(self.times_ms, share)


@dataclass(frozen=True, slots=True)
class Run:
    """A run over. `opened`: TCP connections that it took. `status`: the server's, asked while the load was on."""

    connections: int
    seconds: float
    tallies: dict[Verb, Tally]
    opened: int
    client_lag_ms: Json
    status: Json

    @property
    def errors(self) -> Counter[str]:
        """All that went wrong but being refused for a while."""
        return sum((tally.errors for tally in self.tallies.values()), Counter())

    @property
    def refused(self) -> int:
        """Answers that said to come back later."""
        return sum(tally.statuses[REFUSED] for tally in self.tallies.values())


def tables(run: Run) -> list[Table]:
    """What a run came to, in reading order."""
    return [calls(run), lags(run), *([errors(run)] if run.errors else [])]


def calls(run: Run) -> Table:
    """Throughput, latency and statuses of both kinds of call."""
    rows = [
        (
            verb,
            str(len(tally.times_ms)),
            number(len(tally.times_ms) / run.seconds),
            *(number(tally.p(share)) for share in (0.5, 0.95, 0.99, 1.0)),
            ", ".join(f"{status}: {count}" for status, count in sorted(tally.statuses.items())),
            str(tally.partial),
            str(tally.errors.total()),
        )
        for verb, tally in run.tallies.items()
    ]
    header = ("", "answered", "per s", "p50 ms", "p95 ms", "p99 ms", "max ms", "statuses", "degraded", "errors")
    title = (
        f"{run.connections} connections for {run.seconds:.1f} s "
        f"({run.opened} TCP connections opened, {run.refused} answers {REFUSED})"
    )
    return Table(title, header, tuple(rows))


def lags(run: Run) -> Table:
    """How late event loops were, of the server's processes (over the last 30 to 60 s) and of this one."""
    told = [(actor.get("name", "?"), actor.get("loop_lag_ms")) for actor in run.status.get("actors", [])]
    told.append(("HTTP replica", run.status.get("replica", {}).get("loop_lag_ms")))
    told.append(("this benchmark", run.client_lag_ms))
    rows = [(name, *(number(lag[figure]) if lag else "–" for figure in ("p50", "p95", "max"))) for name, lag in told]
    return Table("Event-loop lag", ("process", "p50 ms", "p95 ms", "max ms"), tuple(rows))


def errors(run: Run) -> Table:
    """What went wrong, most frequent first."""
    return Table("Errors", ("what", "times"), tuple((what, str(times)) for what, times in run.errors.most_common(20)))
