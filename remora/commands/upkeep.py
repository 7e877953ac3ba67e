"""`remora verify`, `remora rebuild`: whether the indexes hold what the ledger says, and an index built anew."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from remora import output
from remora.commands.connection import ask
from remora.commands.flags import JsonFlag, KeyFlag, UrlFlag
from remora.rebuilding import DONE, rebuilt
from remora.verification import verified
from remora.views import upkeep as views

STOPPED = 130


class Index(StrEnum):
    """What is derived from the ledger."""

    VECTOR = "vector"
    GRAPH = "graph"


def verify(
    repair: Annotated[bool, typer.Option("--repair", help="Make the indexes what the ledger says.")] = False,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Compare ledger, vector index and graph.

    Row by row, while everything runs. Shows each difference. Exits with 0 when there is none (any more), else with 1.

    Examples: remora verify

    remora verify --repair
    """
    with output.progress_of("Comparing", quiet=json_) as tell:
        whole = ask(url, api_key, lambda api: verified(api.verify, told=tell, repair=repair))
    output.as_json(whole) if json_ else views.verified(whole, repair=repair)
    raise typer.Exit(0 if whole["clean"] else 1)


def rebuild(
    index: Annotated[Index, typer.Argument(help="Which one.", case_sensitive=False)],
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Build the vector index or the graph anew.

    From the ledger; reads and writes go on meanwhile. One that runs already is joined. Exits with 0 when it is done,
    with 1 when it failed.

    Example: remora rebuild vector
    """
    begun = False
    with output.progress_of(f"Building the {index} index", quiet=json_) as show:

        def tell(done: int, total: int) -> None:
            nonlocal begun
            begun = True
            show(done, total)

        try:
            answer: dict[str, Any] = ask(url, api_key, lambda api: rebuilt(api.rebuild, index.value, told=tell))
        except KeyboardInterrupt:
            if begun:
                output.note(f"It goes on without this command; `remora rebuild {index}` joins it.")
            raise typer.Exit(STOPPED) from None
    output.as_json(answer) if json_ else views.rebuilt(answer)
    raise typer.Exit(0 if answer["state"] == DONE else 1)
