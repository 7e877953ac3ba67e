"""How the command line shows things: tables, JSON, progress, notices. Plain lines where nobody watches a terminal."""

from __future__ import annotations

import json
import shlex
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

Json: TypeAlias = dict[str, Any]

out = Console(highlight=False, soft_wrap=True)
err = Console(highlight=False, soft_wrap=True, stderr=True)


def line(text: str = "", style: str | None = None) -> None:
    """One line of result, as it is: no markup is read from it."""
    out.print(Text(harmless(text), style=style or ""))


def pieces(parts: Sequence[tuple[str, str]]) -> None:
    """One line of result made of texts with a style each."""
    out.print(Text.assemble(*((harmless(text), style) for text, style in parts)))


def marked(mark: str, style: str, text: str) -> None:
    """One line of result that begins with a coloured word."""
    pieces([(mark, style), (text, "")])


def draws_blocks() -> bool:
    """Whether the terminal, or whoever reads, takes more than ASCII."""
    return out.encoding.lower().startswith("utf")


def note(text: str, style: str | None = None) -> None:
    """One line about the work, on stderr, so that results can be piped."""
    err.print(Text(harmless(text), style=style or ""))


def as_json(value: Any) -> None:
    """The value as JSON, indented; safe for every terminal encoding."""
    out.file.write(json.dumps(value, indent=2, default=str) + "\n")


def error_json(body: Json) -> None:
    """An error as JSON on stderr."""
    err.file.write(json.dumps(body, indent=2, default=str) + "\n")


@contextmanager
def progress(first: str) -> Iterator[Callable[[str], None]]:
    """A spinner whose text the yielded function changes; without a terminal, one line for each text."""
    if not err.is_terminal:
        note(first)
        yield note
        return
    with err.status(Text(first)) as spinner:

        def tell(text: str) -> None:
            spinner.update(Text(text))

        yield tell


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar that the yielded function moves on by so many; without a terminal, a line for each tenth of the way."""
    done = 0
    with progress_of(what, total) as tell:

        def advance(count: int) -> None:
            nonlocal done
            done += count
            tell(done, total)

        yield advance


@contextmanager
def progress_of(what: str, total: int | None = None, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar that the yielded function sets to so many of so many, which may turn out to be more; without a terminal, a
    line for each tenth of the way. `total` None: nobody knows yet. `quiet`: nothing is shown."""
    if quiet:
        yield lambda _done, _of: None
        return
    if err.is_terminal:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*shown, console=err, transient=True) as bars:
            task = bars.add_task(what, total=total)
            yield lambda done, of: bars.update(task, completed=done, total=of)
        return
    told = 0

    def tell(done: int, of: int) -> None:
        nonlocal told
        before, told = told, done * 10 // max(of, 1)
        if told > before:
            note(f"{what}: {done} of {of}")

    yield tell


@dataclass(frozen=True, slots=True)
class Column:
    """Of a table. The last column of a table takes what is left of the line."""

    name: str
    right: bool = False


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], nothing: str) -> None:
    """A table on a terminal; else a line a row, its fields parted by tabs. `nothing`: what no rows mean."""
    if not rows:
        note(nothing)
    elif out.is_terminal:
        out.print(_grid(columns, rows))
    else:
        for row in rows:
            # Not by `line`: a console makes spaces of tabs.
            out.file.write("\t".join(harmless(" ".join(field.split())) for field in row) + "\n")


def _grid(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns[:-1]:
        grid.add_column(column.name, justify="right" if column.right else "left", no_wrap=True)
    grid.add_column(columns[-1].name, overflow="fold", ratio=1)
    for row in rows:
        grid.add_row(*(Text(harmless(field)) for field in row))
    return grid


def fields(values: Json) -> None:
    """Names and values of one thing, a line each."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        line(f"{name:<{width}}  {shown}")


def harmless(text: str) -> str:
    """The text without what would steer the terminal of who reads it."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"} else "\ufffd" for c in text)


def degraded(answer: Json) -> None:
    """Say which parts an answer had to do without."""
    if parts := answer.get("degraded"):
        note(f"without {', '.join(parts)}, which is behind or down", "yellow")


def tree(value: Json, prefix: str = "") -> None:
    """Nested values as `a.b = c` lines."""
    for name, item in value.items():
        if isinstance(item, dict) and item:
            tree(item, f"{prefix}{name}.")
        else:
            line(f"{prefix}{name} = {item if isinstance(item, str) else json.dumps(item, default=str)}")


def for_jobs(variables: Mapping[str, str], dashboard: str | None) -> None:
    """What a Ray job needs to find the runtime, ready to paste."""
    line("From a Ray job, which needs nothing but Ray:")
    line()
    line("  export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items()))
    line("  python examples/ray_job.py")
    if dashboard:
        line(f"  ray job submit --address {dashboard} --working-dir examples -- python ray_job.py")
    line()


def welcome(url: str, key_is_set: bool) -> None:
    """Where Remora answers, what to try, and who may."""
    auth = " \\\n  -H 'Authorization: Token '\"$REMORA_ADMIN_KEY\"" if key_is_set else ""
    line(f"Remora is ready at {url}  (reference: {url}/docs)", "bold green")
    line()
    line("Store a memory, then find it:")
    line()
    for path, body in (
        ("/v1/memories/", {"messages": [{"role": "user", "content": "I moved to Lisbon in May."}], "user_id": "ana"}),
        ("/v1/memories/search/", {"query": "Where does Ana live?", "filters": {"user_id": "ana"}}),
    ):
        line(f"curl -s {url}{path}{auth} \\\n  -H 'Content-Type: application/json' \\\n  -d '{json.dumps(body)}'")
        line()
    if not key_is_set:
        line(
            "Open to every program on this machine, and to this machine only: no key is set (REMORA_ADMIN_KEY).",
            "yellow",
        )
