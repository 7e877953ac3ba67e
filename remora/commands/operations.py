"""`remora operations`: what was accepted, how far it has come, and another try for what failed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from remora import output
from remora.commands.connection import ask, given
from remora.commands.flags import (
    AgentFlag,
    AppFlag,
    JsonFlag,
    KeyFlag,
    PageFlag,
    PageSizeFlag,
    RunFlag,
    UrlFlag,
    UserFlag,
    WaitFlag,
)
from remora.views import operations as views

_SWITCHES = frozenset({"--json"})
_HELP = frozenset({"-h", "--help"})


class State(StrEnum):
    """How far an operation can have come."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


def meant(words: Sequence[str], known: Collection[str]) -> str | None:
    """The command that is meant where none is named: an id shows that operation, no id lists them. None: one is named.

    Pure.
    """
    if words and (words[0] in known or _HELP & {*words}):
        return None
    rest = iter(words)
    for word in rest:
        if word == "--":
            return "show" if next(rest, None) is not None else "list"
        if not word.startswith("-"):
            return "show"
        if word not in _SWITCHES and "=" not in word:
            next(rest, None)  # The flag's value.
    return "list"


class _Operations(TyperGroup):
    """`remora operations ID` is `remora operations show ID`, and without an id it lists."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        command = None if ctx.resilient_parsing else meant(args, self.commands)
        return super().parse_args(ctx, args if command is None else [command, *args])


app = typer.Typer(
    cls=_Operations,
    help="List, show and retry accepted changes.\n\n"
    "`remora operations ID` is short for `remora operations show ID`; without an id it lists.",
    epilog="Example: remora operations list --state FAILED --user-id ana",
    rich_markup_mode=None,
)

OperationArgument = Annotated[str, typer.Argument(help="The `operation_id` that a change answered.")]


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option(case_sensitive=False, help="Only those that have come so far.")] = None,
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    page: PageFlag = None,
    page_size: PageSizeFlag = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """List what was accepted, the newest first.

    Example: remora operations list --state FAILED
    """
    fields = given(
        state=None if state is None else state.value,
        user_id=user_id,
        agent_id=agent_id,
        app_id=app_id,
        run_id=run_id,
        page=page,
        page_size=page_size,
    )
    answer = ask(url, api_key, lambda api: api.operations(**fields))
    output.as_json(answer) if json_ else views.listed(answer)


@app.command()
def show(
    operation_id: OperationArgument, url: UrlFlag = None, api_key: KeyFlag = None, json_: JsonFlag = False
) -> None:
    """Show how far one has come.

    As one that `remora add --no-wait` began.
    """
    answer = ask(url, api_key, lambda api: api.operation(operation_id))
    output.as_json(answer) if json_ else views.shown(answer)


@app.command()
def retry(
    operation_id: OperationArgument,
    wait: WaitFlag = True,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Try a failed operation again, as if it were sent now.

    One that hasn't failed is left alone.

    Example: remora operations retry 8f3a0c1e-5b7d-8e21-a4c9-0d6f2b913e57
    """
    fields: dict[str, Any] = {} if wait else {"wait": False}
    answer = ask(url, api_key, lambda api: api.retry(operation_id, **fields))
    output.as_json(answer) if json_ else views.tried(answer)
