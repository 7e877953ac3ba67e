"""What the commands of the retrieval benchmark have in common: their options, the run, and how it is shown."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from actors import runtime as runtimes
from bench import judged_sets
from bench.judged_sets import JudgedSet
from bench.retrieval_results import ANSWERED, COMPLETE, Retrieval, tables
from bench.retrieval_run import Wanted, chosen, measure
from bench.tables import Table, markdown
from engine.config import load
from engine.errors import RemoraError

out = Console(width=None if sys.stdout.isatty() else 150)
err = Console(stderr=True)


class When(StrEnum):
    """In which state Remora is asked."""

    ANSWERED = ANSWERED
    COMPLETE = COMPLETE
    BOTH = "both"


Url = Annotated[
    str | None,
    typer.Option(help="Of a running Remora. Without it one is started on an empty directory, with this environment."),
]
Key = Annotated[
    str | None,
    typer.Option(help="API key of the server.", envvar="REMORA_API_KEY", show_envvar=True, show_default=False),
]
Moment = Annotated[
    When,
    typer.Option(
        help="Ask right after the add of a group's last session was answered, or when the server's status says that no "
        "derived signal is missing, or both."
    ),
]
Ablation = Annotated[bool, typer.Option("--ablation", help="Ask everything again with each signal out.")]
Plain = Annotated[bool, typer.Option(help="BM25, dense and their ordinary hybrid on the same units and encoder.")]
Peers = Annotated[
    bool,
    typer.Option(
        "--peers",
        help="Mem0 2.2.1 on Milvus Lite and on its local Qdrant too, each in an environment of its own, which is made "
        "the first time (some minutes).",
    ),
]
Weights = Annotated[list[str] | None, typer.Option("--weight", help="signal=number, sent with each question.")]
Groups = Annotated[list[str] | None, typer.Option("--group", help="Only these groups (dialogues, chats).")]
Callers = Annotated[int, typer.Option(min=1, max=64, help="So many ask at once where time isn't measured.")]
Keep = Annotated[bool, typer.Option("--keep", help="Leave what was loaded in the server.")]
Out = Annotated[Path | None, typer.Option(help="Write everything, question by question, as JSON.", metavar="FILE")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Show tables as Markdown.")]


def run(
    read: Callable[[], JudgedSet],
    *,
    url: str | None,
    wanted: Wanted,
    groups: list[str] | None,
    out_file: Path | None,
    as_markdown: bool,
) -> None:
    """Read, measure, show. Ends the program with 1 where that fails, with what to do."""
    try:
        judged = read()
        judged = judged.only(groups) if groups else judged
        for told in judged.skipped:
            err.print(f"skipped: {told}", markup=False)
        with _server(url) as address:
            found = asyncio.run(_with_progress(judged, replace(wanted, url=address)))
    except KeyboardInterrupt:
        err.print("Stopped.")
        raise typer.Exit(130) from None
    except (RemoraError, RuntimeError, TimeoutError, OSError, ValueError, httpx.HTTPError) as error:
        err.print(f"It could not be measured: {str(error) or type(error).__name__}", markup=False)
        raise typer.Exit(1) from error
    if out_file is not None:
        out_file.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    for table in tables(found):
        out.print(markdown(table) if as_markdown else _rich(table), markup=False)


def write_lines(read: Callable[[], JudgedSet], path: Path) -> None:
    """Write a set as JSON lines. Ends the program with 1 where that fails."""
    try:
        path.write_text("".join(f"{line}\n" for line in judged_sets.lines(read())), encoding="utf-8")
    except (OSError, ValueError) as error:
        err.print(f"It could not be written: {error}", markup=False)
        raise typer.Exit(1) from error


def options(
    key: str | None,
    when: When,
    weights: list[str] | None,
    callers: int,
    *,
    ablation: bool,
    plain: bool,
    peers: bool,
    keep: bool,
) -> Wanted:
    """The options as a plan, without an address.

    Raises:
        typer.BadParameter: a weight isn't written as it should be, or signals can't be left out.
    """
    moments = (ANSWERED, COMPLETE) if when is When.BOTH else (when.value,)
    if ablation and COMPLETE not in moments:
        raise typer.BadParameter("--ablation compares with --when complete or both")
    try:
        given = chosen(weights or [])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return Wanted(
        url="",
        key=key or os.environ.get("REMORA_ADMIN_KEY"),
        moments=moments,
        weights=given,
        ablation=ablation,
        plain=plain,
        peers=peers,
        callers=callers,
        keep=keep,
    )


async def _with_progress(judged: JudgedSet, wanted: Wanted) -> Retrieval:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    asked = sum(len(group.questions) for group in judged.groups)
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("", total=asked * wanted.passes())

        def tell(text: str, questions: int) -> None:
            bar.update(task, advance=questions, description=text)
            if not err.is_terminal and not questions:
                err.print(text, markup=False)

        return await measure(judged, wanted, tell)


@contextmanager
def _server(url: str | None) -> Iterator[str]:
    """The server's address; one of our own, on an empty directory, if there is none."""
    if url is not None:
        yield url.rstrip("/")
        return
    with tempfile.TemporaryDirectory(prefix="remora-bench-", ignore_cleanup_errors=True) as name:
        err.print("starting a runtime")
        running = runtimes.start(load(data_dir=Path(name), host="127.0.0.1", port=0))
        try:
            if running.url is None:
                raise RuntimeError("the runtime has no address")
            yield running.url
        finally:
            running.stop()


def _rich(table: Table) -> RichTable:
    shown = RichTable(title=table.title, title_justify="left")
    for place, name in enumerate(table.header):
        shown.add_column(name, justify="left" if place < table.left else "right")
    for row in table.rows:
        shown.add_row(*row)
    return shown
