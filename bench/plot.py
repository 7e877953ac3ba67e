"""The picture of a run: throughput and latency side by side. What the numbers mean is said on the page."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from bench.results import HANDLE, HTTP, MEM0, VERBS, Comparison, Results

_COLOURS = {MEM0: "#8a8f98", HANDLE: "#0b6e99", HTTP: "#5bb5d6"}
_BAR = 0.26


def draw(results: Results, path: Path) -> None:
    """Write the picture as SVG (or what the suffix says): one row a comparison. Needs matplotlib."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    # The same numbers give the same file: no date in it, and no random names.
    with plt.rc_context({"font.size": 9, "svg.hashsalt": "remora", "svg.fonttype": "none"}):
        rows = len(results.comparisons)
        figure, axes = plt.subplots(rows, 2, figsize=(10, 3.2 * rows), squeeze=False, layout="constrained")
        for (left, right), comparison in zip(axes, results.comparisons, strict=True):
            _bars(left, comparison, "per_s")
            _bars(right, comparison, "p95_ms")
            left.set_title(f"operations per second, Remora in {comparison.dtype}", fontsize=9)
            right.set_title("95th percentile of latency, ms (logarithmic, lower is better)", fontsize=9)
            right.set_yscale("log")
            _limit(left, comparison)
        axes[0][0].legend(frameon=False, fontsize=8)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
        plt.close(figure)


def _bars(axes: Any, comparison: Comparison, measure: str) -> None:
    callers = sorted({one.concurrency for one in comparison.points})
    groups = [(verb, count) for verb in VERBS for count in callers]
    for offset, (system, colour) in enumerate(_COLOURS.items()):
        for place, (verb, count) in enumerate(groups):
            values = [
                getattr(one, measure)
                for one in comparison.points
                if (one.system, one.verb, one.concurrency) == (system, verb, count) and one.calls
            ]
            if values:
                middle = median(values)
                spread = [[middle - min(values)], [max(values) - middle]]
                at = place + (offset - 1) * _BAR
                label = system if place == 0 else None
                axes.bar(at, middle, _BAR, color=colour, label=label, yerr=spread, error_kw={"lw": 0.8})
                axes.annotate(f"{middle:.0f}", (at, max(values)), ha="center", va="bottom", fontsize=7)
    axes.set_xticks(range(len(groups)), [f"{verb}, {count} caller{'s' if count > 1 else ''}" for verb, count in groups])
    axes.tick_params(axis="x", labelsize=8, length=0)
    axes.margins(y=0.15)
    axes.spines[["top", "right"]].set_visible(False)


def _limit(axes: Any, comparison: Comparison) -> None:
    """A line at what Remora's embedder does alone in its largest batches."""
    ours = [one for one in comparison.limits if one.system != MEM0]
    if ours:
        largest = max(one.batch for one in ours)
        rate = median(one.per_s for one in ours if one.batch == largest)
        axes.axhline(rate, color="#c0562f", lw=1, ls="--", label=f"Remora's embedder alone, batches of {largest}")
