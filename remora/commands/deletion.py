"""`remora delete`: one memory, or all of a scope."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from remora import output
from remora.commands import standard_input
from remora.commands.connection import ask, given
from remora.commands.flags import AgentFlag, AppFlag, IdempotencyFlag, JsonFlag, KeyFlag, RunFlag, UrlFlag, UserFlag
from remora.errors import InvalidInput
from remora.views import memories as views
from remora.views import texts, units


def delete(
    memory_id: Annotated[str | None, typer.Argument(help="The id of one memory.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every memory that has all the ids given.")] = False,
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    idempotency_key: IdempotencyFlag = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Delete a memory, or with --all every memory of a scope; it is found no more, its history stays.

    `remora purge` erases histories too.

    Example: remora delete --all --user-id ana
    """
    scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
    _check(memory_id, all_, scope)
    key = given(idempotency_key=idempotency_key)
    if memory_id is not None:
        one = memory_id
        answer = ask(url, api_key, lambda api: api.delete(one, **key))
    else:
        if not yes and not _agreed(url, api_key, scope):
            raise typer.Abort
        answer = ask(url, api_key, lambda api: api.delete_all(**scope, **key))
    output.as_json(answer) if json_ else views.deleted(answer)


def _check(memory_id: str | None, all_: bool, scope: dict[str, str]) -> None:
    """Refuse whatever could be meant in two ways: more could go than was meant."""
    if memory_id is None and not all_:
        raise InvalidInput("say what to delete: the id of a memory, or --all with --user-id, --agent-id, …")
    if memory_id is not None and (all_ or scope):
        raise InvalidInput("either the id of one memory, or --all with a scope; nothing was deleted")
    if all_ and not scope:
        raise InvalidInput("--all needs --user-id, --agent-id, --app-id or --run-id; nothing was deleted")


def _agreed(url: str | None, api_key: str | None, scope: dict[str, Any]) -> bool:
    if not standard_input.is_terminal():
        raise InvalidInput("nobody can be asked here: add --yes to delete without a question; nothing was deleted")
    count = ask(url, api_key, lambda api: api.list(**scope, page_size=1))["count"]
    which = f"{units.of(count, 'memory', 'memories')} of {texts.whose(scope)}"
    return typer.confirm(output.harmless(f"Delete {which}?"), err=True)
