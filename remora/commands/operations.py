"""`remora operations`: how far an accepted change has come."""

from __future__ import annotations

from typing import Annotated

import typer

from remora import output
from remora.commands.connection import ask
from remora.commands.flags import JsonFlag, KeyFlag, UrlFlag
from remora.views import operations as views


def operations(
    operation_id: Annotated[str, typer.Argument(help="The `operation_id` that a change answered.")],
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Show how far an accepted change has come, as that of `remora add --no-wait`."""
    answer = ask(url, api_key, lambda api: api.operation(operation_id))
    output.as_json(answer) if json_ else views.shown(answer)
