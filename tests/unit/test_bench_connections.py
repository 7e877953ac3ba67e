"""The benchmark of many connections: honest counts of what a server answered, and tables that read."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from bench.connection_results import Run, Tally, tables
from bench.tables import markdown
from engine.config import Settings
from engine.errors import InvariantViolated, Overloaded
from engine.in_process import in_process
from serve_app.application import create_app

LAG = {"p50": 0.5, "p95": 12.34, "max": 101.0}


def a_run(**more: Any) -> Run:
    adds = Tally(Counter({200: 3, 429: 2}), Counter(), [float(n) for n in range(1, 101)])
    searches = Tally(Counter({200: 1, 500: 1}), Counter({"search: 500 internal: no": 1}), [5.0], partial=1)
    values: dict[str, Any] = {
        "connections": 7,
        "seconds": 10.0,
        "tallies": {"add": adds, "search": searches},
        "opened": 7,
        "client_lag_ms": LAG,
        "status": {"actors": [{"name": "embedder-0", "loop_lag_ms": LAG}, {"name": "ledger-0"}]},
    }
    return Run(**(values | more))


def test_a_refusal_is_no_error_and_anything_else_is() -> None:
    run = a_run()
    assert (run.refused, run.errors) == (2, Counter({"search: 500 internal: no": 1}))


def test_tables_tell_throughput_latency_lag_and_errors() -> None:
    calls, lags, errors = (markdown(table) for table in tables(a_run()))
    assert "7 connections for 10.0 s (7 TCP connections opened, 2 answers 429)" in calls
    assert "| add | 100 | 10.0 | 50.0 | 95.0 | 99.0 | 100 | 200: 3, 429: 2 | 0 | 0 |" in calls
    assert "| search | 1 | 0.1 | 5.0 | 5.0 | 5.0 | 5.0 | 200: 1, 500: 1 | 1 | 1 |" in calls
    assert "| embedder-0 | 0.5 | 12.3 | 101 |" in lags
    assert "| ledger-0 | – | – | – |" in lags
    assert "| HTTP replica | – | – | – |" in lags
    assert "| this benchmark | 0.5 | 12.3 | 101 |" in lags
    assert "| search: 500 internal: no | 1 |" in errors


# --- against a server ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(api: Any) -> AsyncIterator[str]:
    """An HTTP server of this process over `api`."""
    config = uvicorn.Config(create_app(api, Settings()), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.ensure_future(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


async def run(api: Any, *, load: bool) -> Run:
    many = pytest.importorskip("bench.many_connections", reason="needs the extra 'bench'", exc_type=ImportError)
    async with serving(api) as url:
        callers = many.Callers(url, None, "bench", memories=50, seed=0)
        if load:
            await callers.load()
        made: Run = await callers.run(connections=20, seconds=0.5)
        await callers.forget()
        return made


async def test_every_connection_adds_and_searches_and_nothing_is_left_behind() -> None:
    memory = in_process()
    await memory.start()
    made = await run(memory, load=True)
    assert made.errors == Counter()
    assert all(len(tally.times_ms) == tally.statuses[200] >= 10 for tally in made.tallies.values())
    assert made.opened == 20
    assert made.status["ready"]
    assert (await memory.entities())["count"] == 0
    await memory.close()


class Failing:
    """A memory system that answers every call with an error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, verb: str) -> Any:
        async def call(*_: Any, **__: Any) -> Any:
            raise self._error

        return call


async def test_a_server_that_is_full_is_counted_and_given_time() -> None:
    made = await run(Failing(Overloaded("full", {"retry_after_s": 1})), load=False)
    assert (made.errors, made.refused) == (Counter(), 20)


async def test_a_server_that_fails_is_told_by_what_it_said() -> None:
    made = await run(Failing(InvariantViolated("broken")), load=False)
    assert {what.split(":")[0] for what in made.errors} == {"add", "search"}
    assert all("500 invariant_violated" in what for what in made.errors)
