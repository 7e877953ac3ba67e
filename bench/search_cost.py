"""What the signals cost, as one command: `python bench/search_cost.py --help`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.table import Table as RichTable

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # So that it runs as a file too, from wherever.

from bench.own_server import OwnServer
from bench.search_cost_run import Plan, measure
from bench.tables import Table, markdown

out = Console(width=None if sys.stdout.isatty() else 150)
err = Console(stderr=True)


def main(
    *,
    memories: Annotated[int, typer.Option(min=100, max=100_000, help="In the scope that is searched.")] = 1000,
    large: Annotated[int, typer.Option(min=0, max=100_000, help="In the scope it is compared with; 0: none.")] = 10_000,
    rounds: Annotated[int, typer.Option(min=1, max=50)] = 5,
    seconds: Annotated[float, typer.Option(min=0.5, max=60, help="Of a measuring window.")] = 4.0,
    callers: Annotated[int, typer.Option(min=1, max=256, help="At once.")] = 32,
    adds: Annotated[bool, typer.Option(help="Measure adds with derived signals on and off: two servers.")] = True,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Show tables as Markdown.")] = False,
) -> None:
    """Measure what the signals of a search cost: on servers of its own, windows of one kind and the other in turn.

    Searches with all default signals against dense alone, a large scope against a small one, adds with derived signals
    on and off, how fast signals become complete, and what a memory takes on disk and in memory. REMORA_* variables are
    obeyed, but for where data is kept and the port.
    """
    plan = Plan(memories=memories, large=large, rounds=rounds, seconds=seconds, callers=callers)
    with tempfile.TemporaryDirectory(prefix="remora-bench-", ignore_cleanup_errors=True) as name:
        full = OwnServer(Path(name) / "with")
        bare = OwnServer(Path(name) / "without", {"REMORA_SIGNALS_ENABLED": "false"}) if adds else None
        try:
            for server in (full, bare):
                if server is not None:
                    err.print("starting a server")
                    server.start()
            tables = asyncio.run(measure(full, bare, plan, lambda text: err.print(text, markup=False)))
        except KeyboardInterrupt:
            err.print("Stopped.")
            raise typer.Exit(130) from None
        except (RuntimeError, TimeoutError, OSError, httpx.HTTPError) as error:
            err.print(f"It could not be measured: {error}", markup=False)
            raise typer.Exit(1) from error
        finally:
            full.stop()
            if bare is not None:
                bare.stop()
    for table in tables:
        out.print(markdown(table) if as_markdown else _rich(table), markup=False)


def _rich(table: Table) -> RichTable:
    shown = RichTable(title=table.title, title_justify="left")
    for place, name in enumerate(table.header):
        shown.add_column(name, justify="left" if place < table.left else "right")
    for row in table.rows:
        shown.add_row(*row)
    return shown


if __name__ == "__main__":
    typer.run(main)
