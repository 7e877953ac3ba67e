"""How the command line shows things: tables, JSON, progress, notices. Plain lines where nobody watches a terminal."""

from __future__ import annotations

import json
import shlex
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

Json: TypeAlias = dict[str, Any]

out = Console(highlight=False, soft_wrap=True)
err = Console(highlight=False, soft_wrap=True, stderr=True)


def line(text: str = "", style: str | None = None) -> None:
    """One line of result, as it is: no markup is read from it."""
    out.print(Text(_harmless(text), style=style or ""))


def note(text: str, style: str | None = None) -> None:
    """One line about the work, on stderr, so that results can be piped."""
    err.print(Text(_harmless(text), style=style or ""))


def as_json(value: Any) -> None:
    """The value as JSON, indented; safe for every terminal encoding."""
    out.file.write(json.dumps(value, indent=2, default=str) + "\n")


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


def added(answer: Json) -> None:
    """What an add did, one line per memory."""
    if answer.get("status") == "PENDING":
        line(f"accepted; operation {answer.get('operation_id')} is under way")
    for result in answer.get("results", []):
        line(f"{result['event']:<6} {result['id']}  {result['memory']}")
    _degraded(answer)


def found(answer: Json) -> None:
    """Hits of a search, best first: a table on a terminal, else one line each with score, id and memory."""
    results = answer.get("results", [])
    if not results:
        line("Nothing found.")
    elif out.is_terminal:
        out.print(_table(results))
    else:
        for hit in results:
            line(f"{_score(hit)}  {hit['id']}  {' '.join(hit['memory'].split())}")
    _degraded(answer)


def _table(results: list[Json]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("memory", overflow="fold", ratio=1)
    table.add_column("id", no_wrap=True, style="dim")
    for hit in results:
        table.add_row(Text(_score(hit)), Text(_harmless(hit["memory"])), Text(hit["id"]))
    return table


def _score(hit: Json) -> str:
    return f"{hit.get('score') or 0:.3f}"


def _harmless(text: str) -> str:
    # A stored text must not steer the terminal of who reads it.
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"} else "\ufffd" for c in text)


def _degraded(answer: Json) -> None:
    if parts := answer.get("degraded"):
        note(f"without {', '.join(parts)}, which is behind or down", "yellow")


def state(status: Json) -> None:
    """What runs: where it answers, its actors, and how far the memory is."""
    memory = status["memory"]
    line(
        f"{'ready' if memory.get('ready') else memory.get('state', 'not ready')} at {status.get('url') or '(no HTTP)'}"
    )
    for name in ("mode", "pid", "http", "address", "dashboard"):
        if status.get(name):
            line(f"{name:<10} {status[name]}")
    line()
    for actor in status["actors"]:
        calls = sum(actor.get("calls", {}).values())
        told = f"process {actor['pid']}, {calls} calls" if "pid" in actor else actor.get("error", "")
        line(f"{actor['name']:<16} {'ready' if actor.get('ready') else 'down':<6} {told}")
    line()
    tree(memory)


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
