"""`remora search`, `context`, `list`, `get`, `update`, `history`: memories that are there."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from remora import output
from remora.commands.connection import ask, given, json_object, moment
from remora.commands.flags import (
    AgentFlag,
    AppFlag,
    AsOfFlag,
    AsOfPositionFlag,
    ExpiredFlag,
    FiltersFlag,
    IdempotencyFlag,
    JsonFlag,
    KeyFlag,
    MemoryArgument,
    MessagesFlag,
    MetadataFlag,
    PageFlag,
    PageSizeFlag,
    RunFlag,
    TimestampFlag,
    UrlFlag,
    UserFlag,
)
from remora.errors import InvalidInput
from remora.views import memories as views

NEVER = "never"


def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    top_k: Annotated[int | None, typer.Option("--top-k", "-k", min=1, help="How many at most.")] = None,
    threshold: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="Least score; 0 shows all.")] = None,
    filters: FiltersFlag = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show the parts of each score.")] = False,
    include_messages: MessagesFlag = False,
    include_expired: ExpiredFlag = False,
    rerank: Annotated[bool, typer.Option("--rerank", help="Order the best by the cross-encoder that is set.")] = False,
    collapse: Annotated[bool, typer.Option("--collapse", help="Show what is said again once.")] = False,
    diversity: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="From 0, by score alone, to 1, what differs.")
    ] = None,
    min_position: Annotated[
        int | None, typer.Option(min=0, help="Answer only from an index that has come so far (from an add's answer).")
    ] = None,
    as_of: AsOfFlag = None,
    as_of_position: AsOfPositionFlag = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Find memories.

    Example: remora search "Where does Ana live?" --user-id ana
    """
    fields = given(
        user_id=user_id,
        agent_id=agent_id,
        app_id=app_id,
        run_id=run_id,
        top_k=top_k,
        threshold=threshold,
        filters=json_object(filters, "--filters"),
        explain=explain or None,
        include_messages=include_messages or None,
        include_expired=include_expired or None,
        rerank=rerank or None,
        collapse=collapse or None,
        diversity=diversity,
        min_position=min_position,
        as_of=moment(as_of),
        as_of_position=as_of_position,
    )
    answer = ask(url, api_key, lambda api: api.search(query, **fields))
    output.as_json(answer) if json_ else views.found(answer)


def context(
    query: Annotated[str, typer.Argument(help="What the prompt is about.")],
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    tokens: Annotated[int | None, typer.Option(min=1, help="How many tokens it may have; 1,000 unless told.")] = None,
    top_k: Annotated[int | None, typer.Option("--top-k", "-k", min=1, help="How many memories at most.")] = None,
    threshold: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="Least score; 0 takes all.")] = None,
    filters: FiltersFlag = None,
    as_of: AsOfFlag = None,
    as_of_position: AsOfPositionFlag = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Print what memories say about something, as a text for a prompt.

    Example: remora context "Where does Ana live?" --user-id ana --tokens 800
    """
    fields = given(
        user_id=user_id,
        agent_id=agent_id,
        app_id=app_id,
        run_id=run_id,
        tokens=tokens,
        top_k=top_k,
        threshold=threshold,
        filters=json_object(filters, "--filters"),
        as_of=moment(as_of),
        as_of_position=as_of_position,
    )
    answer = ask(url, api_key, lambda api: api.context(query, **fields))
    output.as_json(answer) if json_ else views.context(answer)


def list_(
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    filters: FiltersFlag = None,
    as_of: AsOfFlag = None,
    as_of_position: AsOfPositionFlag = None,
    include_messages: MessagesFlag = False,
    include_expired: ExpiredFlag = False,
    page: PageFlag = None,
    page_size: PageSizeFlag = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """List memories, the newest first.

    Example: remora list --user-id ana --page-size 20
    """
    fields = given(
        user_id=user_id,
        agent_id=agent_id,
        app_id=app_id,
        run_id=run_id,
        filters=json_object(filters, "--filters"),
        as_of=moment(as_of),
        as_of_position=as_of_position,
        include_messages=include_messages or None,
        include_expired=include_expired or None,
        page=page,
        page_size=page_size,
    )
    answer = ask(url, api_key, lambda api: api.list(**fields))
    output.as_json(answer) if json_ else views.listed(answer)


def get(
    memory_id: MemoryArgument,
    as_of: AsOfFlag = None,
    as_of_position: AsOfPositionFlag = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Show one memory with all that belongs to it."""
    past = given(as_of=moment(as_of), as_of_position=as_of_position)
    answer = ask(url, api_key, lambda api: api.get(memory_id, **past))
    output.as_json(answer) if json_ else views.whole(answer)


def update(
    memory_id: MemoryArgument,
    text: Annotated[str | None, typer.Argument(help="What it says from now on.")] = None,
    metadata: MetadataFlag = None,
    timestamp: TimestampFlag = None,
    expires: Annotated[
        str | None, typer.Option(help="The last day on which it is found, as 2026-12-31; `never` clears it.")
    ] = None,
    idempotency_key: IdempotencyFlag = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Change a memory; what it said before stays in its history.

    Example: remora update ID "Ana lives in Porto." --metadata '{"source": "call"}'
    """
    fields: dict[str, Any] = given(text=text, metadata=json_object(metadata, "--metadata"), timestamp=moment(timestamp))
    if expires is not None:
        fields["expiration_date"] = None if expires == NEVER else expires
    if not fields:
        raise InvalidInput("nothing to change: give a text, --metadata, --timestamp or --expires")
    fields |= given(idempotency_key=idempotency_key)
    answer = ask(url, api_key, lambda api: api.update(memory_id, **fields))
    output.as_json(answer) if json_ else views.updated(answer)


def history(memory_id: MemoryArgument, url: UrlFlag = None, api_key: KeyFlag = None, json_: JsonFlag = False) -> None:
    """Show what happened to a memory, the oldest first; also after it was deleted."""
    answer = ask(url, api_key, lambda api: api.history(memory_id))
    output.as_json(answer) if json_ else views.happened(answer)
