"""`remora inference`: what a project wants of the facts that are made of its messages."""

from __future__ import annotations

from typing import Annotated

import typer

from remora import output
from remora.commands.connection import ask, given
from remora.commands.flags import (
    CategoryFlag,
    ExcludeFlag,
    IncludeFlag,
    InstructionsFlag,
    JsonFlag,
    KeyFlag,
    UrlFlag,
)
from remora.commands.wishes import wishes
from remora.errors import InvalidInput
from remora.views import inference as views


def inference(
    policy: Annotated[
        str | None, typer.Option(help="append, rules or reconcile: how facts are kept consistent with known ones.")
    ] = None,
    instructions: InstructionsFlag = None,
    include: IncludeFlag = None,
    exclude: ExcludeFlag = None,
    category: CategoryFlag = None,
    reset: Annotated[bool, typer.Option("--reset", help="Want nothing more than the server's settings.")] = False,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Show or set how facts are made of messages, for all adds of the project from now on.

    What is given takes the place of all that was set; `remora add --dry-run` shows what it does.

    Examples: remora inference

    remora inference --policy append --instructions @prompt.txt --exclude health
    """
    wanted = given(policy=policy, **wishes(instructions, include, exclude, category))
    if reset and wanted:
        raise InvalidInput("give either --reset or what is wanted")
    change = reset or bool(wanted)
    answer = ask(url, api_key, lambda api: api.set_inference(wanted or None) if change else api.inference())
    output.as_json(answer) if json_ else views.wanted(answer)
