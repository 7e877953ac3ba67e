"""The flags that commands share."""

from __future__ import annotations

from typing import Annotated

import typer

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON, errors too.")]
UserFlag = Annotated[str | None, typer.Option(help="Whose memory.")]
AgentFlag = Annotated[str | None, typer.Option(help="Which agent's.")]
AppFlag = Annotated[str | None, typer.Option(help="Which app's.")]
RunFlag = Annotated[str | None, typer.Option(help="Which run's or session's.")]
UrlFlag = Annotated[
    str | None, typer.Option(envvar="REMORA_URL", help="Where Remora answers; default: host and port of the settings.")
]
KeyFlag = Annotated[str | None, typer.Option(envvar=["REMORA_API_KEY", "REMORA_ADMIN_KEY"], help="Key, if one is set.")]
FiltersFlag = Annotated[str | None, typer.Option(help='More conditions as JSON, as {"categories": {"in": ["food"]}}.')]
MessagesFlag = Annotated[bool, typer.Option("--messages", help="With messages that facts were made of.")]
ExpiredFlag = Annotated[bool, typer.Option("--expired", help="With memories whose last day is over.")]
MetadataFlag = Annotated[str | None, typer.Option(help='JSON object to keep with it, as {"source": "mail"}.')]
TimestampFlag = Annotated[
    str | None, typer.Option(help="When it was said: 2026-05-01, 2026-05-01T09:30+02:00 or unix seconds.")
]
AsOfFlag = Annotated[
    str | None, typer.Option(help="As it was known then: 2026-05-01, 2026-05-01T09:30+02:00 or unix seconds.")
]
AsOfPositionFlag = Annotated[
    int | None, typer.Option(min=0, help="As it was at this position of the ledger (from an add's answer).")
]
WaitFlag = Annotated[bool, typer.Option(help="Wait until it can be found; --no-wait: until it is safe on disk.")]
IdempotencyFlag = Annotated[
    str | None, typer.Option(help="Sent again with the same key, it has one effect and the same answer.")
]
PageFlag = Annotated[int | None, typer.Option(min=1, help="Which page, from 1.")]
PageSizeFlag = Annotated[int | None, typer.Option(min=1, help="How many a page has.")]
MemoryArgument = Annotated[str, typer.Argument(help="Its id, as `remora search` and `remora list` show it.")]
InstructionsFlag = Annotated[
    str | None, typer.Option("--instructions", help="What matters for facts, in your words; @FILE reads it from there.")
]
IncludeFlag = Annotated[list[str] | None, typer.Option("--include", help="Only facts about this topic; repeat it.")]
ExcludeFlag = Annotated[list[str] | None, typer.Option("--exclude", help="No facts about this topic; repeat it.")]
CategoryFlag = Annotated[
    list[str] | None, typer.Option("--category", help="NAME=WHAT FOR: facts have these and no others; repeat it.")
]
