"""How much of LoCoMo's evidence comes back, as one command: `python bench/locomo.py --help`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # So that it runs as a file too, from wherever.

from bench import judged_sets, locomo_data
from bench import retrieval_command as command


class UnitKind(StrEnum):
    """What is remembered."""

    TURN = "turn"
    OBSERVATION = "observation"


def main(
    data: Annotated[Path, typer.Argument(help="LoCoMo's locomo10.json, or a file with some of its dialogues.")],
    *,
    url: command.Url = None,
    key: command.Key = None,
    unit: Annotated[
        UnitKind, typer.Option(help="Remember turns, or the facts that come with the data.")
    ] = UnitKind.TURN,
    caption: Annotated[bool, typer.Option("--caption", help="Turns carry the caption of their image.")] = False,
    when: command.Moment = command.When.BOTH,
    ablation: command.Ablation = False,
    plain: command.Plain = True,
    peers: command.Peers = False,
    weight: command.Weights = None,
    group: command.Groups = None,
    callers: command.Callers = 8,
    keep: command.Keep = False,
    out: command.Out = None,
    markdown: command.Markdown = False,
    lines: Annotated[
        Path | None,
        typer.Option(
            help="Measure nothing; write units and questions as JSON lines, as `remora tune` and bench/retrieval.py "
            "read them.",
            metavar="FILE",
        ),
    ] = None,
) -> None:
    """Measure how much of LoCoMo's gold evidence a running Remora finds, without any language model.

    A dialogue is a user, a session one add with its date (infer=false), each turn a message with its speaker's name.
    Every question is one search over HTTP with threshold 0. Recall@k is the mean share of a question's evidence among
    the first k units; adversarial questions (category 5), whose evidence is what a trick was built on, are reported
    apart. Evidence ids that name no turn are listed and skipped.

    The data isn't part of this project: it is CC BY-NC 4.0, and to be had from github.com/snap-research/locomo
    (data/locomo10.json). Measure with it; don't ship what was fitted on it.
    """

    def read() -> judged_sets.JudgedSet:
        return locomo_data.read(data, "turn" if unit is UnitKind.TURN else "observation", caption=caption)

    if lines is not None:
        command.write_lines(read, lines)
        return
    wanted = command.options(key, when, weight, callers, ablation=ablation, plain=plain, peers=peers, keep=keep)
    command.run(
        read,
        url=url,
        wanted=wanted,
        groups=group,
        out_file=out,
        as_markdown=markdown,
    )


if __name__ == "__main__":
    typer.run(main)
