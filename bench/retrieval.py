"""How much evidence comes back on any judged set, as one command: `python bench/retrieval.py --help`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # So that it runs as a file too, from wherever.

from bench import judged_sets
from bench import retrieval_command as command


def main(
    file: Annotated[Path, typer.Argument(help="A judged set; bench/data has some.")],
    *,
    url: command.Url = None,
    key: command.Key = None,
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
) -> None:
    """Measure how much of the evidence in a file of judged questions a running Remora finds.

    The file has one JSON object a line: {"unit": {"id", "text"}} is remembered, {"question": {"id", "text",
    "evidence": [ids of units]}} is asked. Units may have role, name, session, timestamp and covers (the evidence that
    they stand for), questions a category, both a group: a scope of its own. {"set": {"name", "apart"}} names the set
    and the categories that are reported apart. A session is one add, every question one search with threshold 0.
    """
    wanted = command.options(key, when, weight, callers, ablation=ablation, plain=plain, peers=peers, keep=keep)
    command.run(
        lambda: judged_sets.read(file),
        url=url,
        wanted=wanted,
        groups=group,
        out_file=out,
        as_markdown=markdown,
    )


if __name__ == "__main__":
    typer.run(main)
