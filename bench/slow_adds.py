"""Searches while a language model is slow, as one command: `python bench/slow_adds.py --help`."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import httpx
import numpy as np
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # So that it runs as a file too, from wherever.

from actors import runtime as runtimes
from bench.recorded_model import RecordedModel, serving
from bench.tables import Table, markdown
from engine.config import load

out = Console(width=None if sys.stdout.isatty() else 140)
err = Console(stderr=True)

_CALL_S = 120.0
_PATIENCE_S = 300.0
_MOST = 1.3
"""How much longer the slowest searches may take while adds wait for the model."""


def main() -> int:
    """Measure and show it. 0: searches are as quick as before; 1: they aren't."""
    parser = argparse.ArgumentParser(
        description="Starts a runtime whose language model answers only when it is told to, and measures searches over "
        "HTTP with no add under way and with many that wait for their facts, in turn. Ends with 1 if the median ratio "
        f"of the 95th percentiles is above {_MOST}."
    )
    add = parser.add_argument
    add("--adds", type=int, default=64, metavar="N", help="that wait for the model (%(default)s)")
    add("--rounds", type=int, default=7, metavar="N", help="(%(default)s)")
    add("--searches", type=int, default=400, metavar="N", help="in each half of a round (%(default)s)")
    add("--callers", type=int, default=4, metavar="N", help="that search at once (%(default)s)")
    add("--memories", type=int, default=1000, metavar="N", help="loaded before (%(default)s)")
    return asyncio.run(_measured(parser.parse_args()))


async def _measured(wanted: argparse.Namespace) -> int:
    model = RecordedModel((), ())
    with tempfile.TemporaryDirectory(prefix="remora-bench-", ignore_cleanup_errors=True) as name:
        async with serving(model) as url:
            llm = {"base_url": url, "model": "recorded", "concurrency": wanted.adds, "call_deadline_s": _CALL_S}
            settings = load(data_dir=Path(name), host="127.0.0.1", port=0, llm=llm)
            err.print("starting a runtime")
            running = await asyncio.to_thread(runtimes.start, settings)
            try:
                limits = httpx.Limits(max_connections=wanted.adds + wanted.callers)
                async with httpx.AsyncClient(base_url=str(running.url), timeout=_CALL_S, limits=limits) as http:
                    return await _rounds(http, model, wanted)
            finally:
                model.held.set()
                await asyncio.to_thread(running.stop)


async def _rounds(http: httpx.AsyncClient, model: RecordedModel, wanted: argparse.Namespace) -> int:
    await _loaded(http, wanted.memories)
    await _searched(http, wanted)
    rows: list[tuple[float, float, float, float]] = []
    for number in range(wanted.rounds):
        idle = await _searched(http, wanted)
        model.held.clear()
        adds = [asyncio.ensure_future(_added(http, f"slow {number} {one}")) for one in range(wanted.adds)]
        await _in_flight(model, wanted.adds)
        await _quiet(http)
        slow = await _searched(http, wanted)
        model.held.set()
        await asyncio.gather(*adds)
        await _quiet(http)
        rows.append((*idle, *slow))
        err.print(f"round {number + 1} of {wanted.rounds}: p95 {idle[1]:.1f} ms idle, {slow[1]:.1f} ms with adds")
    return _told(rows, wanted.adds)


def _told(rows: list[tuple[float, float, float, float]], adds: int) -> int:
    ratio = median(row[3] / row[1] for row in rows)
    columns = [f"{median(row[at] for row in rows):.1f}" for at in range(4)]
    header = ("searches", "p50 ms", "p95 ms")
    told = (("no add under way", *columns[:2]), (f"{adds} adds wait for the model", *columns[2:]))
    out.print(markdown(Table("Medians over rounds", header, told)), markup=False)
    out.print(f"p95 with adds under way is {ratio:.2f} times that without (median of {len(rows)} rounds)")
    return int(ratio > _MOST)


async def _loaded(http: httpx.AsyncClient, memories: int) -> None:
    said = [
        {"role": "user", "content": f"Note {number}: the parcel goes to gate {number % 97}."}
        for number in range(memories)
    ]
    for start in range(0, memories, 100):
        body = {"messages": said[start : start + 100], "user_id": "ana", "infer": False}
        (await http.post("/v1/memories/", json=body)).raise_for_status()
    await _quiet(http)


async def _searched(http: httpx.AsyncClient, wanted: argparse.Namespace) -> tuple[float, float]:
    """The median and the 95th percentile, in milliseconds."""
    took_ms: list[float] = []
    left = iter(range(wanted.searches))

    async def caller() -> None:
        for number in left:
            body = {"query": f"Where does parcel {number} go?", "filters": {"user_id": "ana"}, "top_k": 10}
            began_s = time.perf_counter()
            (await http.post("/v1/memories/search/", json=body)).raise_for_status()
            took_ms.append((time.perf_counter() - began_s) * 1000)

    await asyncio.gather(*[caller() for _ in range(wanted.callers)])
    return float(np.percentile(took_ms, 50)), float(np.percentile(took_ms, 95))


async def _added(http: httpx.AsyncClient, text: str) -> None:
    body = {"messages": [{"role": "user", "content": text}], "user_id": text.replace(" ", "-")}
    (await http.post("/v1/memories/", json=body)).raise_for_status()


async def _in_flight(model: RecordedModel, calls: int) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while model.in_flight < calls:
        if time.monotonic() > until_s:
            raise TimeoutError(f"only {model.in_flight} of {calls} questions came to the model")
        await asyncio.sleep(0.05)


async def _quiet(http: httpx.AsyncClient) -> None:
    """Until no derived signal is missing."""
    until_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until_s:
        shards = (await http.get("/v1/status/")).json()["shards"]
        if not any((shard.get("signals") or {}).get("pending") for shard in shards):
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("signals are still missing")


if __name__ == "__main__":
    sys.exit(main())
