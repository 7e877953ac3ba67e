"""What memory costs a chat, as one command: `python bench/chat.py --help`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.table import Table as RichTable

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # So that it runs as a file too, from wherever.

from actors.sockets import free_ports
from bench.chat_run import Plan, measure, table
from bench.own_server import OwnServer
from bench.tables import Table, markdown

out = Console(width=None if sys.stdout.isatty() else 150)
err = Console(stderr=True)
_UP_S = 30.0
_LOOK_S = 0.1


def main(
    *,
    think_ms: Annotated[float, typer.Option(min=0, max=10_000, help="How long the model thinks.")] = 200.0,
    memories: Annotated[int, typer.Option(min=1, max=100_000, help="Of each user.")] = 1000,
    rounds: Annotated[int, typer.Option(min=10, max=10_000, help="Each asks every kind once.")] = 200,
    callers: Annotated[int, typer.Option(min=1, max=64, help="Users who chat at once.")] = 1,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Show the table as Markdown.")] = False,
) -> None:
    """Measure the first byte of a chat: directly, through Remora without and with memory, beside one search.

    On a server and a scripted model of its own, in turn. REMORA_* variables are obeyed, but for where data is kept, the
    port and the language model.
    """
    plan = Plan(memories=memories, rounds=rounds, callers=callers, think_ms=think_ms)
    with (
        tempfile.TemporaryDirectory(prefix="remora-bench-", ignore_cleanup_errors=True) as name,
        _model(think_ms) as url,
    ):
        server = OwnServer(Path(name) / "chat", {"REMORA_LLM_BASE_URL": f"{url}/v1", "REMORA_LLM_MODEL": "m"})
        try:
            err.print("starting a server")
            server.start()
            found = asyncio.run(measure(url, server.url, plan, lambda text: err.print(text, markup=False)))
        except KeyboardInterrupt:
            err.print("Stopped.")
            raise typer.Exit(130) from None
        except (RuntimeError, TimeoutError, OSError, httpx.HTTPError) as error:
            err.print(f"It could not be measured: {error!r}", markup=False)
            raise typer.Exit(1) from error
        finally:
            server.stop()
    shown = table(found, plan)
    out.print(markdown(shown) if as_markdown else _rich(shown), markup=False)
    err.print(f"{found.recalled} of {len(found.ms['through Remora'])} chats had memories in their prompt")


@contextmanager
def _model(think_ms: float) -> Iterator[str]:
    """The scripted model's address."""
    port = free_ports(1)[0]
    command = [sys.executable, str(Path(__file__).with_name("slow_model.py")), str(port), str(think_ms)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + _UP_S
    while True:
        try:
            httpx.get(url, timeout=_UP_S, trust_env=False)
        except httpx.HTTPError:
            if process.poll() is not None or time.monotonic() > until_s:
                raise
        else:
            return
        try:
            process.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            continue


def _rich(table: Table) -> RichTable:
    shown = RichTable(title=table.title, title_justify="left")
    for place, name in enumerate(table.header):
        shown.add_column(name, justify="left" if place < table.left else "right")
    for row in table.rows:
        shown.add_row(*row)
    return shown


if __name__ == "__main__":
    typer.run(main)
