"""`remora import`: the memories of Mem0, from a server, a file or its local Qdrant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from remora import output
from remora.commands.connection import ask
from remora.commands.flags import JsonFlag, KeyFlag, UrlFlag
from remora.errors import InvalidInput
from remora.migration.taking import Batch, Taken, batch_of, take
from remora.views import migration as views

_TELL_EVERY = 1000


def import_(
    source: Annotated[str, typer.Option("--from", help="What the memories come from: mem0.")],
    mem0_url: Annotated[
        str | None, typer.Option(help="A server with Mem0's wire API: https://api.mem0.ai, or one of your own.")
    ] = None,
    mem0_key: Annotated[str | None, typer.Option(envvar="MEM0_API_KEY", help="The key for --mem0-url.")] = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file", "-f", help="Memories as Mem0 answers them: .jsonl, else one JSON document; `-` is stdin."
        ),
    ] = None,
    qdrant: Annotated[
        Path | None, typer.Option(help="The directory of the library's local Qdrant: vector_store.config.path.")
    ] = None,
    collection: Annotated[str, typer.Option(help="Its collection: vector_store.config.collection_name.")] = "mem0",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything; store nothing.")] = False,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Take the memories of Mem0 over, as they are: texts, scopes, metadata, categories, dates.

    No language model is asked. What is there already stays as it is, so it can be run again: it goes on where it
    stopped. Rows that can't be taken are named by their number, and it exits with 1.

    Examples: remora import --from mem0 --mem0-url https://api.mem0.ai --dry-run

    remora import --from mem0 --qdrant ./qdrant

    remora import --from mem0 --file export.jsonl
    """
    if source != "mem0":
        raise InvalidInput(f"--from {source} isn't known: there is mem0", {"field": "from"})
    if sum(one is not None for one in (mem0_url, file, qdrant)) != 1:
        raise InvalidInput("say where the memories are: one of --mem0-url, --file and --qdrant")
    batch = _read(mem0_url, mem0_key, file, qdrant, collection, quiet=json_)
    taken = None if dry_run else _take(batch, url, api_key, quiet=json_)
    summary = views.summary(batch, taken)
    output.as_json(summary) if json_ else views.shown(summary)
    if summary["bad"]:
        raise typer.Exit(1)


def _read(
    mem0_url: str | None, mem0_key: str | None, file: str | None, qdrant: Path | None, collection: str, *, quiet: bool
) -> Batch:
    if mem0_url is not None:
        return _read_server(mem0_url, mem0_key, quiet=quiet)
    from remora.migration.files import of_file
    from remora.migration.qdrant import of_qdrant

    if qdrant is not None:
        return batch_of(of_qdrant(qdrant, collection))
    return batch_of(of_file(str(file)))


def _read_server(mem0_url: str, mem0_key: str | None, *, quiet: bool) -> Batch:
    import asyncio

    from remora.migration.wire import Mem0Server

    async def read(tell: Callable[[str], Any]) -> Batch:
        batch, seen = Batch(), set[str]()
        async with Mem0Server(mem0_url, mem0_key) as server:
            async for row in server.rows():
                batch.take(row, seen)
                if batch.read % _TELL_EVERY == 0:
                    tell(f"Reading: {batch.read} memories")
        return batch

    if quiet:
        return asyncio.run(read(lambda _: None))
    with output.progress(f"Reading from {mem0_url}") as tell:
        return asyncio.run(read(tell))


def _take(batch: Batch, url: str | None, api_key: str | None, *, quiet: bool) -> Taken:
    if not batch.items:
        return Taken()
    with output.progress_of("Importing", len(batch.items), quiet=quiet) as told:
        return ask(url, api_key, lambda api: take(api, batch, told))
