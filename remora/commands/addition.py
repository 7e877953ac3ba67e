"""`remora add`: one text, or a file of many messages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remora import output
from remora.batch_sending import send
from remora.commands import standard_input
from remora.commands.connection import ask, given, json_object, moment
from remora.commands.flags import (
    AgentFlag,
    AppFlag,
    CategoryFlag,
    ExcludeFlag,
    IdempotencyFlag,
    IncludeFlag,
    InstructionsFlag,
    JsonFlag,
    KeyFlag,
    MetadataFlag,
    RunFlag,
    TimestampFlag,
    UrlFlag,
    UserFlag,
    WaitFlag,
)
from remora.commands.wishes import wishes
from remora.errors import InvalidInput, exit_code
from remora.views import inference as previews
from remora.views import memories as views

if TYPE_CHECKING:
    from remora.http_api import HttpApi

_BATCH_ITEMS = 100


def add(
    text: Annotated[str | None, typer.Argument(help="What was said; `-` reads it from stdin.")] = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            "-f",
            help="Many messages: .json, .jsonl (messages, or items with `messages` and ids), else one a line; "
            "`-` reads JSON lines from stdin.",
        ),
    ] = None,
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    role: Annotated[str, typer.Option(help="Who said it: user or assistant.")] = "user",
    name: Annotated[str | None, typer.Option(help="The name of who said it.")] = None,
    metadata: MetadataFlag = None,
    timestamp: TimestampFlag = None,
    expires: Annotated[str | None, typer.Option(help="The last day on which it is found, as 2026-12-31.")] = None,
    infer: Annotated[bool, typer.Option(help="Let a configured language model make facts of it.")] = True,
    memory_type: Annotated[
        str | None, typer.Option(help="procedural_memory: one record of what an agent did; needs --agent-id.")
    ] = None,
    instructions: InstructionsFlag = None,
    include: IncludeFlag = None,
    exclude: ExcludeFlag = None,
    category: CategoryFlag = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be stored.")] = False,
    wait: WaitFlag = True,
    idempotency_key: IdempotencyFlag = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Store a memory, or a file of them.

    Examples: remora add "I moved to Lisbon in May." --user-id ana

    remora add --file chat.jsonl --user-id ana
    """
    fields: dict[str, Any] = given(
        user_id=user_id,
        agent_id=agent_id,
        app_id=app_id,
        run_id=run_id,
        metadata=json_object(metadata, "--metadata"),
        timestamp=moment(timestamp),
        expiration_date=expires,
        infer=infer,
        memory_type=memory_type,
        **wishes(instructions, include, exclude, category),
    )
    speaker = {"role": role, **given(name=name)}
    if (text is None) == (file is None):
        raise InvalidInput("give a text, `-` for stdin, or --file; `remora add --help` shows examples")
    if dry_run and file is not None:
        raise InvalidInput("--dry-run shows what one text would store: it goes with a text or `-`, not with --file")
    said = standard_input.whole() if text == "-" else text
    if dry_run:
        shown = ask(url, api_key, lambda api: api.preview([{**speaker, "content": said}], **fields))
        output.as_json(shown) if json_ else previews.previewed(shown)
        return
    fields |= given(wait=None if wait else False)
    if file is None:
        fields |= given(idempotency_key=idempotency_key)
        answer = ask(url, api_key, lambda api: api.add([{**speaker, "content": said}], **fields))
        output.as_json(answer) if json_ else views.added(answer)
        return
    if idempotency_key is not None:
        raise InvalidInput("one --idempotency-key can't be that of many; put `idempotency_key` into the items")
    _add_file(file, speaker, fields, partial(ask, url, api_key), json_)


def _add_file(file: str, speaker: dict[str, str], fields: dict[str, Any], call: Any, json_: bool) -> None:
    from remora.commands.message_file import read

    items = [{**fields, **item} for item in read(file if file == "-" else Path(file), speaker)]
    results = call(partial(_send_all, items=items))
    if json_:
        output.as_json({"count": len(results), "results": results})
    else:
        views.added_many(results)
    failed = [result["error"] for result in results if "error" in result]
    if failed:
        raise typer.Exit(exit_code(failed[0]["code"]))


async def _send_all(api: HttpApi, *, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answer to each item, in order, sent in parts that keep the order of what one user said."""
    answers: list[dict[str, Any]] = []
    with output.progress_bar("Adding", len(items)) as advance:
        for start in range(0, len(items), _BATCH_ITEMS):
            part = items[start : start + _BATCH_ITEMS]
            answers += await send(api, part)
            advance(len(part))
    return answers
