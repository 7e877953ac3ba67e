"""Weights of signals, and what a fit of them says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remora import output
from remora.output import Column, Json
from remora.views import units

if TYPE_CHECKING:
    from engine.tuning.pool import Figures
    from remora.tuning import Tuning

_SHOWN_SKIPPED = 5


def ranking(answer: Json) -> None:
    """The weights in force, and where they come from."""
    rows = [
        [name, f"{weight:g}", f"{answer['shipped'][name]:g}", "project" if name in answer["set"] else "server"]
        for name, weight in answer["weights"].items()
    ]
    columns = [Column("signal"), Column("weight", right=True), Column("shipped", right=True), Column("set by")]
    output.table(columns, rows, "No signals.")


def figures(tuning: Tuning) -> Json:
    """What came of a fit, as JSON."""
    fit = tuning.fit
    return {
        "questions": tuning.questions,
        "without_evidence_found": tuning.unseen,
        "skipped": list(tuning.skipped),
        "weights": fit.weights.named(),
        "held_out": {"shipped": _figures(fit.before), "fitted": _figures(fit.after)},
        "groups": [
            {"group": one.group, "shipped": _figures(one.shipped), "fitted": _figures(one.fitted)}
            for one in fit.held_out
        ],
        "all_questions": {"shipped": _figures(fit.shipped), "fitted": _figures(fit.fitted)},
        "helps": fit.helps,
    }


def _figures(of: Figures) -> Json:
    return {"questions": of.questions, "recall_at_10": round(of.recall, 4), "mrr": round(of.mrr, 4)}


def tuned(told: Json) -> None:
    """A fit: each group with weights that have not seen it, and the weights of all."""
    for text in told["skipped"][:_SHOWN_SKIPPED]:
        output.note(f"not asked: {text}", "yellow")
    if missed := told["without_evidence_found"]:
        output.note(f"of {units.of(missed, 'question')} nothing that answers was among the best 100", "yellow")
    rows = [_row(one["group"], one) for one in told["groups"]]
    rows.append(_row("all, held out", told["held_out"]))
    rows.append(_row("all, as fitted", told["all_questions"]))
    columns = [
        Column("group"),
        Column("questions", right=True),
        *[Column(name, right=True) for name in ("recall@10", "fitted", "MRR", "fitted")],
    ]
    output.table(columns, rows, "No groups.")
    output.note("Each group is ranked by weights fitted on the others; only the last line has seen its questions.")
    output.line("  ".join(f"{name} {weight:g}" for name, weight in told["weights"].items()))


def _row(name: str, one: Json) -> list[str]:
    shipped, fitted = one["shipped"], one["fitted"]
    pairs = [(shipped["recall_at_10"], fitted["recall_at_10"]), (shipped["mrr"], fitted["mrr"])]
    return [name, str(shipped["questions"]), *[f"{figure * 100:.1f}" for pair in pairs for figure in pair]]


def kept(keep: bool) -> None:
    """Whether the weights are in force."""
    if keep:
        output.line("Kept: searches of this project are ranked so from now on. `remora tune --reset` takes it back.")
    else:
        output.line("Nothing was changed.")
