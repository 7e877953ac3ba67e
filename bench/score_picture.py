"""The picture of `docs/retrieval.md`: how the scores of a few memories are made up. Needs matplotlib and the model."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.config import EmbedSettings
from engine.embed.transformer import TransformerEmbedder
from engine.in_process import in_process
from engine.ranking.signals import DISCOUNTS, FAMILIES, Signal

QUESTION = "When did Ann buy her bicycle?"
TALK = (
    ("Ben", "Your new bicycle looks great! How long have you had it?"),
    ("Ann", "Thanks! I bought it last Saturday, at the flea market by the river."),
    ("Ben", "I could use one too. Mine was stolen in March."),
    ("Ann", "There were lots of them, from forty euros up."),
    ("Ben", "Then I'll come along next time. What else did they have?"),
    ("Ann", "Records, lamps, a whole table of old cameras."),
)
SAID = ("2026-05-13T18:00:00+00:00", "user")
_COLOURS = ("#0b6e99", "#5bb5d6", "#2f855a", "#8cc9a1", "#b7791f", "#8a8f98", "#c05621", "#6b46c1", "#d53f8c", "#444")
_LEAST = 0.004
_WIDTH = 62


async def explained() -> list[dict[str, Any]]:
    """The hits for the question, with what each signal contributes, once every signal is there."""
    embedder = TransformerEmbedder(EmbedSettings())
    memory = in_process(embedder=embedder)
    await memory.start()
    try:
        messages = [{"role": SAID[1], "name": name, "content": text} for name, text in TALK]
        await memory.add(messages, user_id="ann", run_id="market", timestamp=SAID[0], infer=False)
        while True:
            answer = await memory.search(QUESTION, user_id="ann", threshold=0.0, explain=True)
            if not any(hit["score_details"]["pending"] for hit in answer["results"]):
                hits: list[dict[str, Any]] = answer["results"]
                return hits
            await asyncio.sleep(0.1)
    finally:
        await memory.close()
        await embedder.close()


def draw(hits: list[dict[str, Any]], path: Path) -> None:
    """One bar a memory, one piece a signal."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    order = [signal.value for family in FAMILIES for signal in family]
    order += [signal.value for signal in Signal if signal.value not in order]
    shown = [name for name in order if any(abs(hit["score_details"]["parts"].get(name, 0)) > _LEAST for hit in hits)]
    with plt.rc_context({"font.size": 9, "svg.hashsalt": "remora", "svg.fonttype": "none"}):
        figure, axes = plt.subplots(figsize=(10, 3.4), layout="constrained")
        for place, hit in enumerate(hits):
            left = end = 0.0
            for name in shown:
                part = hit["score_details"]["parts"].get(name, 0.0)
                label = name if place == 0 else None
                axes.barh(-place, part, left=left, label=label, **_style(shown.index(name), Signal(name)))
                left += part
                end = max(end, left)
            axes.annotate(f" {hit['score']:.2f}", (end, -place), va="center")
        axes.set_yticks([-place for place in range(len(hits))], [_caption(hit) for hit in hits])
        axes.axvline(0.3, color="#999", lw=0.8, ls=":")
        axes.set_xlim(0, 1)
        axes.set_title(f"“{QUESTION}”", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(handles, labels, frameon=False, fontsize=8, ncols=2, loc="lower right")
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def _style(place: int, signal: Signal) -> dict[str, Any]:
    if signal in DISCOUNTS:  # over what it takes away
        return {"facecolor": "#fffc", "edgecolor": "#555", "hatch": "////", "linewidth": 0.5}
    return {"color": _COLOURS[place % len(_COLOURS)]}


def _caption(hit: dict[str, Any]) -> str:
    text = f"{hit['name']}: {hit['memory']}"
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1].rstrip() + "…"


def main(path: Annotated[Path, typer.Argument(help="Where the picture goes.")] = Path("docs/img/score.svg")) -> None:
    """Draw how the scores of a short conversation are made up."""
    draw(asyncio.run(explained()), path)


if __name__ == "__main__":
    typer.run(main)
