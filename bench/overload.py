"""Ten times the load that can be sustained, as one command: `python bench/overload.py --help`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # So that it runs as a file too, from wherever.

from actors import runtime as runtimes
from bench import http_load
from bench.http_load import Load, Outcome
from bench.many_connections import Callers
from bench.overload_results import Run, broken, left_over, rate, tables
from bench.process_memory import Samples, sample, watch
from bench.tables import markdown
from engine.config import load
from engine.errors import RemoraError

out = Console(width=None if sys.stdout.isatty() else 140)
err = Console(stderr=True)

_SETTLED_S = 60.0
_LOOK_S = 0.5
_SEED = 0


def main() -> int:
    """Measure and show it. 0: every promise was kept; 1: one was broken."""
    wanted = _arguments()
    with tempfile.TemporaryDirectory(prefix="remora-bench-", ignore_cleanup_errors=True) as name:
        err.print("starting a runtime")
        running = runtimes.start(load(data_dir=Path(name), host="127.0.0.1", port=0))
        try:
            run = asyncio.run(_measured(running, wanted))
        finally:
            running.stop()
    for table in tables(run):
        out.print(markdown(table), markup=False)
    said = broken(run)
    for one in said:
        err.print(f"BROKEN: {one}", markup=False)
    return 1 if said else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Starts a runtime on an empty directory (REMORA_* variables and remora.toml are obeyed), finds out "
        "what it sustains (every connection sends its next call when the last one is answered), then offers a multiple "
        "of that, whatever comes back; four adds to one search. Ends with 1 if memory grew by more than 20 %, a "
        "refusal had no Retry-After, a search did not work within 1 s after the load, or anything stayed behind."
    )
    add = parser.add_argument
    add("--times", type=float, default=10.0, metavar="X", help="of the sustainable load (%(default)g)")
    add("--seconds", type=float, default=60.0, metavar="S", help="of the flood (%(default)g)")
    add("--find-seconds", type=float, default=15.0, metavar="S", help="of the sustainable load (%(default)g)")
    add("--find-connections", type=int, default=32, metavar="N", help="of the sustainable load (%(default)s)")
    add("--connections", type=int, default=2000, metavar="N", help="of the flood, at most (%(default)s)")
    add("--memories", type=int, default=1000, metavar="N", help="loaded before (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="write all figures there")
    wanted = parser.parse_args()
    limits = (("times", 1, 100), ("seconds", 1, 600), ("find_seconds", 1, 120), ("connections", 1, 10_000))
    for name, least, most in (*limits, ("find_connections", 1, 1000), ("memories", 1, 100_000)):
        if not least <= getattr(wanted, name) <= most:
            parser.error(f"--{name.replace('_', '-')} should be between {least} and {most}")
    return wanted


async def _measured(running: runtimes.Runtime, wanted: argparse.Namespace) -> Run:
    url, key, pid = running.url, os.environ.get("REMORA_ADMIN_KEY"), running.record.pid
    if url is None:
        raise RuntimeError("the runtime has no address")
    err.print(f"loading {wanted.memories} memories")
    await Callers(url, key, "bench", wanted.memories, _SEED).load()
    common: dict[str, Any] = {"url": url, "key": key, "memories": wanted.memories, "seed": _SEED}
    warm = Load(**common, connections=8, seconds=3.0, per_s=None, drain_s=10.0, first=wanted.memories)
    await _sent(warm)
    idle = Samples()
    await asyncio.to_thread(sample, pid, idle, 0.0)
    err.print(f"{wanted.find_connections} connections for {wanted.find_seconds:g} s")
    first = wanted.memories + 100_000
    find = Load(
        **common,
        connections=wanted.find_connections,
        seconds=wanted.find_seconds,
        per_s=None,
        drain_s=10.0,
        first=first,
    )
    async with _watched(pid) as sustained_memory:
        sustained = await _sent(find)
    per_s = rate(sustained) * wanted.times
    err.print(f"it sustains {rate(sustained):.0f} calls/s; {per_s:.0f} calls/s for {wanted.seconds:g} s")
    flood_load = Load(
        **common,
        connections=wanted.connections,
        seconds=wanted.seconds,
        per_s=per_s,
        drain_s=_SETTLED_S,
        first=first + 200_000,
    )
    async with _watched(pid) as flood_memory:
        flood = await _sent(flood_load)
    left = await _settled(url, key)
    run = Run(sustained, flood, idle.peak, sustained_memory, flood_memory, per_s, left)
    if wanted.json is not None:
        wanted.json.write_text(json.dumps(asdict(run)))
    return run


async def _sent(what: Load) -> Outcome:
    """One load, from a process of its own: what it costs the sender is nobody's answer time but its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, http_load.__file__, json.dumps(asdict(what)), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the sender ended with {process.returncode}")
    return Outcome(**json.loads(told))


@asynccontextmanager
async def _watched(pid: int) -> AsyncIterator[Samples]:
    """Memory of the runtime while the block runs."""
    samples = Samples()
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch(pid, samples))
        try:
            yield samples
        finally:
            watching.cancel()


async def _settled(url: str, key: str | None) -> dict[str, Any]:
    """What stays under way although nothing is sent any more; nothing, normally at once."""
    left: dict[str, Any] = {}
    for _ in range(int(_SETTLED_S / _LOOK_S)):
        left = left_over(await asyncio.to_thread(_status, url, key))
        if not left:
            return {}
        await asyncio.sleep(_LOOK_S)
    return left


def _status(url: str, key: str | None) -> dict[str, Any]:
    headers = {"authorization": f"Token {key}"} if key else {}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/v1/status/", headers=headers), timeout=30) as reply:
        found: dict[str, Any] = json.loads(reply.read())
    return found


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        err.print("Stopped.")
        sys.exit(130)
    except (RemoraError, RuntimeError, OSError) as error:
        err.print(f"It could not be measured: {error}", markup=False)
        sys.exit(1)
