"""`remora purge`: content that is erased for good."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remora import output
from remora.commands import standard_input
from remora.commands.connection import ask, given
from remora.commands.flags import AgentFlag, AppFlag, IdempotencyFlag, JsonFlag, KeyFlag, RunFlag, UrlFlag, UserFlag
from remora.errors import InvalidInput, NotFound, Purged
from remora.views import memories as views
from remora.views import texts, units

if TYPE_CHECKING:
    from remora.http_api import HttpApi


def purge(
    memory_id: Annotated[str | None, typer.Argument(help="The id of one memory, also of a deleted one.")] = None,
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
    """Erase a memory or a whole scope for good.

    Texts, histories, vectors and what was answered about them go, also of deleted memories; of a scope: those that
    have all the ids given. This can't be undone. Backups keep what they hold.

    Examples: remora purge 8f3a0c1e-5b7d-8e21-a4c9-0d6f2b913e57

    remora purge --user-id ana
    """
    scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
    if memory_id is None and not scope:
        raise InvalidInput("say what to erase: the id of a memory, or --user-id, --agent-id, …; nothing was erased")
    if memory_id is not None and scope:
        raise InvalidInput("say one of both: the id of a memory, or whose memories; nothing was erased")
    if not yes and not _agreed(partial(ask, url, api_key), memory_id, scope):
        raise typer.Abort
    what = given(memory_id=memory_id, idempotency_key=idempotency_key)
    answer = ask(url, api_key, lambda api: api.purge(**scope, **what))
    output.as_json(answer) if json_ else views.purged(answer)


def _agreed(call: Any, memory_id: str | None, scope: dict[str, str]) -> bool:
    if not standard_input.is_terminal():
        raise InvalidInput("nobody can be asked here: add --yes to erase without a question; nothing was erased")
    which = call(partial(_one, memory_id=memory_id)) if memory_id else call(partial(_all, scope=scope))
    return typer.confirm(output.harmless(f"Erase {which} for good? This can't be undone."), err=True)


async def _one(api: HttpApi, *, memory_id: str) -> str:
    """The memory in words; of one that is gone already, no more than its id.

    Raises:
        NotFound: it never was.
    """
    try:
        return f'"{texts.shortened(texts.said(await api.get(memory_id)))}" and its history'
    except NotFound:
        await api.history(memory_id)
        return f"the deleted memory {memory_id} and its history"
    except Purged:
        return f"the memory {memory_id}, which was erased before,"


async def _all(api: HttpApi, *, scope: dict[str, Any]) -> str:
    count = (await api.list(**scope, page_size=1))["count"]
    return f"{units.of(count, 'memory', 'memories')} of {texts.whose(scope)}, and those that were deleted before,"
