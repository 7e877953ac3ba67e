"""Many HTTP connections at once, as one command: `python bench/connections.py --help`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # So that it runs as a file too, from wherever.

from actors import runtime as runtimes
from bench.connection_results import Run, tables
from bench.many_connections import Callers
from bench.tables import Table, markdown
from engine.config import load
from engine.errors import RemoraError

out = Console(width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True)


def main() -> int:
    """Measure and show it. 0: no call failed but those that were refused for a while; 1: some did."""
    wanted = _arguments()
    key = os.environ.get("REMORA_ADMIN_KEY")
    with _server(wanted.url) as url:
        run = asyncio.run(_measured(url, key, wanted))
    for table in tables(run):
        out.print(markdown(table) if wanted.markdown else _rich(table), markup=False)
    return 1 if run.errors else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Opens many HTTP connections to a Remora; each adds and searches in turn, the next call when the "
        "last one is answered. Without --url a runtime is started on an empty directory. REMORA_* variables and "
        "remora.toml are obeyed. Ends with 1 if a call failed in another way than 429."
    )
    add = parser.add_argument
    add("--url", help="of a running Remora; what is added is deleted again; its key: REMORA_ADMIN_KEY")
    add("--connections", type=int, default=500, metavar="N", help="(%(default)s)")
    add("--seconds", type=float, default=30.0, metavar="S", help="(%(default)g)")
    add("--memories", type=int, default=1000, metavar="N", help="loaded before (%(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="of the texts (%(default)s)")
    add("--markdown", action="store_true", help="show tables as Markdown")
    wanted = parser.parse_args()
    for name, least, most in (("connections", 1, 5000), ("seconds", 1, 600), ("memories", 1, 100_000)):
        if not least <= getattr(wanted, name) <= most:
            parser.error(f"--{name} should be between {least} and {most}")
    return wanted


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


async def _measured(url: str, key: str | None, wanted: argparse.Namespace) -> Run:
    callers = Callers(url, key, f"bench-{uuid.uuid4().hex[:8]}", wanted.memories, wanted.seed)
    try:
        err.print(f"loading {wanted.memories} memories")
        await callers.load()
        err.print(f"{wanted.connections} connections for {wanted.seconds:g} s")
        return await callers.run(wanted.connections, wanted.seconds)
    finally:
        if wanted.url is not None:
            await callers.forget()


def _rich(table: Table) -> RichTable:
    shown = RichTable(title=table.title, title_justify="left")
    for place, name in enumerate(table.header):
        shown.add_column(name, justify="left" if place < table.left else "right")
    for row in table.rows:
        shown.add_row(*row)
    return shown


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        err.print("Stopped.")
        sys.exit(130)
    except (RemoraError, RuntimeError, OSError) as error:
        err.print(f"It could not be measured: {error}", markup=False)
        sys.exit(1)
