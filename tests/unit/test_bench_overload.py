"""The overload benchmark: an honest count of what was sent and answered, and verdicts that can go either way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import psutil
import pytest
import uvicorn

from bench.http_load import Client, Load, Outcome
from bench.overload_results import Run, broken, left_over, rate, tables
from bench.process_memory import Samples, sample, tree
from bench.tables import markdown
from engine.config import Settings, load
from engine.in_process import in_process
from serve_app.application import create_app

MIB = 1024 * 1024


def an_outcome(**more: Any) -> Outcome:
    values: dict[str, Any] = {
        "seconds": 10.0,
        "due": 1000,
        "unsent": 100,
        "opened": 50,
        "statuses": {"add": {"200": 90, "429": 700}, "search": {"200": 30, "429": 80}},
        "times_ms": {"add": [float(n) for n in range(1, 91)], "search": [5.0] * 30},
        "retry_s": {"2": 700, "11": 80},
        "search_after_s": 0.4,
    }
    return Outcome(**(values | more))


def a_run(**more: Any) -> Run:
    values: dict[str, Any] = {
        "sustained": an_outcome(),
        "flood": an_outcome(),
        "idle_bytes": 90 * MIB,
        "sustained_memory": Samples([(0.0, 90 * MIB), (0.5, 100 * MIB)], {"embedder (1)": 60 * MIB}),
        "flood_memory": Samples([(0.0, 119 * MIB), (0.5, 110 * MIB)], {"embedder (1)": 70 * MIB}),
        "offered_per_s": 120.0,
        "left": {},
    }
    return Run(**(values | more))


def test_a_run_that_keeps_every_promise_is_not_blamed() -> None:
    assert broken(a_run()) == []


@pytest.mark.parametrize(
    ("run", "word"),
    [
        (a_run(flood_memory=Samples([(0.0, 121 * MIB)])), "memory grew by 21%"),
        (a_run(flood=an_outcome(bare=3)), "3 refusals"),
        (a_run(flood=an_outcome(search_after_s=1.5)), "after 1.50 s"),
        (a_run(flood=an_outcome(search_after_s=None)), "never"),
        (a_run(left={"shard 0, lanes": 2}), "lanes"),
        (a_run(flood=an_outcome(broken={"add: closed": 1})), "add: closed"),
        (a_run(flood=an_outcome(unanswered=4)), "unanswered"),
        (a_run(flood=an_outcome(statuses={"add": {"500": 1}, "search": {"200": 1}})), "add 500"),
        (a_run(flood=an_outcome(times_ms={"add": [1.0], "search": []})), "no search"),
    ],
)
def test_each_broken_promise_is_named(run: Run, word: str) -> None:
    (said,) = broken(run)
    assert word in said


def test_tables_tell_both_loads() -> None:
    calls, refusals, memory, processes = (markdown(table) for table in tables(a_run()))
    assert (
        "Sustainable: 12 calls/s. Flood: 120 calls/s offered for 10 s, 90% of them sent, over 50 connections" in calls
    )
    assert "| flood | search | 30 | 3.0 | 5.0 | 5.0 | 5.0 | 200: 30, 429: 80 |" in calls
    assert "| Retry-After | 2 to 11 s |" in refusals
    assert "| growth | 19.0% |" in memory
    assert "| embedder (1) | 60.0 | 70.0 |" in processes


def test_what_is_still_under_way_is_found_in_a_status() -> None:
    at_rest = {
        "gates": {"operations": {"pending": 0}},
        "queues": {"embedder": {"waiting": 0, "running": 0}},
        "vector": {"lag": 0},
        "writes": {"lanes": 0},
    }
    assert left_over({"shards": [at_rest]}) == {}
    busy = at_rest | {"gates": {"operations": {"pending": 3}}, "vector": {"lag": 7}}
    assert left_over({"shards": [busy]}) == {"shard 0, gate operations": 3, "shard 0, lag of vector": 7}


def test_only_whole_seconds_of_at_least_one_are_a_retry_after() -> None:
    outcome = Outcome()
    for value in ("3", None, "0", "1.5", "soon"):
        outcome.answered("add", 429, 0.1, value)
    outcome.answered("add", 503, 0.1, "1")
    assert (outcome.retry_s, outcome.bare) == ({"3": 1, "1": 1}, 4)


def test_memory_is_that_of_the_whole_tree() -> None:
    samples = Samples()
    me = psutil.Process().pid
    sample(me, samples, 0.0)
    assert samples.peak > 10 * MIB
    assert me in [process.pid for process in tree(me)]
    assert sum(samples.most.values()) == samples.peak


# --- against a server ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """A memory system of this process behind HTTP."""
    memory = in_process(settings)
    await memory.start()
    config = uvicorn.Config(create_app(memory, settings), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.ensure_future(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        await memory.close()


def a_load(url: str) -> Load:
    return Load(url, None, connections=4, seconds=0.5, per_s=None, drain_s=5.0, first=0, memories=1, seed=0)


async def test_every_call_of_a_closed_loop_is_answered() -> None:
    async with serving(load()) as url:
        outcome = await Client(a_load(url)).run()
    assert (outcome.broken, outcome.unanswered, outcome.opened) == ({}, 0, 4)
    assert set(outcome.statuses["add"]) | set(outcome.statuses["search"]) == {"200"}
    assert rate(outcome) > 0
    assert outcome.search_after_s is not None


async def test_a_flood_is_refused_with_a_time_to_come_back_and_every_call_is_counted() -> None:
    settings = load(limits={"pending_requests": 8, "pending_operations": 4})
    async with serving(settings) as url:
        await Client(a_load(url)).run()
        outcome = await Client(replace(a_load(url), per_s=600.0, connections=40, first=1000)).run()
    answered = sum(count for statuses in outcome.statuses.values() for count in statuses.values())
    assert answered + outcome.unsent == outcome.due
    assert outcome.statuses["add"].get("429", 0) + outcome.statuses["search"].get("429", 0) == sum(
        outcome.retry_s.values()
    )
    assert (outcome.bare, outcome.broken, outcome.unanswered) == (0, {}, 0)
    assert outcome.search_after_s is not None


async def test_a_server_that_is_not_there_is_not_taken_for_a_good_one() -> None:
    client = Client(replace(a_load("http://127.0.0.1:9"), per_s=20.0, seconds=0.2, drain_s=0.1))
    pouring = asyncio.ensure_future(client.run())
    async with asyncio.timeout(10):
        while not client.outcome.broken:
            await asyncio.sleep(0.01)
    pouring.cancel()
    await asyncio.wait([pouring])
    assert client.outcome.search_after_s is None
