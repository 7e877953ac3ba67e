"""Results as tables and as the page in docs/: medians over rounds, ratios taken inside a round. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.results import MEM0, VERBS, Comparison, Point, Results, Verb

BEGIN = "<!-- results: written by bench/vs_mem0.py -->"
END = "<!-- end of results -->"


@dataclass(frozen=True, slots=True)
class Table:
    """Text cells under a header; the first `left` columns are words, the others numbers."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def tables(comparison: Comparison) -> list[Table]:
    """All tables of a comparison, in reading order."""
    return [speed(comparison), limits(comparison), kept(comparison)]


def speed(comparison: Comparison) -> Table:
    """Throughput and latency of every system, operation and number of callers."""
    return Table(
        f"Remora's model in {comparison.dtype}, mem0's in float32",
        ("", "callers", "system", "per s", "p50 ms", "p95 ms", "× mem0 (range)", "errors", "found"),
        tuple(_speed_rows(comparison.points)),
        left=3,
    )


def limits(comparison: Comparison) -> Table:
    """What the embedders do alone."""
    batches = sorted({limit.batch for limit in comparison.limits})
    names = _names(limit.system for limit in comparison.limits)
    rows = []
    for name in names:
        rates = [[one.per_s for one in comparison.limits if (one.system, one.batch) == (name, b)] for b in batches]
        rows.append((name, *(_middle(rate) for rate in rates)))
    return Table("Embedder alone, texts per s", ("", *(f"batches of {batch}" for batch in batches)), tuple(rows))


def kept(comparison: Comparison) -> Table:
    """Stored against acknowledged."""
    rows = tuple(
        (one.system, str(one.acknowledged), str(one.stored), str(one.lost), str(one.unacknowledged))
        for one in comparison.stored
    )
    header = ("", "acknowledged", "stored", "acknowledged and lost", "stored, not acknowledged")
    return Table("After a restart", header, rows)


def ratios(points: Iterable[Point], system: str, verb: Verb, concurrency: int) -> list[float]:
    """A system's throughput by mem0's, round by round; rounds in which mem0 answered nothing are left out."""
    rates = {(one.system, one.round): one.per_s for one in points if (one.verb, one.concurrency) == (verb, concurrency)}
    rounds = sorted({number for _, number in rates})
    return [rates[system, r] / rates[MEM0, r] for r in rounds if rates.get((MEM0, r)) and (system, r) in rates]


def number(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def markdown(table: Table) -> str:
    """The table in Markdown, under its title in bold."""
    rule = ["---" if column < table.left else "---:" for column in range(len(table.header))]
    lines = [f"| {' | '.join(row)} |" for row in (table.header, rule, *table.rows)]
    return f"**{table.title}**\n\n" + "\n".join(lines) + "\n"


def section(results: Results, plot: str) -> str:
    """What stands between the markers of the page. `plot`: the picture's path from there."""
    about = [
        f"Measured {results.started}.",
        f"Machine: {', '.join(f'{name} {value}' for name, value in results.machine.items())}.",
        f"Versions: {', '.join(f'{name} {value}' for name, value in results.versions.items())}.",
        f"In mem0's environment: {', '.join(f'{name} {value}' for name, value in _mem0s(results))}.",
        f"Options: {', '.join(f'{name} {value:g}' for name, value in results.options.items())}.",
    ]
    parts = ["\n".join(f"- {line}" for line in about) + "\n", f"![Adds and searches, Remora and mem0]({plot})\n"]
    parts += [markdown(table) for comparison in results.comparisons for table in tables(comparison)]
    return "\n".join(parts)


def _mem0s(results: Results) -> list[tuple[str, str]]:
    return [pair for comparison in results.comparisons[:1] for pair in comparison.versions.items()]


def replaced(page: str, text: str) -> str:
    """The page with the text between its markers.

    Raises:
        ValueError: it has not one of each, in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise ValueError(f"the page needs {BEGIN!r} and then {END!r}, once each")
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"


def _speed_rows(points: Sequence[Point]) -> Iterable[tuple[str, ...]]:
    for verb in VERBS:
        for concurrency in sorted({one.concurrency for one in points}):
            for name in _names(one.system for one in points):
                same = [p for p in points if (p.verb, p.concurrency, p.system) == (verb, concurrency, name)]
                if same:
                    yield (verb, str(concurrency), name, *_speed_cells(same, ratios(points, name, verb, concurrency)))


def _speed_cells(same: Sequence[Point], by_mem0: Sequence[float]) -> tuple[str, ...]:
    found = [one.found for one in same if one.found is not None]
    return (
        _middle(one.per_s for one in same),
        _middle(one.p50_ms for one in same if one.calls),
        _middle(one.p95_ms for one in same if one.calls),
        _ratio_cell(same[0].system, by_mem0),
        str(sum(sum(one.errors.values()) for one in same)),
        f"{median(found):.0%}" if found else "",
    )


def _middle(values: Iterable[float]) -> str:
    known = list(values)
    return number(median(known)) if known else "–"


def _ratio_cell(system: str, by_mem0: Sequence[float]) -> str:
    if system == MEM0:
        return ""
    return f"{median(by_mem0):.1f} ({min(by_mem0):.1f}–{max(by_mem0):.1f})" if by_mem0 else "–"


def _names(names: Iterable[str]) -> list[str]:
    """Each once, in the order in which they came."""
    return list(dict.fromkeys(names))
