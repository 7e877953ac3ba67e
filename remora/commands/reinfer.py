"""`remora reinfer`: stored messages, read for facts once more."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

import typer

from remora import output
from remora.commands.connection import ask, given, json_object
from remora.commands.flags import AgentFlag, AppFlag, FiltersFlag, JsonFlag, KeyFlag, RunFlag, UrlFlag, UserFlag
from remora.errors import InvalidInput
from remora.rereading import reread
from remora.views import reinfer as views


def reinfer(
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    filters: FiltersFlag = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the difference.")] = False,
    custom_instructions: Annotated[
        str | None, typer.Option(help="What matters, in your words; they win over the built-in task.")
    ] = None,
    include: Annotated[list[str] | None, typer.Option(help="Only facts about this topic; may be repeated.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="No facts about this topic; may be repeated.")] = None,
    custom_categories: Annotated[
        str | None, typer.Option(help='Categories that facts may have, as {"home": "Where somebody lives."}.')
    ] = None,
    include_verbatim: Annotated[
        bool, typer.Option("--include-verbatim", help="Also messages that were never read for facts.")
    ] = False,
    cursor: Annotated[str | None, typer.Option(help="Go on where a reading stopped.")] = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Read stored messages for facts once more.

    With the language model and the wishes of now. Shows which facts would be added, changed and ended; --apply writes
    that. Exits with 1 when something could not be read.

    Examples: remora reinfer --user-id ana --custom-instructions "Only what she owns and owes."

    remora reinfer --user-id ana --exclude health --apply
    """
    scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
    more = given(filters=json_object(filters, "--filters"))
    if not scope and not more:
        raise InvalidInput("say whose messages: --user-id, --agent-id, …; nothing was read")
    wishes = given(
        custom_instructions=custom_instructions,
        includes=include or None,
        excludes=exclude or None,
        custom_categories=json_object(custom_categories, "--custom-categories"),
    )
    fields = given(apply=apply, include_verbatim=include_verbatim or None, cursor=cursor)
    asked = {**scope, **more, **wishes, **fields}
    with nullcontext(_silent) if json_ else output.progress("Reading") as tell:
        whole = ask(url, api_key, lambda api: reread(api.reinfer, told=lambda far: tell(views.so_far(far)), **asked))
    output.as_json(whole) if json_ else views.reread(whole)
    raise typer.Exit(0 if views.is_whole(whole) else 1)


def _silent(_text: str) -> None:
    """With --json nothing else is said."""
