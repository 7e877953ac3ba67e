"""How long `remora serve` takes to be ready and whole again, as one command: `python bench/recovery.py --help`."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from rich.console import Console
from rich.table import Table as RichTable

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # So that it runs as a file too, from wherever.

from actors.sockets import free_ports
from bench.recovery_fill import fill, told
from bench.tables import Table, markdown, number
from engine.config import Settings, load
from engine.errors import RemoraError

out = Console(width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True)

_LONGEST_S = 1800.0
_LOOK_S = 0.02
_CALL_S = 30.0
_STOP_S = 120.0
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds since `remora serve` was typed. `behind`: changes that the indexes lacked when HTTP was ready."""

    after: str
    ready_s: float
    search_s: float
    indexes_s: float
    whole_search_s: float
    vector_behind: int
    graph_behind: int


def main() -> int:
    """Measure and show it."""
    wanted = _arguments()
    with _directory(wanted.data_dir) as directory:
        settings = load(data_dir=directory, host="127.0.0.1", port=free_ports(1)[0])
        if any(directory.glob("ledger-*.db")):
            err.print(f"{directory} has ledgers already: they are used as they are")
        else:
            _fill(settings, wanted.memories)
        found = list(_recoveries(settings, wanted))
    table = _table(found, wanted.memories)
    out.print(markdown(table) if wanted.markdown else _rich(table), markup=False)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Fills a data directory with memories, straight into its ledgers, and measures how long "
        "`remora serve` takes: to build both indexes from the ledger, after a clean stop, and after every process was "
        "killed during a load of adds. REMORA_* variables and remora.toml are obeyed."
    )
    add = parser.add_argument
    add("--memories", type=int, default=100_000, metavar="N", help="(%(default)s)")
    add("--load", type=int, default=3000, metavar="N", help="adds before everything is killed (%(default)s)")
    add("--data-dir", type=Path, help="kept, and used again next time; default: a temporary one")
    add("--markdown", action="store_true", help="show the table as Markdown")
    wanted = parser.parse_args()
    for name, least, most in (("memories", 1, 2_000_000), ("load", 0, 100_000)):
        if not least <= getattr(wanted, name) <= most:
            parser.error(f"--{name} should be between {least} and {most}")
    return wanted


@contextmanager
def _directory(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="remora-recovery-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _fill(settings: Settings, memories: int) -> None:
    began, written = time.monotonic(), 0

    def progress(count: int) -> None:
        nonlocal written
        if (written + count) * 10 // memories > written * 10 // memories:
            err.print(f"filling the ledger: {written + count} of {memories}")
        written += count

    asyncio.run(fill(settings, memories, progress))
    err.print(f"filled in {time.monotonic() - began:.0f} s")


def _recoveries(settings: Settings, wanted: argparse.Namespace) -> Iterator[Recovery]:
    """Each in turn; the runtime of one leaves what the next finds."""
    server = _Server(settings)
    try:
        _remove_indexes(settings.data_dir)
        yield server.start("no index files")
        server.stop()
        yield server.start("a clean stop")
        server.load(wanted.memories, wanted.load)
        server.kill()
        yield server.start("kill -9 of every process")
        server.stop()
    finally:
        server.close()


def _remove_indexes(data_dir: Path) -> None:
    for path in [*data_dir.glob("vector-*"), *data_dir.glob("graph-*")]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


class _Server:
    """`remora serve` on a data directory, and a caller of it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        key = os.environ.get("REMORA_ADMIN_KEY")
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{settings.port}",
            timeout=_CALL_S,
            headers={"Authorization": f"Token {key}"} if key else {},
        )
        self._began = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, after: str) -> Recovery:
        """Type the command, and look until everything is there again."""
        err.print(f"starting after {after}")
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "remora.cli", "serve"],
            env={
                **os.environ,
                "REMORA_DATA_DIR": str(self._settings.data_dir),
                "REMORA_PORT": str(self._settings.port),
            },
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        ready_s = self._until(self._is_ready)
        behind = self._behind() or (0, 0)
        search_s = self._until(lambda: self._searched() is not None)
        err.print(f"ready after {ready_s:.1f} s, first answer after {search_s:.1f} s; {behind} changes behind")
        indexes_s = self._until(lambda: self._behind() == (0, 0))
        whole_s = self._until(lambda: self._searched() == [])
        return Recovery(after, ready_s, search_s, indexes_s, whole_s, *behind)

    def load(self, first: int, adds: int) -> None:
        """Add memories, so that the indexes have something that isn't on their disks yet."""
        for start in range(first, first + adds, _BATCH):
            items = [
                {"messages": one.text, **one.scope.ids()}
                for one in map(told, range(start, min(start + _BATCH, first + adds)))
            ]
            self._http.post("/v1/memories/bulk/", json={"items": items}).raise_for_status()

    def stop(self) -> None:
        """As Ctrl-C does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_STOP_S)

    def kill(self) -> None:
        """Every process at once, until none is left."""
        while left := self._processes():
            for process in left:
                process.kill()
            psutil.wait_procs(left, _STOP_S)

    def close(self) -> None:
        """End what is left."""
        self.kill()
        self._http.close()

    def _processes(self) -> list[psutil.Process]:
        """Those that were started, however indirectly, with our data directory."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("REMORA_DATA_DIR") == str(self._settings.data_dir):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def _until(self, there: Callable[[], bool]) -> float:
        """Seconds since the start until something is there."""
        pause = threading.Event()
        while not there():
            if time.monotonic() - self._began > _LONGEST_S:
                raise RuntimeError(f"not there after {_LONGEST_S:.0f} s; see {self._settings.data_dir / 'run'}")
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError("it ended by itself")
            pause.wait(_LOOK_S)
        return time.monotonic() - self._began

    def _is_ready(self) -> bool:
        return self._ask("GET", "/readyz") is not None

    def _behind(self) -> tuple[int, int] | None:
        """Changes that the indexes lack: vectors, graph; None: not known."""
        status = self._ask("GET", "/v1/status/")
        if status is None or not all("vector" in shard for shard in status["shards"]):
            return None
        vector, graph = (
            sum(max(0, shard["ledger"]["position"] - shard[index]["position"]) for shard in status["shards"])
            for index in ("vector", "graph")
        )
        return vector, graph

    def _searched(self) -> list[str] | None:
        """What a search for something that is there lacked; None: there was no answer with it."""
        one = told(7)
        answer = self._ask("POST", "/v1/memories/search/", {"query": one.text, **one.scope.ids()})
        if answer is None or one.text not in [hit["memory"] for hit in answer["results"]]:
            return None
        return list(answer.get("degraded") or [])

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.HTTPError:
            return None
        return answer.json() if answer.is_success else None


def _table(found: list[Recovery], memories: int) -> Table:
    rows = tuple(
        (
            one.after,
            number(one.ready_s),
            number(one.search_s),
            f"{one.vector_behind:,} / {one.graph_behind:,}",
            number(one.indexes_s),
            number(one.whole_search_s),
        )
        for one in found
    )
    header = (
        "after",
        "HTTP ready",
        "a search finds it",
        "vectors / graph behind",
        "indexes whole",
        "search whole",
    )
    return Table(f"`remora serve` with {memories:,} memories, seconds since it was typed", header, rows)


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
    except (RemoraError, RuntimeError, OSError, httpx.HTTPError) as error:
        err.print(f"It could not be measured: {error}", markup=False)
        sys.exit(1)
