"""`remora top`: what a running Remora does, now and now."""

from __future__ import annotations

from typing import Annotated

import typer

from remora import output
from remora.commands.connection import ask
from remora.commands.flags import KeyFlag, UrlFlag


def top(
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 1.0,
    once: Annotated[
        bool, typer.Option("--once", help="Print one picture and end; so it does without a terminal.")
    ] = False,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
) -> None:
    """Watch what runs: requests, queues, batches, indexes, processes. Ends with q or Ctrl-C.

    Rates are of the time between two looks, quantiles of the latest 30 to 60 seconds.
    Yellow is worth a look, red is near its limit.
    """
    from remora import top as screen

    show = screen.once if once or not output.out.is_terminal else screen.follow
    ask(url, api_key, lambda api: show(api, output.out, interval))
