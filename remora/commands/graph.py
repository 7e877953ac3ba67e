"""`remora graph`: who and what memories speak of, and how it hangs together."""

from __future__ import annotations

from typing import Annotated

import typer

from remora import output
from remora.commands.connection import ask, given, moment
from remora.commands.flags import (
    AgentFlag,
    AppFlag,
    AsOfFlag,
    AsOfPositionFlag,
    JsonFlag,
    KeyFlag,
    PageFlag,
    PageSizeFlag,
    RunFlag,
    UrlFlag,
    UserFlag,
)
from remora.views import graph as views

app = typer.Typer(
    help="Who and what the memories of a scope mention, and how it hangs together.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

AtFlag = Annotated[str | None, typer.Option(help="What was true then: a date, or a time with its offset.")]
NameArgument = Annotated[str, typer.Argument(help="A name, in whatever case.")]


@app.command()
def entities(
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    name: Annotated[str | None, typer.Option(help="Only those whose name contains this.")] = None,
    at: AtFlag = None,
    as_of: AsOfFlag = None,
    as_of_position: AsOfPositionFlag = None,
    page: PageFlag = None,
    page_size: PageSizeFlag = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """List what is mentioned, the most mentioned first.

    Example: remora graph entities --user-id ana
    """
    fields = given(
        user_id=user_id,
        agent_id=agent_id,
        app_id=app_id,
        run_id=run_id,
        name=name,
        at=moment(at),
        as_of=moment(as_of),
        as_of_position=as_of_position,
        page=page,
        page_size=page_size,
    )
    answer = ask(url, api_key, lambda api: api.graph_entities(**fields))
    output.as_json(answer) if json_ else views.entities(answer)


@app.command()
def neighbours(
    entity: NameArgument,
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    limit: Annotated[int | None, typer.Option(min=1, help="How many of each at most.")] = None,
    depth: Annotated[int | None, typer.Option(min=1, max=3, help="Up to how many steps away.")] = None,
    at: AtFlag = None,
    as_of: AsOfFlag = None,
    as_of_position: AsOfPositionFlag = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Show what surrounds a name: relations, what is mentioned with it, and the memories that say so.

    Example: remora graph neighbours Lisbon --user-id ana
    """
    scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
    past = given(at=moment(at), as_of=moment(as_of), as_of_position=as_of_position)
    fields = scope | past | given(limit=limit, depth=depth)
    answer = ask(url, api_key, lambda api: api.neighbours(entity, **fields))
    output.as_json(answer) if json_ else views.neighbours(answer)


@app.command()
def path(
    source: NameArgument,
    target: NameArgument,
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    most_steps: Annotated[int | None, typer.Option(min=1, help="Longer ways are not looked for.")] = None,
    at: AtFlag = None,
    as_of: AsOfFlag = None,
    as_of_position: AsOfPositionFlag = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Show the shortest way from one name to another, and the memories that it leads over.

    Example: remora graph path Ana Lisbon --user-id ana
    """
    scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
    past = given(at=moment(at), as_of=moment(as_of), as_of_position=as_of_position)
    fields = scope | past | given(most_steps=most_steps)
    answer = ask(url, api_key, lambda api: api.path(source, target, **fields))
    output.as_json(answer) if json_ else views.path(answer, source, target)


@app.command()
def communities(
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    limit: Annotated[int | None, typer.Option(min=1, help="How many, and how much of each, at most.")] = None,
    at: AtFlag = None,
    as_of: AsOfFlag = None,
    as_of_position: AsOfPositionFlag = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Show which names belong together, since memories mention them together.

    Example: remora graph communities --user-id ana
    """
    scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
    past = given(at=moment(at), as_of=moment(as_of), as_of_position=as_of_position)
    fields = scope | past | given(limit=limit)
    answer = ask(url, api_key, lambda api: api.communities(**fields))
    output.as_json(answer) if json_ else views.communities(answer)


@app.command()
def merge(
    name: NameArgument,
    into: Annotated[str, typer.Argument(help="The name whose entity it means.")],
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Let a name mean the entity of another, until it is split.

    Example: remora graph merge Nana "Anna Schmidt" --user-id ana
    """
    fields = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
    answer = ask(url, api_key, lambda api: api.merge_entities(name, into, **fields))
    output.as_json(answer) if json_ else views.aliases(answer)


@app.command()
def split(
    name: NameArgument,
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Let a name mean what it says again.

    Example: remora graph split Nana --user-id ana
    """
    fields = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
    answer = ask(url, api_key, lambda api: api.split_entity(name, **fields))
    output.as_json(answer) if json_ else views.aliases(answer)
